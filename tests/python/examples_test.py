"""The examples print what their comments say, and leave no process behind."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

import orrery

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "runtime/python/examples"
LIMIT = 120


def children_of_session(folder):
    """Command lines of living processes that name `folder`."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if folder.encode() in words and int(entry.name) != os.getpid():
            found.append((entry.name, words[:80]))
    return found


class Examples(unittest.TestCase):
    def run_program(self, program):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-B", str(program)], capture_output=True, text=True,
                                  timeout=LIMIT, env={**os.environ, "TMPDIR": folder})
        return done

    def check(self, name, expected):
        done = self.run_program(EXAMPLES / f"{name}.py")
        self.assertEqual((done.returncode, done.stdout), (0, expected), done.stderr)

    def test_squares(self):
        self.check("squares", "[0, 1, 4, 9]\n")

    def test_pi(self):
        self.check("pi", "pi is about 3.14\n")

    def test_counter(self):
        self.check("counter", "1\n2\n")

    def test_parameter_server(self):
        self.check("parameter_server", "y = 3.000 x - 2.000\n")

    def test_tree_reduction(self):
        self.check("tree_reduction", "120\n")

    def test_errors(self):
        self.check("errors", "caught: invalid literal for int() with base 10: 'twelve'\n")

    def test_pipeline(self):
        self.check("pipeline", "630\n")

    def test_streaming_pipeline(self):
        self.check("streaming_pipeline", "45.0\n")


class Programs(unittest.TestCase):
    """Programs written by the test, each in a folder of its own."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def start(self, text, **files):
        for name, content in files.items():
            pathlib.Path(self.folder.name, f"{name}.py").write_text(textwrap.dedent(content))
        program = pathlib.Path(self.folder.name, "program.py")
        program.write_text(textwrap.dedent(text))
        return subprocess.Popen([sys.executable, "-B", str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, cwd=self.folder.name)

    def finish(self, process):
        out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out, err

    def test_modules_and_folder_of_the_driver(self):
        code, out, err = self.finish(self.start("""
            import os
            import helper
            import orrery as ray
            ray.init(address="local", num_cpus=1)
            task = ray.remote(helper.twice)
            print(ray.get(task.remote(4)), ray.get(ray.remote(os.getcwd).remote()) == os.getcwd())
            """, helper="def twice(x):\n    return 2 * x\n"))
        self.assertEqual((code, out), (0, "8 True\n"), err)

    SHADOWED = """
        import orrery as ray
        ray.init(address="local", num_cpus=1)
        print(ray.get(ray.remote(lambda: 3).remote()))
        """

    def test_a_file_that_shadows_what_orrery_needs(self):
        for name in ("hashlib", "queue", "pickle", "cloudpickle", "asyncio", "orrery"):
            code, out, err = self.finish(self.start(self.SHADOWED, **{name: "raise RuntimeError('shadowed')"}))
            os.remove(pathlib.Path(self.folder.name, f"{name}.py"))
            self.assertEqual((code, out), (1, ""), name)
            self.assertRegex(err, rf"{self.folder.name}/{name}.py.*\n.*\nRuntimeError: shadowed")

    def test_files_that_shadow_what_only_workers_or_libraries_need(self):
        shadows = {name: "raise RuntimeError('shadowed')" for name in ("numpy", "_core", "_execute", "sitecustomize", "site")}
        code, out, err = self.finish(self.start(self.SHADOWED, **shadows))
        self.assertEqual((code, out), (0, "3\n"), err)

    def test_a_file_with_the_name_of_a_module_is_the_drivers_choice(self):
        code, out, err = self.finish(self.start("""
            import statistics
            import orrery as ray
            ray.init(address="local", num_cpus=1)
            print(ray.get(ray.remote(statistics.twice).remote(4)))
            """, statistics="def twice(x):\n    return 2 * x\n"))
        self.assertEqual((code, out), (0, "8\n"), err)

    def test_output_of_workers(self):
        code, out, err = self.finish(self.start("""
            import os, sys
            import orrery as ray
            ray.init(address="local", num_cpus=1)
            @ray.remote
            def speak():
                print("from stdout")
                print("from stderr", file=sys.stderr)
                return os.getpid()
            print(ray.get(speak.remote()))
            """))
        self.assertEqual(code, 0, err)
        self.assertIn(f"(pid={out.strip()}) from stdout", err)
        self.assertIn(f"(pid={out.strip()}) from stderr", err)

    def end_by(self, number):
        process = self.start("""
            import time
            import orrery as ray
            context = ray.init(address="local", num_cpus=1)
            ref = ray.remote(time.sleep).remote(1000)
            print(context.address_info["session_dir"], flush=True)
            ray.get(ref)
            """)
        session = process.stdout.readline().strip()
        process.send_signal(number)
        code, _, err = self.finish(process)
        for _ in range(300):
            left = children_of_session(session)
            if not left:
                return code, err, session
            time.sleep(0.1)
        return self.fail(f"left behind: {left}")

    def test_ctrl_c(self):
        code, err, session = self.end_by(signal.SIGINT)
        self.assertIn("KeyboardInterrupt", err)
        self.assertNotEqual(code, 0)
        self.assertFalse(os.path.exists(session))

    def test_a_killed_driver_leaves_no_process(self):
        self.assertEqual(self.end_by(signal.SIGKILL)[0], -signal.SIGKILL)


if __name__ == "__main__":
    assert orrery.__version__
    unittest.main(verbosity=2)
