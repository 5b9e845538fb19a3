"""Clusters that grow and shrink on real processes. Usage: autoscaler_test.py BIN_FOLDER SOURCE_FOLDER [unittest arguments]"""
import csv
import itertools
import json
import os
import pathlib
import signal
import subprocess
import time

from scaling_case import BIN, CLUSTER, PATIENCE, SOURCE, ScalingCase, main, wait_for


class AutoscalerTest(ScalingCase):
    # ---- growing and shrinking ----

    def test_up_request_expire_down(self):
        self.assertIn("provider: local", self.up(least=1).stdout)
        wait_for(lambda: self.workers() == ["worker-1"], "min_workers")
        self.request(4, "--expires=2s")
        wait_for(lambda: len(self.workers()) == 4, "what was asked for")
        wait_for(lambda: len(self.workers()) == 1, "the request to expire and idle nodes to go")
        self.request(2)
        wait_for(lambda: len(self.workers()) == 2, "a request that stays")
        self.run_orrery("request-resources", "--clear")
        wait_for(lambda: len(self.workers()) == 1, "its end")
        self.run_orrery("down", self.file)
        self.assertEqual(self.processes(), [])
        self.assertFalse((self.folder / "s" / "instances").exists())

    def test_dry_run_starts_nothing(self):
        self.file.write_text(CLUSTER.format(provider="{type: local}", most=3, least=1))
        self.assertIn("worker", self.run_orrery("up", self.file, "--dry-run").stdout)
        self.assertEqual(self.processes(), [])

    def test_a_dead_node_is_replaced(self):
        self.up(least=2)
        wait_for(lambda: len(self.workers()) == 2, "min_workers")
        os.kill(self.processes("--name=worker-1")[0], signal.SIGKILL)
        wait_for(lambda: self.workers() == ["worker-2", "worker-3"], "its successor, under a new number")
        self.assertEqual(self.total("lost"), 1)

    def test_the_quota_is_kept_to(self):
        self.up(provider="{type: local, max_instances: 2}")
        self.request(5)
        wait_for(lambda: len(self.workers()) == 2, "as many as there may be")
        time.sleep(0.5)
        self.assertEqual(self.workers(), ["worker-1", "worker-2"])

    def test_ctrl_c_ends_launched_nodes_too(self):
        self.file.write_text(CLUSTER.format(provider="{type: local}", most=3, least=2))
        blocked = subprocess.Popen([f"{BIN}/orrery", "up", self.file, "--port=0", "--block"], env=self.env, stdout=subprocess.DEVNULL)
        wait_for(lambda: len(self.processes("node")) == 3 and len(self.workers()) == 2, "head and workers")
        blocked.send_signal(signal.SIGINT)
        self.assertEqual(blocked.wait(PATIENCE), 0)
        self.assertEqual(self.processes(), [])

    # ---- deaths ----

    def test_the_autoscaler_is_killed_again_and_again(self):
        self.up()
        for pause in (0, 0.005, 0.02, 0.05, 0.1):
            self.request(6)
            time.sleep(pause)  # the request's rounds are under way
            self.kill_autoscaler()
            self.run_orrery("start", "--head", f"--autoscaling-config={self.file}")
            wait_for(lambda: len(self.workers()) == 6, "all nodes, by whichever autoscaler")
            self.assertEqual(len(self.processes("node")), 7, "six and the head: none is there twice")
            self.run_orrery("request-resources", "--clear")
            wait_for(lambda: not self.workers(), "none is orphaned")
        names = [row["name"] for row in json.loads(self.run_orrery("status", "--format=json").stdout)["nodes"]]
        self.assertEqual(len(names), len(set(names)), "no number was used twice")

    def test_the_gcs_is_killed_and_scaling_goes_on(self):
        self.up()
        self.request(2)
        wait_for(lambda: len(self.workers()) == 2, "two nodes")
        os.kill(self.processes("gcs")[0], signal.SIGKILL)
        self.run_orrery("start", "--head")
        time.sleep(1.5)  # longer than idle_timeout
        self.assertEqual(self.workers(), ["worker-1", "worker-2"], "the request outlived the GCS, so nothing is idle")
        self.request(4)
        wait_for(lambda: len(self.workers()) == 4, "the successor's requests are served")
        self.assertEqual(len(self.processes("autoscaler")), 1)

    # ---- a program as provider ----

    def test_a_program_grows_and_shrinks_the_cluster(self):
        self.up(provider=f"{{type: exec, program: [{SOURCE}/runtime/providers/examples/processes.py, {self.folder}/machines]}}")
        self.request(3)
        wait_for(lambda: len(self.workers()) == 3, "three nodes")
        self.kill_autoscaler()
        self.run_orrery("up", self.file)
        self.run_orrery("request-resources", "--clear")
        wait_for(lambda: not self.workers(), "none")
        self.request(1)
        wait_for(lambda: len(self.workers()) == 1, "one again")
        self.assertIn("no job 77 runs", self.run_orrery("request-resources", "--num-cpus=1", "--job=77", code=2).stderr)
        self.assertIn("Terminated 1 instance", self.run_orrery("down", self.file).stdout)

    def test_a_bad_program_is_said_and_the_cluster_goes_on(self):
        program = self.folder / "cloud"
        program.write_text("#!/bin/sh\necho 'no credentials' >&2\nexit 7\n")
        program.chmod(0o700)
        self.up(provider=f"{{type: exec, program: {program}}}")
        wait_for(lambda: any("exit code 7: no credentials" in row["reason"] for row in self.rows("failed")), "its error")
        self.assertIn("no credentials", self.run_orrery("explain", "autoscaler").stdout)
        self.assertEqual(self.workers(), [])
        self.assertIn("no credentials", self.run_orrery("down", self.file, "--timeout=1", code=None).stderr)

    # ---- why ----

    def test_explain_says_what_keeps_nodes_and_lets_work_wait(self):
        self.up(most=1, least=1)
        self.request(3)
        wait_for(lambda: "request_resources" in self.run_orrery("explain", "autoscaler").stdout, "what keeps the node")
        picture = json.loads(self.run_orrery("explain", "autoscaler", "--format=json").stdout)
        self.assertEqual(picture["nodes"], 1)
        self.assertEqual([row["action"] for row in picture["done"]], ["launch"])
        before = json.loads(self.run_orrery("explain", "autoscaler", "--at=1h", "--format=json").stdout)
        self.assertEqual(before["done"], [])
        self.run_orrery("explain", "autoscaler", "--at=soon", code=2)

    def test_explain_shows_equal_rows_once_and_names_the_folders_of_seeds(self):
        run = self.folder / "result" / "seed-1"
        run.mkdir(parents=True)
        failed = "3.0,1,failed,worker,1,no capacity\n"
        (run / "autoscaler.csv").write_text("time_s,round,action,node_type,count,reason\n2.0,1,launch,worker,3,why\n" + 2 * failed +
                                            failed.replace("no capacity", "quota"))
        done = json.loads(self.run_orrery("explain", "autoscaler", run, "--format=json").stdout)["done"]
        self.assertEqual([(row["count"], row["reason"]) for row in done], [(3, "why"), (2, "no capacity"), (1, "quota")])
        self.assertIn(f"such as {run}", self.run_orrery("explain", "autoscaler", run.parent, code=2).stderr)

    def test_wrong_usage(self):
        self.file.write_text("provider: {type: locl}\n")
        self.assertIn("did you mean 'local'?", self.run_orrery("up", self.file, code=2).stderr)
        self.assertIn("cluster.yaml:1:", self.run_orrery("up", self.file, code=2).stderr)
        self.run_orrery("up", self.folder / "none", code=2)
        for words in ([], ["--num-cpus=1", "--clear"], ["--bundles={}"], ['--bundles=[{"CPU": -1}]'], ["--num-cpus=1", "--expires=x"]):
            self.run_orrery("request-resources", *words, code=2)
        self.run_orrery("start", "--address=127.0.0.1:1", f"--autoscaling-config={self.file}", code=2)
        self.file.write_text(CLUSTER.format(provider="{type: exec, program: ./nothing}", most=1, least=0))
        self.assertIn("there is no program", self.run_orrery("up", self.file, code=2).stderr)
        self.run_orrery("explain", "autoscaler", code=2)
        self.assertEqual(self.processes(), [])

    # ---- the same scenario in both worlds ----

    def scaling(self, world):
        out = self.folder / world
        file = f"{SOURCE}/scenarios/autoscaling/local_growth.yaml"
        self.run_orrery(world, "run", file, "--quiet", "--out", out)
        with open(out / "autoscaler.csv") as rows:
            acts = [row for row in csv.DictReader(rows) if row["action"] in ("launch", "drain", "terminate", "failed", "lost")]
        return [(key, sum(int(row["count"]) for row in group)) for key, group in
                ((key, list(rows)) for key, rows in itertools.groupby(acts, lambda row: (row["action"], row["node_type"])))
                if key[0] != "terminate"], acts

    def test_one_to_eight_and_back_as_simulated(self):
        if not pathlib.Path(f"{BIN}/orrery-sim").exists():
            self.skipTest("orrery-sim is not built")
        simulated, sim_rows = self.scaling("sim")
        live, live_rows = self.scaling("live")
        self.assertEqual(simulated, live, "the same launches and drains, in the same order")
        self.assertEqual(simulated[:2], [(("launch", "small"), 5), (("launch", "large"), 2)])
        for action in ("launch", "drain", "terminate"):
            times = [[float(row["time_s"]) for row in rows if row["action"] == action for _ in range(int(row["count"]))]
                     for rows in (sim_rows, live_rows)]
            self.assertEqual(len(times[0]), len(times[1]), action)
            self.assertEqual(len(times[0]), 7, action)
            for expected, seen in zip(*times):
                self.assertLess(abs(expected - seen), 2.5, f"{action}: two rounds and a half")


if __name__ == "__main__":
    main()
