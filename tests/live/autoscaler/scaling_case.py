"""What tests of clusters that grow and shrink share: a session folder for each, of which none leaves a process behind."""
import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN, SOURCE = sys.argv[1:3]
PATIENCE = 120  # seconds until a wait counts as a hang

CLUSTER = """
cluster_name: demo
max_workers: {most}
provider: {provider}
head_node_type: head
upscaling_speed: 100
available_node_types:
  head: {{resources: {{CPU: 1, memory: 1GiB, object_store_memory: 64MiB}}}}
  worker: {{resources: {{CPU: 2, memory: 1GiB, object_store_memory: 64MiB}}, min_workers: {least}}}
settings: {{autoscaler_interval: 100ms, idle_timeout: 600ms, launch_backoff: 200ms, request_retry_interval: 200ms}}
"""


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s for: {what}")
        time.sleep(0.02)


class ScalingCase(unittest.TestCase):
    WITHIN = ()  # words before every command

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-scale-"))
        self.env = dict(os.environ, ORRERY_SESSION_DIR=str(self.folder / "s"), PATH=f"{BIN}:{os.environ['PATH']}")
        self.env.pop("ORRERY_ADDRESS", None)
        self.file = self.folder / "cluster.yaml"

    def tearDown(self):
        self.run_orrery("stop", "--grace=5", code=None)
        wait_for(lambda: not self.processes(), "the end of all processes")
        shutil.rmtree(self.folder)

    def run_orrery(self, *words, code=0):
        done = subprocess.run([*self.WITHIN, f"{BIN}/orrery", *map(str, words)], env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        if code is not None:
            self.assertEqual(done.returncode, code, f"orrery {words}\n{done.stdout}{done.stderr}")
        return done

    def processes(self, *having):
        """Living processes of this test's session whose command has all these words. A process that is just being
        started has its parent's command until it executes its own: it is not counted."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0") if entry.name.isdigit() else []
                if f"--session={self.folder}/s" in words and all(word in words for word in having):
                    parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    found[int(entry.name)] = (words, parent)
            except OSError:
                continue
        return [pid for pid, (words, parent) in found.items() if found.get(parent, [None])[0] != words]

    def up(self, provider="{type: local}", most=8, least=0, code=0):
        self.file.write_text(CLUSTER.format(provider=provider, most=most, least=least))
        return self.run_orrery("up", self.file, "--port=0", code=code)

    def workers(self):
        nodes = json.loads(self.run_orrery("status", "--format=json").stdout)["nodes"]
        return sorted(node["name"] for node in nodes if node["alive"] and not node["head"])

    def rows(self, action=None):
        with open(self.folder / "s" / "logs" / "autoscaler.csv") as file:
            return [row for row in csv.DictReader(file) if action in (None, row["action"])]

    def total(self, action):
        return sum(int(row["count"]) for row in self.rows(action))

    def request(self, cpus, *words):
        bundles = json.dumps([{"CPU": 2}] * cpus)
        self.run_orrery("request-resources", f"--bundles={bundles}", *words)

    def kill_autoscaler(self):
        (pid,) = self.processes("autoscaler")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.processes("autoscaler"), "its end")


def main():
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
