"""Four tasks and their results."""
import orrery as ray

ray.init()


@ray.remote
def f(x):
    return x * x


futures = [f.remote(i) for i in range(4)]
results = ray.get(futures)
print(results)
