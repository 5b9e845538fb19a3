"""Runs a command that prints JSON with a "digest" several times, in different circumstances; the digests must agree.

usage: determinism.py [--expect-difference] COMMAND...     exit 0: as expected, 1: not, 2: the command failed
Circumstances: twice as it is, without address randomisation (setarch -R), with a padded environment (other stack
addresses), with another heap (MALLOC_ settings of glibc). Where the command takes --seed, another seed must give another
digest.
"""
import json
import os
import shutil
import subprocess
import sys


def digest(command, environment=None):
    run = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode not in (0, 1):
        print(f"{' '.join(command)}: exit code {run.returncode}\n{run.stderr}")
        sys.exit(2)
    return json.loads(run.stdout)["digest"]


def main():
    arguments = sys.argv[1:]
    expect_difference = arguments[0] == "--expect-difference"
    command = arguments[1:] if expect_difference else arguments
    circumstances = [("as it is", command, {}), ("again", command, {}),
                     ("padded environment", command, {"PADDING": "x" * 50000}),
                     ("other heap", command, {"MALLOC_TOP_PAD_": "1234567", "MALLOC_ARENA_MAX": "1", "MALLOC_PERTURB_": "85"})]
    if shutil.which("setarch") and subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0:
        circumstances.append(("no address randomisation", ["setarch", "-R"] + command, {}))
    digests = {}
    for name, run, environment in circumstances:
        value = digest(run, environment)
        print(f"{name:28} {value}")
        digests.setdefault(value, name)
    if expect_difference:
        sys.exit(0 if len(digests) > 1 else 1)
    if len(digests) > 1:
        print("the digests differ")
        sys.exit(1)
    if "run" in command:
        other = digest(command + ["--seed", "987654321"])
        print(f"{'another seed':28} {other}")
        if other in digests:
            print("another seed gave the same digest")
            sys.exit(1)


main()
