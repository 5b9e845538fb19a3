"""Orrery's Python API beside what the interpreter alone allows, interleaved on one core; medians. ./dev bench python

Ceilings: for calls, the same calls pickled and sent over a socket pair to a second interpreter; for put, a copy into
warm shared memory; for get, the budget of a millisecond; for actors, starts of an interpreter that does nothing.
"""
import argparse
import json
import mmap
import os
import pickle
import socket
import statistics
import struct
import subprocess
import sys
import time

import numpy

import orrery as ray
from loops import BATCH, GIB, loops, repeated


class RawPair:
    """A second interpreter that answers each pickled call with a pickled value."""

    def __init__(self):
        self.ours, theirs = socket.socketpair()
        self.child = os.fork()
        if self.child == 0:
            self.ours.close()
            self._serve(theirs)
            os._exit(0)
        theirs.close()

    @staticmethod
    def _messages(connection, rest=b""):
        while data := connection.recv(1 << 16):
            rest += data
            at = 0
            while len(rest) >= at + 4:
                size = struct.unpack_from("<I", rest, at)[0]
                if len(rest) < at + 4 + size:
                    break
                yield pickle.loads(rest[at + 4:at + 4 + size])
                at += 4 + size
            rest = rest[at:]
            yield None  # nothing more for now

    @staticmethod
    def _framed(value):
        data = pickle.dumps(value, protocol=5)
        return struct.pack("<I", len(data)) + data

    def _serve(self, connection):
        answers = []
        for message in self._messages(connection):
            if message is not None:
                answers.append(self._framed((message[0], 0)))
            elif answers:
                connection.sendall(b"".join(answers))
                answers = []

    def call(self, count):
        """`count` calls, sent together; returns when all are answered."""
        self.ours.sendall(b"".join(self._framed((i, "no_op", ())) for i in range(count)))
        for message in self._messages(self.ours):
            count -= message is not None
            if count == 0:
                return

    def sync(self, seconds):
        """Microseconds of a round trip."""
        steps, took = repeated(lambda: self.call(1), seconds)
        return took / steps * 1e6

    def asynchronous(self, seconds):
        """Calls per second."""
        steps, took = repeated(lambda: self.call(BATCH), seconds)
        return steps * BATCH / took

    def close(self):
        self.ours.close()
        os.waitpid(self.child, 0)


def copy_rate(seconds):
    """Bytes per second of copying 1 GiB into warm shared memory."""
    source = numpy.ones(GIB, dtype=numpy.uint8)
    file = os.memfd_create("ceiling")
    os.ftruncate(file, GIB)
    with mmap.mmap(file, GIB) as memory:
        target = numpy.frombuffer(memory, dtype=numpy.uint8)
        target[:] = source
        steps, took = repeated(lambda: numpy.copyto(target, source), seconds)
        del target
    os.close(file)
    return steps * GIB / took


def start_rate(seconds):
    """Interpreters per second, ten at a time."""
    def start():
        for process in [subprocess.Popen([sys.executable, "-S", "-c", "pass"]) for _ in range(10)]:
            process.wait()
    steps, took = repeated(start, seconds)
    return steps * 10 / took


def report(form, name, value, unit, ceiling):
    if form == "json":
        row = {"name": f"python.{name}", "value": float(f"{value:.6g}"), "unit": unit, "ceiling": float(f"{ceiling:.6g}"),
               "ratio": round(value / ceiling, 4)}
        print(json.dumps(row), flush=True)
    else:
        print(f"{name:38} {value:12.4g} {unit:11} {ceiling:12.4g} {value / ceiling:8.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each repetition")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", default="", help="figures whose name begins so")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    raw = RawPair()  # before there are threads
    ray.init(address="local", num_cpus=1, log_to_driver=False)
    figures = loops(ray)
    ceilings = {
        "task_sync": raw.sync, "task_async": raw.asynchronous, "actor_sync": raw.sync, "actor_async": raw.asynchronous,
        "put_1GiB": copy_rate, "get_1GiB": lambda _: 1000.0, "actor_create": start_rate,
    }
    if options.format == "table":
        print(f"{'Python':38} {'value':>12} {'unit':11} {'ceiling':>12} {'ratio':>8}")
    for name, (unit, measure) in figures.items():
        if not f"py_{name}".startswith(options.only):
            continue
        ours, theirs = [], []
        for _ in range(options.repetitions):
            theirs.append(ceilings[name](options.seconds))
            ours.append(measure(options.seconds))
        report(options.format, f"py_{name}", statistics.median(ours), unit, statistics.median(theirs))
    figures.clear()  # their actor with them
    ray.shutdown()
    raw.close()


if __name__ == "__main__":
    main()
