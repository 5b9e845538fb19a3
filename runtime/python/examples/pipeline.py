"""A pipeline with a bounded number of items under way: wait() takes whichever is done."""
import orrery as ray


@ray.remote
def produce(i):
    return list(range(i, i + 3))


@ray.remote
def consume(items):
    return sum(items)


ray.init()
under_way, total = [], 0
for i in range(20):
    if len(under_way) == 4:
        done, under_way = ray.wait(under_way)
        total += sum(ray.get(done))
    under_way.append(consume.remote(produce.remote(i)))
print(total + sum(ray.get(under_way)))  # 630
