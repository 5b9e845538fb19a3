"""Runs the planning scenarios on the real traces and compares with published answers.

usage: known_answers.py ORRERY_SIM SOURCE_FOLDER NAME      exit 77 (skipped) without ORRERY_TRACES
"""
import json
import os
import subprocess
import sys

# GPU allocation in percent when 100 % and 130 % of the capacity had arrived: Weng et al., "Beware of Fragmentation",
# USENIX ATC 2023, artifact; mean of ten seeds.
OPENB = {"random": (86.30, 87.47), "dot_product": (90.62, 90.85), "gpu_packing": (91.78, 92.00), "best_fit": (92.86, 93.08),
         "fgd": (95.23, 95.39)}
TOLERANCE = 0.3


def simulate(sim, scenario, *sets):
    command = [sim, "run", scenario, "--format", "json", "--quiet"]
    for item in sets:
        command += ["--set", item]
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {run.returncode}\n{run.stderr}")
    return json.loads(run.stdout)


def main():
    sim, source, name = sys.argv[1:4]
    traces = os.environ.get("ORRERY_TRACES", "")
    if not os.path.isdir(traces):
        print("skipped: ORRERY_TRACES names no folder of traces; scenarios/README.md says where to download them")
        sys.exit(77)
    nodes, pods = f"{traces}/openb/openb_node_list_gpu_node.csv", f"{traces}/openb/openb_pod_list_default.csv"
    openb = (f"workload.trace.path={pods}", f"cluster.trace.path={nodes}")
    if name == "lcg":
        summary = simulate(sim, f"{source}/scenarios/planning/lcg.yaml", f"workload.trace.path={traces}/lcg/LCG.swf.gz")
        assert summary["tasks"]["finished"] == 188041, summary["tasks"]
    elif name == "openb_replay":
        summary = simulate(sim, f"{source}/scenarios/planning/openb_replay.yaml", *openb)
        assert summary["tasks"]["finished"] == 8152, summary["tasks"]
        assert 0 < summary["utilization"] < 1, summary["utilization"]
    else:
        policy = name.removeprefix("openb_")
        summary = simulate(sim, f"{source}/scenarios/planning/openb.yaml", *openb, f"policy.placement={policy}")
        got = summary["gpu_allocation_percent"]
        for at, expected in zip(("at_100", "at_130"), OPENB[policy]):
            print(f"{policy} {at}: {got[at]:.2f}, published {expected}")
            assert abs(got[at] - expected) <= TOLERANCE, (policy, at, got[at], expected)


main()
