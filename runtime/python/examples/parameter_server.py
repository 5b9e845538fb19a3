"""A parameter server: one actor holds the weights of a line, tasks compute gradients on their share of the points."""
import numpy

import orrery as ray

ray.init()
SHARDS, STEPS, RATE = 4, 60, 0.5


@ray.remote
class ParameterServer:
    def __init__(self, size):
        self.weights = numpy.zeros(size)

    def pull(self):
        return self.weights

    def push(self, *gradients):
        self.weights = self.weights - RATE * numpy.mean(gradients, axis=0)
        return self.weights


@ray.remote
def gradient(weights, x, y):
    """Of the mean squared error of y = weights · (x, 1)."""
    points = numpy.stack([x, numpy.ones_like(x)], axis=1)
    return 2 * points.T @ (points @ weights - y) / len(x)


random = numpy.random.default_rng(7)
xs = [random.uniform(-1, 1, 10_000) for _ in range(SHARDS)]
shards = [(ray.put(x), ray.put(3 * x - 2)) for x in xs]
server = ParameterServer.remote(2)
weights = server.pull.remote()
for _ in range(STEPS):
    weights = server.push.remote(*[gradient.remote(weights, x, y) for x, y in shards])
slope, intercept = ray.get(weights)
print(f"y = {slope:.3f} x - {-intercept:.3f}")  # y = 3.000 x - 2.000
