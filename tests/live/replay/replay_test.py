"""orrery live run on real processes: the shipped scenarios, faults, and every exit code.

Usage: replay_test.py BIN_FOLDER SCENARIOS_FOLDER [unittest arguments]
"""
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

BIN = SCENARIOS = None
PATIENCE = 180  # seconds until a run counts as a hang

SPIN = """
cluster:
  node_types: [{name: fast, count: 1, speed: 2, resources: {CPU: 1}}, {name: late, count: 1, boot_time: 300ms, resources: {CPU: 1}}]
workload:
  generator: {kind: burst, count: 6, task: {duration: 100ms, work: spin, allocate: 1MiB}}
run: {time_limit: 60s}
"""


GCS_DIES = """
cluster:
  node_types: [{name: node, count: 3, resources: {CPU: 1}}]
workload:
  generator: {kind: open, arrival: poisson, rate: 40/s, count: 60, task: {duration: 50ms, max_retries: 5}}
faults:
  - {at: 300ms, kind: kill_gcs, for: 100ms}
  - {at: 600ms, kind: kill_gcs, for: 50ms}
  - {at: 610ms, kind: kill_node, target: "node:2"}
checks: [{all_tasks_finish: true}, {no_task_fails: true}]
run: {time_limit: 120s}
"""

ACTORS = """
cluster: {node_types: [{name: node, count: 2, resources: {CPU: 2}}]}
workload:
  generator: {kind: actors, actors: 12, calls: 8, in_flight: 2, every: 50ms, end: END, actor: {duration: 1ms}, call: {duration: 5ms}}
checks: [{all_tasks_finish: true}, {no_task_fails: true}]
run: {time_limit: 120s}
"""

# Each fault hits actors whose calls are under way: 12 actors are there from the beginning, for three seconds at least.
ACTORS_DIE = """
cluster: {node_types: [{name: node, count: 4, resources: {CPU: 4}}]}
workload:
  generator: {kind: actors, actors: 12, calls: 30, max_restarts: 5, max_task_retries: 5, actor: {duration: 1ms}, call: {duration: 100ms}}
faults:
  - {at: 1s, kind: kill_worker, target: busy}
  - {at: 1500ms, kind: kill_gcs, for: 200ms}
  - {at: 1600ms, kind: kill_worker, target: busy}
  - {at: 2s, kind: kill_node, target: "node:2"}
  - {at: 2010ms, kind: kill_gcs, for: 50ms}
checks: [{all_tasks_finish: true}, {no_task_fails: true}]
run: {time_limit: 150s}
"""

# The first driver dies while its actors, which could be restarted, are being called.
ACTORS_OWNER_DIES = """
cluster: {node_types: [{name: node, count: 3, resources: {CPU: 4}}]}
workload:
  - generator: {kind: actors, actors: 4, calls: 100, max_restarts: 5, max_task_retries: 5, actor: {duration: 1ms}, call: {duration: 50ms}}
  - generator: {kind: actors, actors: 4, calls: 20, in_flight: 2, actor: {duration: 1ms}, call: {duration: 50ms}}
faults: [{at: 500ms, kind: kill_driver, target: "driver:0"}]
run: {time_limit: 120s}
"""

# Two jobs fill six CPUs, one of them with twice the weight; the lighter one is there first.
FAIR = """
cluster: {node_types: [{name: node, count: 2, resources: {CPU: 3}}]}
workload:
  - {name: light, generator: {kind: burst, count: 240, task: {duration: 50ms}}}
  - {name: heavy, weight: 2, generator: {kind: burst, count: 480, at: 200ms, task: {duration: 50ms}}}
policy: {job_scheduling: fair_share, worker_lease_timeout: 50ms}
checks: [{all_tasks_finish: true}, {no_task_fails: true}]
run: {time_limit: 120s}
"""

