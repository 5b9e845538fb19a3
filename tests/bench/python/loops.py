"""Loops over a module with Ray's names, one figure each: the same code for Orrery and for Ray."""
import time

import numpy

BATCH = 1000
GIB = 1 << 30


def repeated(step, seconds):
    """Steps, and the seconds they took in all."""
    begin = now = time.monotonic()
    steps = 0
    while now < begin + seconds:
        step()
        steps += 1
        now = time.monotonic()
    return steps, now - begin


def loops(ray):
    """Name → (unit, function of the seconds to measure for). `ray` must be connected."""

    @ray.remote
    def no_op():
        return 0

    @ray.remote(num_cpus=0)
    class Actor:
        def no_op(self):
            return 0

    def sync(call):
        def measure(seconds):
            steps, took = repeated(lambda: ray.get(call()), seconds)
            return took / steps * 1e6
        return "us", measure

    def asynchronous(call):
        def measure(seconds):
            steps, took = repeated(lambda: ray.get([call() for _ in range(BATCH)]), seconds)
            return steps * BATCH / took
        return "1/s", measure

    def put(seconds):  # each array is dropped before the next
        array = numpy.ones(GIB, dtype=numpy.uint8)
        ray.put(array)  # touches the store's memory for the first time
        steps, took = repeated(lambda: ray.put(array), seconds)
        return steps * GIB / took

    def get(seconds):
        ref = ray.put(numpy.ones(GIB, dtype=numpy.uint8))
        return sync(lambda: ref)[1](seconds)

    def create(seconds):  # from the request until they answer, ten at a time
        def ten():
            actors = [Actor.remote() for _ in range(10)]
            ray.get([actor.no_op.remote() for actor in actors])
        steps, took = repeated(ten, seconds)
        return steps * 10 / took

    actor = Actor.remote()
    for _ in range(200):
        ray.get([no_op.remote(), actor.no_op.remote()])
    return {
        "task_sync": sync(no_op.remote), "task_async": asynchronous(no_op.remote),
        "actor_sync": sync(actor.no_op.remote), "actor_async": asynchronous(actor.no_op.remote),
        "put_1GiB": ("B/s", put), "get_1GiB": ("us", get), "actor_create": ("1/s", create),
    }
