#!/usr/bin/python3
"""A provider program for `provider: {type: exec}`: its machines are processes of this machine.

usage: processes.py FOLDER [--most N]

FOLDER keeps one file per instance that was ever launched. The protocol is in runtime/providers/exec_provider.h; a
program for a real cloud replaces start(), stop() and alive() by calls of that cloud, and the files by tags.
"""
import argparse
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys


def birth(pid):
    """When the process began; None when there is none, or only its remains."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def start(words):
    with open(os.devnull) as nothing, open(os.devnull, "w") as nowhere:
        # A session of its own: it outlives this program.
        pid = subprocess.Popen(words, stdin=nothing, stdout=nowhere, stderr=nowhere, start_new_session=True).pid
    return {"pid": pid, "birth": birth(pid)}


def alive(machine):
    return machine["birth"] is not None and birth(machine["pid"]) == machine["birth"]


def stop(machine):
    if alive(machine):
        os.kill(machine["pid"], signal.SIGTERM)


class Machines:
    def __init__(self, folder, cluster):
        self.folder = folder / cluster
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.folder / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)  # calls may overlap

    def all(self):
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]

    def keep(self, machine):
        path = self.folder / f"{machine['instance']}.json"
        path.with_suffix(".new").write_text(json.dumps(machine))
        path.with_suffix(".new").rename(path)

    def list(self, most):
        rows, events = [], []
        for machine in self.all():
            if alive(machine):
                state = "terminating" if machine["stopped"] else "running"
                rows.append({key: machine[key] for key in ("cloud_id", "instance", "node_type")} | {"state": state})
            elif not machine["told"]:
                events.append({"cloud_id": machine["cloud_id"], "gone": True})
                self.keep(machine | {"told": True})
        return {"instances": rows, "events": events, "max_instances": most}

    def launch(self, request, most):
        outcomes = []
        for wanted in request["instances"]:
            known = {machine["instance"]: machine for machine in self.all()}
            number = wanted["instance"]
            if number in known:  # asked again: the same answer, and nothing is started
                outcomes.append({"instance": number, "cloud_id": known[number]["cloud_id"]})
            elif most and sum(map(alive, known.values())) >= most:
                outcomes.append({"instance": number, "error": f"the quota of {most} machines is used up"})
            else:
                machine = {"instance": number, "cloud_id": f"process-{number}", "node_type": request["node_type"],
                           "stopped": False, "told": False, "pid": 0, "birth": None}
                self.keep(machine)  # before it is started: a number is never started twice
                self.keep(machine | start(wanted["start"] + ["--block"]))
                outcomes.append({"instance": number, "cloud_id": machine["cloud_id"]})
        return {"outcomes": outcomes}

    def terminate(self, request):
        for machine in self.all():
            if machine["cloud_id"] in request["cloud_ids"] and not machine["stopped"]:
                stop(machine)
                self.keep(machine | {"stopped": True})
        return {"terminated": request["cloud_ids"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--most", type=int, default=0)
    arguments = parser.parse_args()
    request = json.load(sys.stdin)
    if request["version"] != 1:
        sys.exit(f"version {request['version']} is not spoken here")
    machines = Machines(arguments.folder, request["cluster"])
    call = request["call"]
    answer = (machines.list(arguments.most) if call == "list" else machines.launch(request, arguments.most)
              if call == "launch" else machines.terminate(request))
    json.dump({"version": 1} | answer, sys.stdout)


main()
