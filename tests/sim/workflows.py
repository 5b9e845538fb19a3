"""Replays every recorded workflow, and compares with the bounds that its own file gives.

usage: workflows.py ORRERY_SIM SOURCE_FOLDER      exit 77 (skipped) without ORRERY_TRACES
"""
import glob
import json
import os
import subprocess
import sys


def critical_path(workflow):
    """Seconds of the longest chain of parents, and the number of tasks; computed from the JSON, not by Orrery."""
    tasks = {task["id"]: task for task in workflow["specification"]["tasks"]}
    runtime = {task["id"]: task["runtimeInSeconds"] for task in workflow["execution"]["tasks"]}
    ends = {}
    left = list(tasks)
    while left:
        known = [name for name in left if all(parent in ends for parent in tasks[name]["parents"])]
        assert known, "the tasks wait for each other"
        for name in known:
            ends[name] = runtime[name] + max((ends[parent] for parent in tasks[name]["parents"]), default=0)
        left = [name for name in left if name not in ends]
    return max(ends.values()), len(tasks)


def replay(sim, source, path):
    command = [sim, "run", f"{source}/scenarios/objects/wfinstance.yaml", "--quiet", "--format", "json", "--set", f"workload.trace.path={path}"]
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {run.returncode}\n{run.stderr}")
    return json.loads(run.stdout)


def main():
    sim, source = sys.argv[1:3]
    paths = sorted(glob.glob(os.path.join(os.environ.get("ORRERY_TRACES", ""), "wfinstances", "*.json")))
    if not os.environ.get("ORRERY_TRACES") or not paths:
        print("skipped: ORRERY_TRACES names no folder with wfinstances/*.json; scenarios/README.md says where to download them")
        sys.exit(77)
    print(f"{'workflow':44} {'tasks':>5} {'recorded':>10} {'replayed':>10} {'critical path':>13} {'work':>10} {'moved MB':>9} {'bound MB':>9}")
    for path in paths:
        with open(path, encoding="utf-8") as file:
            workflow = json.load(file)["workflow"]
        path_s, count = critical_path(workflow)
        summary = replay(sim, source, path)
        makespan, recorded, bounds = summary["makespan_s"], summary["recorded_makespan_s"], summary["bounds"]
        moved, bound = summary["transfers"]["bytes"], bounds["transfer_lower_bound_bytes"]
        print(f"{os.path.basename(path)[:-5]:44} {count:5} {recorded:10.1f} {makespan:10.1f} {bounds['critical_path_s']:13.1f} "
              f"{bounds['work_s']:10.1f} {moved / 1e6:9.1f} {bound / 1e6:9.1f}")
        assert summary["tasks"]["finished"] == count, summary["tasks"]
        assert recorded == workflow["execution"]["makespanInSeconds"]
        assert abs(bounds["critical_path_s"] - path_s) < 1e-3, (bounds, path_s)
        assert path_s <= makespan + 1e-6, "faster than the longest chain of its tasks"
        assert makespan <= recorded, "slower than the recorded run, which had no more cores and did the same work"
        assert summary["transfers"]["regret_bytes"] == moved - bound >= 0, summary["transfers"]
        assert summary["objects"]["leaked"] == 0 and summary["objects"]["created"] == summary["objects"]["freed"], summary["objects"]


main()