# Each urgent task needs a place of a batch task that would run for eight more seconds.
URGENT = """
cluster: {node_types: [{name: node, count: 2, resources: {CPU: 2}}]}
workload:
  - {name: batch, generator: {kind: burst, count: 4, task: {duration: 8s, max_retries: 1}}}
  - {name: urgent, priority: 10, generator: {kind: burst, count: 2, at: 1s, task: {duration: 1s}}}
policy: {job_scheduling: priority, job_preemption: PREEMPTION, job_preemption_delay: 200ms}
checks: [{all_tasks_finish: true}, {no_task_fails: true}]
run: {time_limit: 120s}
"""


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-replay-"))
        # Clusters put their session folders here, so that what they leave behind is seen.
        self.env = dict(os.environ, TMPDIR=str(self.folder / "t"))
        (self.folder / "t").mkdir()
        for name in ("ORRERY_ADDRESS", "ORRERY_SESSION_DIR"):
            self.env.pop(name, None)

    def tearDown(self):
        self.assertEqual(list((self.folder / "t").iterdir()), [], "session folders are removed")
        self.assertEqual(self.processes(), [], "every process has ended")
        shutil.rmtree(self.folder)

    def processes(self):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"TMPDIR={self.folder}/t".encode() in (entry / "environ").read_bytes():
                    if (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                        found.append(int(entry.name))
            except OSError:
                pass
        return found

    def live(self, scenario, *words, code=0):
        """The summary of a run of a shipped scenario, or of a file."""
        path = scenario if str(scenario).startswith("/") else f"{SCENARIOS}/{scenario}.yaml"
        done = subprocess.run([f"{BIN}/orrery", "live", "run", str(path), "--format", "json", "--out", str(self.folder / "out"), *words],
                              env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, code, f"{scenario}\n{done.stdout}{done.stderr}")
        self.stderr = done.stderr
        return json.loads(done.stdout)

    def rows(self, name):
        with open(self.folder / "out" / name) as file:
            return list(csv.DictReader(file))

    def write(self, text):
        path = self.folder / "scenario.yaml"
        path.write_text(text)
        return path

    # ---- runs ----

    def test_hello_fills_the_result_folder(self):
        summary = self.live("smoke/hello")
        self.assertEqual(summary["tasks"]["finished"], 4)
        self.assertEqual(summary["world"], "live")
        self.assertTrue(all(check["ok"] for check in summary["checks"]))
        tasks = self.rows("tasks.csv")
        self.assertEqual(len(tasks), 4)
        for task in tasks:
            self.assertLessEqual(float(task["submit_time_s"]), float(task["start_time_s"]))
            self.assertGreaterEqual(float(task["run_time_s"]), 0.01)
            self.assertEqual(task["status"], "Ok")
        self.assertEqual(len(self.rows("nodes.csv")), 2)
        self.assertEqual(json.loads((self.folder / "out/summary.json").read_text()), summary)

    def test_graph_respects_its_edges_and_bounds(self):
        summary = self.live("smoke/dag")
        self.assertGreaterEqual(summary["makespan_s"], summary["bounds"]["critical_path_s"])
        self.assertEqual(summary["tasks"]["finished"], 5)

    def test_fork_join_waits_between_stages(self):
        self.assertEqual(self.live("smoke/fork_join")["tasks"]["finished"], 60)

    def test_a_seed_gives_the_same_tasks_as_in_simulation(self):
        live = self.live("smoke/fork_join", "--seed", "7")
        names = sorted(row["task_id"] for row in self.rows("tasks.csv"))
        done = subprocess.run([f"{BIN}/orrery", "sim", "run", f"{SCENARIOS}/smoke/fork_join.yaml", "--seed", "7", "--format", "json",
                               "--out", str(self.folder / "sim")], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode == 127 or not pathlib.Path(f"{BIN}/orrery-sim").exists():
            self.skipTest("orrery-sim is not built")
        self.assertEqual(json.loads(done.stdout)["tasks"]["finished"], live["tasks"]["finished"])
        with open(self.folder / "sim/tasks.csv") as file:
            self.assertEqual(sorted(row["task_id"] for row in csv.DictReader(file)), names)

    def test_spinning_on_a_fast_node_and_one_that_boots_late(self):
        self.live(self.write(SPIN))
        for task in self.rows("tasks.csv"):
            least = 0.05 if task["node"] == "node-1" else 0.1
            self.assertGreaterEqual(float(task["run_time_s"]), least)

    # ---- objects ----

    def in_both_worlds(self, scenario, *words):
        """(live, simulated) summaries of a scenario of large objects, whose result folders must be alike."""
        if not pathlib.Path(f"{BIN}/orrery-sim").exists():
            self.skipTest("orrery-sim is not built")
        live = self.live(scenario, *words)
        done = subprocess.run([f"{BIN}/orrery", "sim", "run", f"{SCENARIOS}/{scenario}.yaml", "--format", "json", "--out",
                               str(self.folder / "sim"), *words], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        sim = json.loads(done.stdout)
        files = {world: {path.name for path in (self.folder / world).iterdir()} - {"events.jsonl"} for world in ("out", "sim")}
        self.assertEqual(files["out"], files["sim"])
        for name in files["out"]:
            if name.endswith(".csv") or name == "columns.json":
                headers = [(self.folder / world / name).read_text().splitlines()[0] for world in ("out", "sim")]
                self.assertEqual(*headers, name)
        for group in ("objects", "spill", "bounds"):
            self.assertEqual(live[group].keys(), sim[group].keys())
        for key in ("created", "freed", "lost", "leaked"):
            self.assertEqual(live["objects"][key], sim["objects"][key], key)
        self.assertEqual(live["objects"]["created"], len(self.rows("objects.csv")))
        self.assertEqual(live["transfers"]["bytes"], sum(int(row["size_bytes"]) for row in self.rows("transfers.csv")))
        print(f"\n{scenario:20} {'makespan':>10} {'moved':>12} {'to disk':>12} {'from disk':>12}")
        for summary in (live, sim):
            print(f"{summary['world']:>20} {summary['makespan_s']:8.3f} s {summary['transfers']['bytes']:10} B "
                  f"{summary['spill']['bytes_written']:10} B {summary['spill']['bytes_read']:10} B")
        return live, sim

    def test_a_shuffle_in_both_worlds(self):
        live, sim = self.in_both_worlds("objects/shuffle", "--set", "cluster.node_types.node.count=4", "--set", "workload.generator.maps=8",
                                        "--set", "workload.generator.reduces=8", "--set", "checks.2.equals.value=64")
        self.assertEqual(live["objects"]["created"], 64)
        for summary in (live, sim):  # how many bytes cross depends on who is placed where
            self.assertGreaterEqual(summary["transfers"]["regret_bytes"], 0)
            self.assertLessEqual(summary["transfers"]["bytes"], 64 << 20)

    def test_a_broadcast_in_both_worlds(self):
        live, sim = self.in_both_worlds("objects/broadcast", "--set", "cluster.node_types.node.count=4", "--set",
                                        "workload.generator.size=64MiB", "--set", "checks.3.max.value=60s")
        self.assertEqual(live["transfers"]["bytes"], 3 * 64 << 20)
        self.assertEqual(live["transfers"]["count"], sim["transfers"]["count"])

    def test_spilling_in_both_worlds(self):
        live, sim = self.in_both_worlds("objects/spill", "--set", "workload.generator.objects=24", "--set", "workload.generator.size=4MiB",
                                        "--set", "cluster.node_types.node.object_store_memory=32MiB", "--set", "checks.2.min.value=32MiB",
                                        "--set", "checks.3.min.value=32MiB")
        self.assertEqual(live["transfers"].keys() | {"discarded_bytes"}, sim["transfers"].keys())

    def test_a_lost_holder_live(self):
        # Whether the kill meets objects depends on how fast processes start here; that they are made again is checked in
        # tests/live/objects, where the kill waits for them.
        summary = self.live("faults/objects_kill_holder", "--set", "workload.generator.size=4MiB", "--set", "checks.2.min.value=0",
                            "--set", "checks.3.min.value=0")
        self.assertEqual(summary["tasks"]["finished"], 20)
        self.assertEqual(summary["objects"]["leaked"], 0)

    # ---- faults ----

    def test_placement_groups_live(self):
        groups = 10
        sets = {"cluster.node_types.node.count": 3, "workload.generator.groups": groups,
                "workload.generator.bundles": 6, "workload.generator.task.duration": "20ms",
                "checks.created.equals.value": groups, "checks.removed.equals.value": groups,
                "checks.wait.max.value": "60s"}
        words = [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
        summary = self.live("scheduling/placement_groups", *words)
        self.assertEqual(summary["placement_groups"],
                         {"created": groups, "rescheduled": 0, "removed": groups, "infeasible": 0})

    def text_in_both_worlds(self, text):
        """(live, simulated) summaries of a scenario."""
        path = self.write(text)
        live = self.live(path)
        if not pathlib.Path(f"{BIN}/orrery-sim").exists():
            self.skipTest("orrery-sim is not built")
        done = subprocess.run([f"{BIN}/orrery", "sim", "run", str(path), "--format", "json", "--out", str(self.folder / "sim")],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return live, json.loads(done.stdout)

    def test_actors_live_and_simulated_come_to_the_same(self):
        for end in ("handle", "kill"):
            live, sim = self.text_in_both_worlds(ACTORS.replace("END", end))
            self.assertEqual(live["actors"], {"created": 12, "restarted": 0, "dead": 12, "max_live_incarnations": 1})
            self.assertEqual(sim["actors"], live["actors"])
            for key in ("submitted", "finished", "failed", "retried"):
                self.assertEqual(sim["tasks"][key], live["tasks"][key], key)
            self.assertEqual(live["tasks"]["finished"], 12 * 9)

    def test_actors_live_outlive_their_nodes_processes_and_the_gcs(self):
        summary = self.live(self.write(ACTORS_DIE))
        self.assertEqual(summary["tasks"]["finished"], 12 * 31)
        self.assertEqual(summary["actors"]["created"], 12)
        self.assertEqual(summary["actors"]["dead"], 12)
        self.assertGreaterEqual(summary["actors"]["restarted"], 1)
        self.assertEqual(summary["actors"]["max_live_incarnations"], 1)

    def test_actors_end_with_their_owner_in_both_worlds(self):
        live, sim = self.text_in_both_worlds(ACTORS_OWNER_DIES)
        for summary in (live, sim):
            self.assertEqual(summary["actors"], {"created": 8, "restarted": 0, "dead": 8, "max_live_incarnations": 1}, summary["world"])
            self.assertEqual(summary["faults"]["fired"], 1)
            self.assertGreaterEqual(summary["tasks"]["finished"], 4 * 21 + 4)
            self.assertGreaterEqual(summary["tasks"]["unfinished"], 1, "calls of the dead driver's actors")

    def test_jobs_share_by_weight_in_both_worlds(self):
        for summary in self.text_in_both_worlds(FAIR):
            share = summary["jobs"]["heavy"]["contended_cpu_share"]
            self.assertGreater(share, 0.58, summary["world"])
            self.assertLess(share, 0.75, summary["world"])

    def test_urgent_tasks_preempt_only_where_they_may(self):
        for summary in self.text_in_both_worlds(URGENT.replace("PREEMPTION", "priority")):
            # Both, unless the second was quick enough to follow the first in its place.
            self.assertIn(summary["jobs"]["batch"]["preempted"], (1, 2), summary["world"])
            self.assertEqual(summary["tasks"]["retried"], summary["jobs"]["batch"]["preempted"], summary["world"])
            self.assertLess(summary["jobs"]["urgent"]["makespan_s"], 5, summary["world"])
        waited = self.live(self.write(URGENT.replace("PREEMPTION", "none")))
        self.assertEqual(waited["jobs"]["batch"]["preempted"], 0)
        self.assertGreater(waited["jobs"]["urgent"]["makespan_s"], 5)

    def test_killed_workers_cost_attempts_but_no_task(self):
        summary = self.live("faults/kill_worker")
        self.assertEqual(summary["tasks"]["finished"], 120)
        self.assertEqual(summary["faults"]["fired"], 3)
        self.assertGreaterEqual(summary["tasks"]["retried"], 1)

    def test_a_killed_node_leaves_and_its_tasks_move(self):
        summary = self.live("faults/kill_node")
        self.assertEqual(summary["tasks"]["finished"], 120)
        left = [node for node in self.rows("nodes.csv") if node["leave_time_s"]]
        self.assertEqual([node["name"] for node in left], ["node-2"])

    def test_a_killed_gcs_comes_back_and_costs_no_task(self):
        summary = self.live(self.write(GCS_DIES))
        self.assertEqual(summary["faults"], {"asked": 3, "fired": 3})
        left = [node["name"] for node in self.rows("nodes.csv") if node["leave_time_s"]]
        self.assertEqual(left, ["node-2"], "the successor finds out who died with its predecessor")

    def test_a_killed_driver_takes_its_own_tasks_only(self):
        summary = self.live("faults/kill_driver")
        kept = [task for task in self.rows("tasks.csv") if task["name"] == "kept"]
        self.assertEqual([task["status"] for task in kept], ["Ok"] * 100)
        self.assertGreaterEqual(summary["tasks"]["finished"], 100)

    # ---- exit codes ----

    def test_failed_check(self):
        summary = self.live("smoke/hello", "--set", "checks.1.equals.value=5", code=1)
        self.assertIn("check failed", self.stderr)
        self.assertFalse(summary["checks"][1]["ok"])

    def test_bad_input(self):
        self.assertIn("error", self.live("no/such", code=2))
        self.assertIn("time_limt", self.live("smoke/hello", "--set", "run.time_limt=1s", code=2)["error"])
        self.assertIn("simulation only", self.live("faults/partition", code=2)["error"])

    def test_packing_is_for_simulation_only(self):
        traces = pathlib.Path(os.environ.get("ORRERY_TRACES", "/nonexistent")) / "openb"
        if not traces.exists():
            self.skipTest("ORRERY_TRACES names no folder with openb")
        error = self.live("planning/openb", "--set", f"cluster.trace.path={traces}/openb_node_list_gpu_node.csv",
                          "--set", f"workload.trace.path={traces}/openb_pod_list_default.csv", code=2)["error"]
        self.assertIn("simulation only", error)

    def test_unreachable(self):
        home = self.folder / "t" / "nowhere"
        live = f"{BIN}/orrery-live"
        copy = self.folder / "orrery-live"
        shutil.copy(live, copy)  # without an orrery command beside it
        env = dict(self.env, PATH="/nonexistent", ORRERY_HOME=str(home))
        done = subprocess.run([str(copy), "run", f"{SCENARIOS}/smoke/hello.yaml"], env=env, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("orrery command", done.stderr)

    def test_time_limit(self):
        summary = self.live("smoke/hello", "--set", "workload.generator.task.duration=30s", "--set", "run.time_limit=500ms", code=4)
        self.assertLess(summary["tasks"]["finished"], 4)
        self.assertIn("time limit", self.stderr)

    def test_interrupt_ends_in_order(self):
        process = subprocess.Popen([f"{BIN}/orrery", "live", "run", f"{SCENARIOS}/smoke/hello.yaml", "--set",
                                    "workload.generator.task.duration=60s", "--set", "run.time_limit=90s"], env=self.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while len(self.processes()) < 5 and time.monotonic() < end:  # replayer, GCS, two nodes, a worker
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)

    def test_usage(self):
        done = subprocess.run([f"{BIN}/orrery", "live", "run"], env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    BIN, SCENARIOS = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
