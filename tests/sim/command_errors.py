"""Bad input to orrery-sim: a clear message, the documented exit code, never a crash.

usage: command_errors.py ORRERY_SIM SOURCE_FOLDER
"""
import json
import os
import subprocess
import sys
import tempfile

SIM, SOURCE = sys.argv[1:3]
HELLO = f"{SOURCE}/scenarios/smoke/hello.yaml"


def check(what, arguments, code, *words):
    run = subprocess.run([SIM] + arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    missing = [word for word in words if word not in run.stderr + run.stdout]
    if run.returncode != code or missing:
        sys.exit(f"{what}: exit code {run.returncode}, not {code}; missing {missing}\n{run.stdout}{run.stderr}")
    return run


def with_file(text, suffix=".yaml"):
    handle, path = tempfile.mkstemp(suffix=suffix, dir=FOLDER)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return path


def trace(path, on_bad_row):
    return with_file("cluster: {node_types: [{name: n, count: 1, resources: {CPU: 4}}]}\n"
                     f"workload: {{trace: {{format: csv, path: {path}, on_bad_row: {on_bad_row}, mapping: {{submit_time: {{column: t, unit: s}}, duration: {{column: d, unit: s}}}}}}}}\n")


with tempfile.TemporaryDirectory() as FOLDER:
    check("no such file", ["run", "nowhere.yaml"], 2, "nowhere.yaml")
    check("unknown flag", ["run", HELLO, "--sed", "1"], 2, "--sed")
    check("unknown command", ["rum", HELLO], 2)
    check("unknown override", ["run", HELLO, "--set", "cluster.node_typs=3"], 2, "node_types")
    unknown = with_file("cluster:\n  node_types: [{name: n, cuont: 1, resources: {CPU: 1}}]\nworkload: {generator: {kind: burst, size: 1, count: 1, at: 0, task: {duration: 1s}}}\n")
    check("unknown key", ["run", unknown], 2, unknown + ":2:", "count")
    run = check("errors as JSON", ["run", unknown, "--format", "json"], 2)
    assert json.loads(run.stdout)["exit_code"] == 2, run.stdout
    good = with_file("t,d\n0,1\n1,1\n", ".csv")
    bad = with_file("t,d\n0,1\n1,oops\n", ".csv")
    check("good trace", ["run", trace(good, "fail")], 0)
    check("malformed row", ["run", trace(bad, "fail")], 2, bad + ":3")
    run = check("malformed row, dropped", ["run", trace(bad, "drop"), "--format", "json"], 0)
    assert json.loads(run.stdout)["trace"]["dropped_rows"] == 1, run.stdout
    check("infinite wait is a time limit", ["run", HELLO, "--set", "run.time_limit=1ms"], 4, "time limit")
    a, b = f"{FOLDER}/a", f"{FOLDER}/b"
    for out, seed in ((a, "1"), (b, "2")):
        check("run", ["run", f"{SOURCE}/scenarios/faults/kill_worker.yaml", "--seed", seed, "--out", out, "--log-events"], 0)
    check("equal runs", ["diff", a, a], 0, "equal")
    check("different runs", ["diff", a, b], 6)
    check("nothing to compare", ["diff", a, FOLDER], 2, "--log-events")
