"""Loops over Orrery's Python API, one figure each. As a program: answers lines "NAME SECONDS" on stdin with "result VALUE".

Needs build/release/python on PYTHONPATH.
"""
import sys
import time

import numpy

import orrery as ray

BATCH = 1000
GIB = 1 << 30


@ray.remote
def no_op():
    return 0


@ray.remote(num_cpus=0)
class Actor:
    def no_op(self):
        return 0


def repeated(step, seconds):
    """Steps, and the seconds they took in all."""
    begin = now = time.monotonic()
    steps = 0
    while now < begin + seconds:
        step()
        steps += 1
        now = time.monotonic()
    return steps, now - begin


def sync(call):
    """Microseconds from a call to its value."""
    def measure(seconds):
        steps, took = repeated(lambda: ray.get(call()), seconds)
        return took / steps * 1e6
    return measure


def asynchronous(call):
    """Calls per second, BATCH of them under way."""
    def measure(seconds):
        steps, took = repeated(lambda: ray.get([call() for _ in range(BATCH)]), seconds)
        return steps * BATCH / took
    return measure


def put_rate(seconds):
    """Bytes per second of putting an array of 1 GiB, each dropped before the next."""
    array = numpy.ones(GIB, dtype=numpy.uint8)
    ray.put(array)  # touches the store's memory for the first time
    steps, took = repeated(lambda: ray.put(array), seconds)
    return steps * GIB / took


def get_time(seconds):
    """Microseconds of getting an array of 1 GiB that lies on this node."""
    ref = ray.put(numpy.ones(GIB, dtype=numpy.uint8))
    steps, took = repeated(lambda: ray.get(ref), seconds)
    return took / steps * 1e6


def create_rate(seconds):
    """Actors per second, from the request until they answer, ten at a time."""
    def create():
        actors = [Actor.remote() for _ in range(10)]
        ray.get([actor.no_op.remote() for actor in actors])
    steps, took = repeated(create, seconds)
    return steps * 10 / took


def loops():
    """All of them by name. The session must be there."""
    actor = Actor.remote()
    for _ in range(200):
        ray.get([no_op.remote(), actor.no_op.remote()])
    return {
        "task_sync": sync(no_op.remote), "task_async": asynchronous(no_op.remote),
        "actor_sync": sync(actor.no_op.remote), "actor_async": asynchronous(actor.no_op.remote),
        "put_1GiB": put_rate, "get_1GiB": get_time, "actor_create": create_rate,
    }


def main():
    ray.init(address="local", num_cpus=1, log_to_driver=False)
    known = loops()
    print("ready", flush=True)
    for line in sys.stdin:
        name, seconds = line.split()
        print("result", known[name](float(seconds)), flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
