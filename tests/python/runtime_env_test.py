"""The files of a job: working_dir and py_modules, packed by the driver, unpacked once per node, gone with the cluster."""
import faulthandler
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest
import zipfile

import orrery as ray
from orrery import _runtime_env
from support import WATCHDOG_SECONDS

LIMIT = 120


def write(folder, files):
    for name, content in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))


@ray.remote
def look():
    """Where a worker is, and what it finds there."""
    return os.getcwd(), sorted(os.path.relpath(os.path.join(at, name)) for at, _, names in os.walk(".") for name in names)


@ray.remote
def call(module, function, *args):
    return getattr(importlib.import_module(module), function)(*args)


class RuntimeEnvTest(unittest.TestCase):
    def setUp(self):
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.addCleanup(ray.shutdown)

    def init(self, **runtime_env):
        return ray.init(address="local", num_cpus=2, log_to_driver=False, runtime_env=runtime_env)

    def test_working_dir(self):
        write(self.folder, {"helper.py": "def twice(x): return 2 * x\n", "data/numbers.txt": "1 2 3\n"})
        os.chmod(pathlib.Path(self.folder, "data/numbers.txt"), 0o741)
        context = self.init(working_dir=self.folder, env_vars={"COLOUR": "red"})
        here, files = ray.get(look.remote())
        self.assertNotEqual(here, self.folder)
        self.assertTrue(here.startswith(context.address_info["session_dir"]))
        self.assertEqual(files, ["data/numbers.txt", "helper.py"])
        self.assertEqual(ray.get(call.remote("helper", "twice", 21)), 42)
        self.assertEqual(ray.get(ray.remote(lambda: open("data/numbers.txt").read()).remote()), "1 2 3\n")
        self.assertEqual(ray.get(ray.remote(lambda: os.stat("data/numbers.txt").st_mode & 0o777).remote()), 0o741)
        self.assertEqual(ray.get(ray.remote(lambda: os.environ["COLOUR"]).remote()), "red")
        ray.shutdown()
        self.assertFalse(os.path.exists(here))

    def test_values_whose_classes_are_in_the_working_dir(self):
        write(self.folder, {"shapes.py": "class Square:\n    def __init__(self, a): self.a = a\n    def area(self): return self.a ** 2\n"})
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        self.init(working_dir=self.folder)
        shapes = importlib.import_module("shapes")
        self.assertEqual(ray.get(ray.remote(lambda shape: shape.area()).remote(shapes.Square(3))), 9)

    def test_actors_start_there_too(self):
        write(self.folder, {"note.txt": "here"})

        @ray.remote
        class Reader:
            def __init__(self):
                self.text = open("note.txt").read()

            async def read(self):
                return self.text
        self.init(working_dir=self.folder)
        self.assertEqual(ray.get(Reader.remote().read.remote()), "here")

    def test_py_modules(self):
        write(self.folder, {"package/__init__.py": "def name(): return __name__\n", "package/inner.py": "def three(): return 3\n",
              "single.py": "def four(): return 4\n"})
        with zipfile.ZipFile(pathlib.Path(self.folder, "zipped.zip"), "w") as archive:
            archive.writestr("zipped/__init__.py", "def five(): return 5\n")
        path = pathlib.Path(self.folder)
        sys.path.insert(0, self.folder)
        single = importlib.import_module("single")
        sys.path.remove(self.folder)
        self.init(py_modules=[path / "package", single, str(path / "zipped.zip")])
        self.assertEqual(ray.get(call.remote("package", "name")), "package")
        self.assertEqual(ray.get(call.remote("package.inner", "three")), 3)
        self.assertEqual(ray.get(call.remote("single", "four")), 4)
        self.assertEqual(ray.get(call.remote("zipped", "five")), 5)

    def test_what_is_left_out(self):
        write(self.folder, {"kept.py": "", "notes.log": "", "logs/a.txt": "", "deep/logs/b.txt": "", "top.bin": "", "deep/top.bin": "",
              "wanted.log": "", ".gitignore": "# comment\n*.log\n!wanted.log\n\nlogs/\n", "__pycache__/x.pyc": ""})
        self.init(working_dir=self.folder, excludes=["/top.bin"])
        self.assertEqual(ray.get(look.remote())[1], [".gitignore", "deep/top.bin", "kept.py", "wanted.log"])

    def test_a_package_that_is_too_large(self):
        for name, size in (("huge.bin", 90), ("small.bin", 20)):
            with open(pathlib.Path(self.folder, name), "wb") as file:
                file.truncate(size << 20)
        with self.assertRaisesRegex(ValueError, r"more than 100 MiB; the largest files so far: huge.bin \(90 MiB\).*excludes"):
            self.init(working_dir=self.folder)
        self.init(working_dir=self.folder, excludes=["huge.*"])
        self.assertEqual(ray.get(look.remote())[1], ["small.bin"])

    def test_several_chunks(self):
        content = os.urandom(20 << 20)
        pathlib.Path(self.folder, "random.bin").write_bytes(content)
        self.init(working_dir=self.folder)
        self.assertTrue(ray.get(ray.remote(lambda: open("random.bin", "rb").read()).remote()) == content)

    def test_one_copy_per_node_whoever_comes_first(self):
        write(self.folder, {"a.py": ""})
        context = self.init(working_dir=self.folder)
        self.assertEqual(len({here for here, _ in ray.get([look.remote() for _ in range(40)])}), 1)
        folders = [path for path in pathlib.Path(context.address_info["session_dir"], "packages").iterdir() if path.is_dir()]
        self.assertEqual(len(folders), 1)

    def test_half_unpacked_by_a_worker_that_was_killed(self):
        write(self.folder, {"a.py": "def one(): return 1\n"})
        digest = _runtime_env.RuntimeEnv({"working_dir": self.folder})._working_dir
        context = self.init(working_dir=self.folder)
        half = pathlib.Path(context.address_info["session_dir"], "packages", f"{digest}.part")
        half.mkdir(parents=True)
        (half / "rubbish").touch()
        self.assertEqual(ray.get(look.remote())[1], ["a.py"])

    def test_what_the_cluster_does_not_have(self):
        write(self.folder, {"a.py": ""})
        self.init(working_dir=self.folder)
        ray._session._environment.forget()
        with self.assertRaisesRegex(ray.exceptions.RuntimeEnvSetupError, "does not have the job's package"):
            ray.get(look.options(max_retries=0).remote())

    def test_what_makes_no_sense(self):
        for given, kind, pattern in (
                ({"working_dirs": "."}, ValueError, "did you mean 'working_dir'"),
                ({"pip": ["numpy"]}, ValueError, "does not know 'pip'; there are: env_vars"),
                ({"working_dir": "/no/such/folder"}, ValueError, "no folder or .zip file '/no/such/folder'"),
                ({"working_dir": "s3://bucket/x.zip"}, ValueError, "of this machine"),
                ({"working_dir": 3}, TypeError, "path of a folder, not int"),
                ({"py_modules": "package"}, TypeError, "is a list"),
                ({"py_modules": [3]}, TypeError, "takes paths and modules"),
                ({"py_modules": [__file__ + "x"]}, ValueError, "no folder, .py"),
                ({"excludes": "*.log"}, TypeError, "list of patterns")):
            with self.subTest(given), self.assertRaisesRegex(kind, pattern):
                self.init(**given)
            self.assertFalse(ray.is_initialized())

    def test_the_same_files_are_one_package(self):
        write(self.folder, {"a.py": "x", "b/c.py": "y"})
        first = _runtime_env.RuntimeEnv({"working_dir": self.folder})._working_dir
        os.utime(pathlib.Path(self.folder, "a.py"), (1, 1))
        self.assertEqual(_runtime_env.RuntimeEnv({"working_dir": self.folder})._working_dir, first)
        write(self.folder, {"a.py": "z"})
        self.assertNotEqual(_runtime_env.RuntimeEnv({"working_dir": self.folder})._working_dir, first)

    def test_names_that_lead_out_of_the_folder(self):
        archive = pathlib.Path(self.folder, "evil.zip")
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("../../evil.txt", "evil")
            file.writestr("/evil2.txt", "evil")
        self.init(working_dir=archive)
        self.assertEqual(ray.get(look.remote())[1], ["evil.txt", "evil2.txt"])

    def test_variables_of_a_task_or_an_actor(self):
        self.init()
        variables = {"env_vars": {"OWN": "task", "HOME": "/nowhere"}}

        @ray.remote(runtime_env={"env_vars": {"OWN": "actor"}})
        class Holder:
            def own(self):
                return os.environ.get("OWN")

        @ray.remote
        def own():
            return os.environ.get("OWN"), os.environ["HOME"]

        @ray.remote(num_returns="streaming", runtime_env=variables)
        def stream():
            yield os.environ.get("OWN")

        @ray.remote(runtime_env=variables, num_returns=2)
        def fails():
            yield os.environ.get("OWN")
            raise ValueError(os.environ.get("OWN"))

        home = os.environ["HOME"]
        for _ in range(3):  # by the same workers
            self.assertEqual(ray.get(own.options(runtime_env=variables).remote()), ("task", "/nowhere"))
            self.assertEqual(ray.get(own.remote()), (None, home))
            self.assertEqual(ray.get(next(stream.remote())), "task")
            first, second = fails.remote()
            self.assertEqual(ray.get(first), "task")
            with self.assertRaisesRegex(ValueError, "task"):
                ray.get(second)
        holder = Holder.remote()
        self.assertEqual(ray.get([holder.own.remote(), holder.own.remote()]), ["actor", "actor"])
        for wrong, kind, pattern in (({"working_dir": "."}, ValueError, "belongs to the whole job"),
                                     ({"pip": []}, ValueError, "does not know 'pip'"),
                                     ({"env_vars": 3}, TypeError, "is a dict")):
            with self.assertRaisesRegex(kind, pattern):
                own.options(runtime_env=wrong)

    def test_a_detached_actor_keeps_its_files(self):
        write(self.folder, {"kept.py": "def six(): return 6\n"})
        program = pathlib.Path(self.folder, "..", os.path.basename(self.folder) + "-program.py")
        program.write_text(textwrap.dedent(f"""
            import orrery as ray
            ray.init(runtime_env={{"working_dir": {self.folder!r}}})
            @ray.remote(lifetime="detached", name="lasting", namespace="n", max_restarts=1)
            class Lasting:
                def six(self):
                    import kept
                    return kept.six()
            actor = Lasting.remote()
            ray.get(actor.__ray_ready__.remote())
            """))
        self.addCleanup(program.unlink)
        context = ray.init(address="local", num_cpus=2, log_to_driver=False)
        environment = {**os.environ, "ORRERY_ADDRESS": context.address_info["address"],
                       "ORRERY_SESSION_DIR": context.address_info["session_dir"]}
        done = subprocess.run([sys.executable, "-B", program], env=environment, capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        actor = ray.get_actor("lasting", "n")
        self.assertEqual(ray.get(actor.six.remote()), 6)
        ray.kill(actor, no_restart=False)
        self.assertEqual(ray.get(actor.six.remote()), 6)
        ray.kill(actor)


if __name__ == "__main__":
    unittest.main()
