"""A streaming pipeline: a generator makes batches while others are worked on, and never is more than two ahead."""
import numpy as np
import orrery as ray


@ray.remote(_generator_backpressure_num_objects=2)
def batches(count):
    for i in range(count):
        yield np.full(1000, i)


@ray.remote
def normalise(batch):
    return batch / 1000


@ray.remote
class Collector:
    def __init__(self):
        self.total = 0.0

    def add(self, batch):
        self.total += batch.sum()
        return self.total


ray.init()
collector = Collector.remote()
last = None
for batch in batches.remote(10):  # a ref as soon as the batch is there
    last = collector.add.remote(normalise.remote(batch))
print(round(ray.get(last), 3))  # 45.0
