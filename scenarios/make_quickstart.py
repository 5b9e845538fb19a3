#!/usr/bin/env python3
"""Writes quickstart.csv: 300 tasks as a small service sees them.

Arrivals: Poisson, 25 per second over 9 s, plus two bursts of 40 tasks at 3 s and 6 s (a page that fans out).
Durations: log-normal, median 60 ms, sigma 0.8, cut to 5 ... 200 ms. One task in ten needs both CPUs of a node.
Only random.random() is used, which is the same in every Python 3: the file can be made again byte for byte.
"""
import math
import os
import random

SEED = 20240229
TASKS = 300
RATE_PER_S = 25.0
BURSTS_S = (3.0, 6.0)
BURST_SIZE = 40


def normal(rng):
    """A standard normal by Box and Muller."""
    return math.sqrt(-2 * math.log(1 - rng.random())) * math.cos(2 * math.pi * rng.random())


def main():
    rng = random.Random(SEED)
    arrivals = [(at, "fanout") for at in BURSTS_S for _ in range(BURST_SIZE)]
    now = 0.0
    while len(arrivals) < TASKS:
        now += -math.log(1 - rng.random()) / RATE_PER_S
        arrivals.append((now, "request"))
    arrivals.sort()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "quickstart.csv")
    with open(path, "w", encoding="ascii", newline="\n") as out:
        out.write("name,submit_time_s,duration_ms,cpus\n")
        for i, (at, kind) in enumerate(arrivals):
            duration = min(200, max(5, round(60 * math.exp(0.8 * normal(rng)))))
            cpus = 2 if rng.random() < 0.1 else 1
            out.write(f"{kind}-{i:03d},{at:.3f},{duration},{cpus}\n")


if __name__ == "__main__":
    main()
