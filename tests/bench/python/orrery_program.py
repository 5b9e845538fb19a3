"""The loops over Orrery in a process of their own: answers lines "NAME SECONDS" on stdin with "result VALUE".

Needs build/release/python on PYTHONPATH.
"""
import sys

import orrery
from loops import loops

orrery.init(address="local", num_cpus=1, log_to_driver=False)
known = loops(orrery)
print("ready", flush=True)
for line in sys.stdin:
    name, seconds = line.split()
    print("result", known[name][1](float(seconds)), flush=True)
known.clear()  # their actor with them
orrery.shutdown()
