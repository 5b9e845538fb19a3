"""The orrery command on real daemons. Usage: cli_test.py PATH_OF_ORRERY [unittest arguments]

Each test has a session folder of its own; none leaves a process, a socket or a record behind.
"""
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ORRERY = None
PATIENCE = 60  # seconds until a wait counts as a hang


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s for: {what}")
        time.sleep(0.01)


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-cli-"))
        self.env = dict(os.environ, ORRERY_SESSION_DIR=str(self.folder))
        self.env.pop("ORRERY_ADDRESS", None)

    def tearDown(self):
        self.run_orrery("stop", "--grace=5", code=None)
        wait_for(lambda: not self.processes(), f"the end of {self.processes()}")
        shutil.rmtree(self.folder)

    def run_orrery(self, *words, code=0, env=None):
        done = subprocess.run([ORRERY, *words], env=env or self.env, capture_output=True, text=True, timeout=PATIENCE)
        if code is not None:
            self.assertEqual(done.returncode, code, f"orrery {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def fails(self, code, expected, *words):
        done = self.run_orrery(*words, code=code)
        self.assertIn(expected, done.stderr)
        self.assertNotIn("assertion failed", done.stderr)
        return done

    def processes(self):
        """Pids and command lines of daemons that use this test's session folder."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if f"--session={self.folder}" in words:
                found[int(entry.name)] = words
        return found

    def records(self):
        return [json.loads(path.read_text()) for path in sorted((self.folder / "records").glob("*.json"))]

    def record(self, role, name=None):
        return next(r for r in self.records() if r["role"] == role and name in (None, r["node_name"]))

    def status(self):
        return json.loads(self.run_orrery("status", "--format=json").stdout)

    def alive(self):
        return sorted(node["name"] for node in self.status()["nodes"] if node["alive"])

    def start_head(self, *words):
        self.run_orrery("start", "--head", "--port=0", *words)
        return self.record("gcs")["gcs_address"]

    # How many of each kind: every daemon has a .sock, every node manager also the .store of its shared memory.
    def sockets(self):
        return dict(collections.Counter(path.suffix for path in (self.folder / "sockets").iterdir()))

    def assert_clean(self):
        self.assertEqual(self.processes(), {})
        self.assertFalse((self.folder / "sockets").exists(), list(self.folder.rglob("*")))
        self.assertFalse((self.folder / "records").exists())
        self.assertEqual(list(self.folder.glob("gcs.sqlite*")), [], "a cluster that ended in order leaves no state")
        self.assertEqual((self.folder / "token").stat().st_mode & 0o777, 0o600)

    # ---- the ordinary life of a cluster ----

    def test_start_join_status_stop(self):
        done = self.run_orrery("start", "--head", "--port=0", "--num-cpus=2", "--num-gpus=0", "--name=first")
        address = self.record("gcs")["gcs_address"]
        self.assertIn(f"orrery start --address={address}", done.stdout)
        self.assertIn("orrery status", done.stdout)
        self.assertIn("orrery stop", done.stdout)
        self.run_orrery("start", f"--address={address}", "--num-cpus=4", "--labels=zone=a,disk=ssd", "--name=second")
        self.run_orrery("start", f"--address={address}", "--num-cpus=1", "--num-gpus=2", "--memory=1GiB", '--resources={"tpu": 2.5}')
        status = self.status()
        self.assertEqual([node["name"] for node in status["nodes"]], ["first", "second", "node-3"])
        self.assertEqual([node["head"] for node in status["nodes"]], [True, False, False])
        self.assertTrue(all(node["alive"] for node in status["nodes"]))
        self.assertEqual(status["nodes"][1]["labels"], {"zone": "a", "disk": "ssd"})
        self.assertEqual(status["nodes"][2]["resources"]["memory"]["total"], 2**30)
        self.assertEqual(status["resources"]["CPU"], {"total": 7, "available": 7})
        self.assertEqual(status["resources"]["GPU"]["total"], 2)
        self.assertEqual(status["resources"]["tpu"]["total"], 2.5)
        self.assertEqual(len(self.processes()), 4, "a GCS and three node managers")
        self.run_orrery("stop")
        self.assert_clean()

    def test_status_in_rays_order(self):
        self.start_head("--num-cpus=2", "--num-gpus=0", "--memory=1GiB")
        text = self.run_orrery("status").stdout
        words = ["Orrery status", "Node status", "Active:", "1 node-1 (head)", "Pending:", "(no pending nodes)", "Recent failures:",
                 "(no failures)", "Resources", "Total Usage:", "0.0/2.0 CPU", "0B/1.00GiB memory", "Total Demands:",
                 "(no resource demands)"]
        at = [text.index(word) for word in words]
        self.assertEqual(at, sorted(at), text)

    def test_stop_one_node(self):
        address = self.start_head("--name=first")
        self.run_orrery("start", f"--address={address}", "--name=second")
        self.fails(1, "did you mean 'second'?", "stop", "--node=secnd")
        self.run_orrery("stop", "--node=second")
        wait_for(lambda: self.alive() == ["first"], "second to be gone")
        self.assertEqual(len(self.processes()), 2)
        self.run_orrery("stop")
        self.assert_clean()

    def test_stop_all_reaches_nodes_of_another_session(self):
        # Another folder stands for another machine; the token has been copied there.
        address = self.start_head()
        other = tempfile.mkdtemp(prefix="orrery-cli-")
        env = dict(self.env, ORRERY_SESSION_DIR=other)
        self.run_orrery("start", f"--address={address}", "--name=far", f"--token-file={self.folder}/token", env=env)
        self.assertEqual(self.alive(), ["far", "node-1"])
        self.run_orrery("stop", "--all")
        self.assert_clean()
        wait_for(lambda: not list(pathlib.Path(other).glob("records/*")), "the far node's end")
        shutil.rmtree(other)

    def test_stop_by_name_reaches_another_session(self):
        address = self.start_head()
        other = tempfile.mkdtemp(prefix="orrery-cli-")
        env = dict(self.env, ORRERY_SESSION_DIR=other)
        self.run_orrery("start", f"--address={address}", "--name=far", f"--token-file={self.folder}/token", env=env)
        self.run_orrery("stop", "--node=far")
        wait_for(lambda: self.alive() == ["node-1"], "the far node's end")
        wait_for(lambda: not list(pathlib.Path(other).glob("records/*")), "the far node's record to go")
        shutil.rmtree(other)

    @staticmethod
    def free_port():
        """A port that the kernel gives to nobody by itself, as it might between two starts."""
        for port in random.sample(range(20_000, 32_000), 100):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
        raise RuntimeError("a hundred ports are in use")

    def test_the_port_is_free_again_after_stop(self):
        port = self.free_port()
        for _ in range(2):
            self.run_orrery("start", "--head", f"--port={port}")
            self.run_orrery("stop")
            self.assert_clean()

    def test_block_stays_and_ctrl_c_ends_all(self):
        blocked = subprocess.Popen([ORRERY, "start", "--head", "--port=0", "--block"], env=self.env, stdout=subprocess.PIPE, text=True)
        while "orrery stop" not in blocked.stdout.readline():
            self.assertIsNone(blocked.poll())
        self.assertEqual(self.alive(), ["node-1"])
        blocked.send_signal(signal.SIGINT)
        self.assertEqual(blocked.wait(PATIENCE), 0)
        blocked.stdout.close()
        self.assertEqual(self.processes(), {})
        self.assertEqual(self.records(), [])

    def test_daemons_end_with_a_killed_block(self):
        blocked = subprocess.Popen([ORRERY, "start", "--head", "--port=0", "--block"], env=self.env, stdout=subprocess.PIPE, text=True)
        while "orrery stop" not in blocked.stdout.readline():
            self.assertIsNone(blocked.poll())
        blocked.kill()
        blocked.wait()
        blocked.stdout.close()
        wait_for(lambda: not self.processes(), "the daemons to follow")
        wait_for(lambda: not self.records(), "their records to go")

    # ---- sudden ends ----

    def test_killed_node_manager_is_seen_and_cleaned_up(self):
        address = self.start_head()
        self.run_orrery("start", f"--address={address}", "--name=victim")
        os.kill(self.record("node_manager", "victim")["pid"], signal.SIGKILL)
        wait_for(lambda: self.alive() == ["node-1"], "the GCS to notice")
        dead = next(node for node in self.status()["nodes"] if node["name"] == "victim")
        self.assertNotEqual(dead["death_reason"], "")
        self.assertIn("victim", self.run_orrery("status").stdout.split("Recent failures:")[1])
        self.run_orrery("start", f"--address={address}", "--name=successor")  # starts are where leftovers are swept
        self.assertEqual(self.sockets(), {".sock": 3, ".store": 2})
        self.assertEqual(len(self.records()), 3)
        self.run_orrery("stop")
        self.assert_clean()

    def test_a_killed_gcs_is_succeeded_by_the_next_start(self):
        address = self.start_head()
        self.run_orrery("start", f"--address={address}", "--name=second")
        os.kill(self.record("gcs")["pid"], signal.SIGKILL)
        self.fails(3, "orrery start --head", "status")
        done = self.run_orrery("start", "--head", "--port=1")
        self.assertIn(f"The cluster at {address} continues", done.stdout)
        self.assertEqual(self.alive(), ["node-1", "second"])
        self.assertEqual(len(self.records()), 3)
        self.run_orrery("stop")
        self.assert_clean()

    def test_nodes_end_when_their_gcs_stays_away(self):
        address = self.start_head("--set=gcs_reconnect_timeout=1s")
        self.run_orrery("start", f"--address={address}", "--set=gcs_reconnect_timeout=1s")
        os.kill(self.record("gcs")["pid"], signal.SIGKILL)
        wait_for(lambda: not self.processes(), "both node managers to give up")
        self.run_orrery("stop")
        self.assert_clean()

    def test_everything_killed_leaves_files_that_the_next_start_sweeps(self):
        self.start_head()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.processes(), "their end")
        self.assertEqual(self.sockets(), {".sock": 2, ".store": 1})
        self.fails(3, "has died; `orrery start --head`", "status")
        self.start_head()
        self.assertEqual(self.sockets(), {".sock": 2, ".store": 1}, "only the new ones")
        self.run_orrery("stop")
        self.assert_clean()

    def test_stuck_daemon_is_killed_after_the_grace(self):
        self.start_head()
        os.kill(self.record("node_manager")["pid"], signal.SIGSTOP)
        done = self.run_orrery("stop", "--grace=0.2")
        self.assertIn("1 by SIGKILL", done.stdout)
        self.assert_clean()

    # ---- refusals ----

    def test_second_head_and_taken_port(self):
        address = self.start_head()
        self.fails(1, address, "start", "--head")
        other = tempfile.mkdtemp(prefix="orrery-cli-")
        done = self.run_orrery("start", "--head", "--port=" + address.split(":")[1], code=1, env=dict(self.env, ORRERY_SESSION_DIR=other))
        self.assertIn("in use", done.stderr)
        shutil.rmtree(other)

    def test_wrong_or_missing_token(self):
        address = self.start_head()
        wrong = self.folder / "wrong"
        wrong.write_text("0" * 64)
        wrong.chmod(0o600)
        self.fails(1, "token", "start", f"--address={address}", f"--token-file={wrong}")
        self.fails(1, "token", "status", f"--address={address}", f"--token-file={wrong}")
        wrong.chmod(0o644)
        self.fails(1, "chmod 600", "status", f"--address={address}", f"--token-file={wrong}")
        self.fails(1, "no cluster token", "status", f"--address={address}", f"--token-file={self.folder}/none")
        self.assertNotIn((self.folder / "token").read_text().strip(), str(self.processes()), "never on a command line")

    def test_nobody_there_and_nobody_answers(self):
        self.fails(3, "no cluster runs in", "status")
        self.assertIn("No daemon runs", self.run_orrery("stop").stdout)
        self.start_head()
        self.fails(3, "Connection refused", "status", "--address=127.0.0.1:1")
        self.fails(3, "Connection refused", "start", "--address=127.0.0.1:1")
        with socket.socket() as mute:  # accepts, and says nothing
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            self.fails(4, "", "status", f"--address=127.0.0.1:{mute.getsockname()[1]}", "--timeout=0.3")

    def test_wrong_usage(self):
        for expected, words in [
            ("did you mean 'start'?", ["strat"]),
            ("did you mean '--head'?", ["start", "--haed"]),
            ("did you mean '--node'?", ["stop", "--nod"]),
            ("either --head", ["start"]),
            ("either --head", ["start", "--head", "--address=127.0.0.1:1"]),
            ("did you mean 'placement'?", ["start", "--head", "--set=placment=hybrid"]),
            ("did you mean 'hybrid'?", ["start", "--head", "--set=placement=hybird"]),
            ("from 0 to 1", ["start", "--head", "--set=spread_threshold=7"]),
            ("knob=value", ["start", "--head", "--set=spread_threshold"]),
            ("JSON object", ["start", "--head", "--resources=[1]"]),
            ("--num-cpus", ["start", "--head", '--resources={"CPU": 1}']),
            (">= 0", ["start", "--head", '--resources={"tpu": -1}']),
            ("key=value", ["start", "--head", "--labels=zone"]),
            ("not an amount", ["start", "--head", "--num-cpus=-1"]),
            ("not an amount of memory", ["start", "--head", "--memory=8 apples"]),
            ("whole GPUs", ["start", "--head", "--num-gpus=1.5"]),
            ("HOST:PORT", ["start", "--address=nonsense"]),
            ("--format", ["status", "--format=xml"]),
        ]:
            with self.subTest(words=words):
                self.fails(2, expected, *words)
        self.assertEqual(self.processes(), {})

    def test_help_version_settings(self):
        text = self.run_orrery("--help").stdout
        for word in ["start", "status", "stop", "settings", "sim", "live", "Exit codes", "orrery start --head"]:
            self.assertIn(word, text)
        self.assertIn("orrery ", self.run_orrery("--version").stdout)
        settings = json.loads(self.run_orrery("settings", "--format=json").stdout)
        self.assertIn({"name": "placement", "unit": "name", "default": "hybrid"}, settings)
        self.assertEqual(len(settings), len(self.run_orrery("settings").stdout.splitlines()))


if __name__ == "__main__":
    ORRERY = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
