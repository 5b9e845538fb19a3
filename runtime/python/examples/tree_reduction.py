"""A parallel tree reduction: refs as arguments, so that no sum passes through the driver."""
import numpy
import orrery as ray


@ray.remote
def part(i):
    return numpy.full(100_000, i, dtype=numpy.int64)


@ray.remote
def add(a, b):
    return a + b


ray.init()
level = [part.remote(i) for i in range(16)]
while len(level) > 1:
    level = [add.remote(a, b) for a, b in zip(level[::2], level[1::2])]
print(int(ray.get(level[0])[0]))  # 120
