"""The latency of no-op tasks while bulk transfers fill the network, beside that of the same tasks on an idle one.

usage: control_latency.py ORRERY_SIM SOURCE_FOLDER
"""
import csv
import pathlib
import subprocess
import sys
import tempfile


def latencies(sim, source, out, *words):
    """(turnaround times of the no-op tasks in seconds, ascending; bytes moved)"""
    command = [sim, "run", f"{source}/scenarios/objects/control_latency.yaml", "--quiet", "--out", str(out), *words]
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
    with open(out / "tasks.csv", encoding="utf-8") as file:
        times = sorted(float(row["turnaround_time_s"]) for row in csv.DictReader(file) if row["name"] == "noop")
    with open(out / "transfers.csv", encoding="utf-8") as file:
        moved = sum(int(row["size_bytes"]) for row in csv.DictReader(file))
    return times, moved


def main():
    sim, source = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        busy, moved = latencies(sim, source, pathlib.Path(folder) / "busy")
        idle, nothing = latencies(sim, source, pathlib.Path(folder) / "idle", "--set", "workload.bulk.generator.size=1KiB")
    at = {name: (times[len(times) // 2], times[len(times) * 99 // 100]) for name, times in (("busy", busy), ("idle", idle))}
    print(f"{'network':8} {'moved':>12} {'p50':>12} {'p99':>12}")
    for name, bytes_moved in (("idle", nothing), ("busy", moved)):
        print(f"{name:8} {bytes_moved / 1e9:9.2f} GB {at[name][0] * 1e6:9.1f} us {at[name][1] * 1e6:9.1f} us")
    assert nothing == 0 and moved > 5e9, "the one is idle, the other is not"
    assert len(busy) == len(idle) > 1000
    assert at["idle"][0] > 50e-6, "the tasks cross the network"
    assert at["busy"][1] <= 2 * at["idle"][1], "bulk transfers delay control messages"


main()
