"""Nodes in network namespaces of their own. Usage: namespaces_test.py BIN_FOLDER SOURCE_FOLDER [unittest arguments]

All of it, the head too, runs inside a namespace that the test makes: nothing here touches the machine's own network.
"""
import os
import pathlib
import signal
import subprocess
import unittest

from scaling_case import BIN, CLUSTER, ScalingCase, main, wait_for

PACKAGE = pathlib.Path(BIN).parent / "python"
NAMESPACES = "{type: local, network: namespaces}"
PROGRAM = """
import os
import numpy
import orrery as ray
ray.init(address="auto")
@ray.remote(num_cpus=2)
def add(x):
    return os.readlink("/proc/self/ns/net"), x + x
ones = numpy.ones(1 << 20)  # 8 MiB: over the bulk connections
got = ray.get([add.remote(ones) for _ in range(2)])
assert all((value == 2).all() for _, value in got)
print(*sorted({place for place, _ in got}))
"""


def network_of(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


class NamespacesTest(ScalingCase):
    @classmethod
    def setUpClass(cls):
        # Lives as long as the pipe of its input.
        cls.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True)
        wait_for(lambda: cls.holder.poll() is not None or network_of(cls.holder.pid) != network_of(os.getpid()), "a namespace")
        if cls.holder.poll() is not None:
            raise unittest.SkipTest(f"this user may not make network namespaces: {cls.holder.stderr.read().strip()}")
        cls.WITHIN = ("nsenter", f"--net=/proc/{cls.holder.pid}/ns/net")

    @classmethod
    def tearDownClass(cls):
        cls.holder.communicate()

    def links(self):
        done = subprocess.run([*self.WITHIN, "ip", "-brief", "link"], capture_output=True, text=True, check=True)
        return sorted(line.split()[0].split("@")[0] for line in done.stdout.splitlines())

    def test_each_node_has_a_network_of_its_own(self):
        self.assertIn("network namespace of its own in 198.18.0.0/16", self.up(NAMESPACES, least=2).stdout)
        wait_for(lambda: len(self.workers()) == 2, "two nodes")
        places = {network_of(pid) for pid in self.processes("node")}
        self.assertEqual(len(places), 3, "the head's and two more")
        if (PACKAGE / "orrery").exists():  # builds with sanitizers have no Python package
            done = subprocess.run([*self.WITHIN, "/usr/bin/python3", "-c", PROGRAM], capture_output=True, text=True,
                                  env=dict(self.env, PYTHONPATH=str(PACKAGE)))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLessEqual(set(done.stdout.splitlines()[-1].split()), places)
        for pid in self.processes("node"):
            os.kill(pid, signal.SIGKILL)
        self.run_orrery("stop")
        wait_for(lambda: self.links() == ["lo"], "the kernel to remove the devices")

    def test_a_partitioned_node_is_replaced_and_ends(self):
        settings = "settings: {health_check_period: 100ms, health_check_timeout: 500ms, health_check_failures: 3, "
        self.file.write_text(CLUSTER.format(provider=NAMESPACES, most=8, least=2).replace("settings: {", settings))
        self.run_orrery("up", self.file, "--port=0")
        wait_for(lambda: self.workers() == ["worker-1", "worker-2"], "two nodes")
        (link,) = (name for name in self.links() if name.endswith("-2"))  # host 2 is instance 1
        subprocess.run([*self.WITHIN, "ip", "link", "set", link, "down"], check=True)
        wait_for(lambda: self.workers() == ["worker-2", "worker-3"], "its successor")
        subprocess.run([*self.WITHIN, "ip", "link", "set", link, "up"], check=True)
        wait_for(lambda: not self.processes("--name=worker-1"), "the end of the node that came back after its death")
        self.assertEqual(self.workers(), ["worker-2", "worker-3"])

    def test_a_network_in_use_is_said_and_nothing_starts(self):
        subprocess.run([*self.WITHIN, "ip", "address", "add", "198.18.7.1/24", "dev", "lo"], check=True)
        try:
            said = self.up(NAMESPACES, code=3).stderr
            self.assertIn("198.18.0.0/16 is in use by lo (198.18.7.1); choose another network with provider.subnet", said)
            self.assertEqual(self.processes(), [])
            self.up("{type: local, network: namespaces, subnet: 198.19.0.0/24}", least=1)
            wait_for(lambda: self.workers() == ["worker-1"], "a node in another network")
        finally:
            subprocess.run([*self.WITHIN, "ip", "address", "flush", "dev", "lo", "to", "198.18.0.0/16"], check=True)

    def test_without_the_right_to_it_nothing_starts(self):
        self.folder.chmod(0o777)
        self.file.write_text(CLUSTER.format(provider=NAMESPACES, most=8, least=0))
        self.file.chmod(0o644)
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", f"{BIN}/orrery", "up", self.file, "--port=0"],
                              env=self.env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("network namespaces need root and the program ip", done.stderr)
        self.assertEqual(self.processes(), [])
        self.env["ORRERY_SESSION_DIR"] = str(self.folder / "t")  # the other user's folder stays for tearDown


if __name__ == "__main__":
    main()
