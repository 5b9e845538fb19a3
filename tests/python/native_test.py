"""C++ functions called by name: values of every kind both ways, what does not fit, what goes wrong inside.

Usage: native_test.py LIBRARY OTHER_LIBRARY [unittest arguments]
"""
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

import orrery as ray
from support import WATCHDOG_SECONDS  # noqa: F401
from support import ClusterTest

LIBRARY = OTHER = ""


def call(name, *args, **options):
    return ray.get(ray.cpp_function(name).options(max_retries=0, **options).remote(*args))


class Functions(ClusterTest):
    @classmethod
    def setUpClass(cls):
        ray.init(address="local", num_cpus=2, log_to_driver=False, code_search_path=[LIBRARY, OTHER])

    def test_values(self):
        for name, args, result in (
                ("Plus", (1, 2), 3), ("Plus", (-2**63, 2**63 - 1), -1), ("Small", (-128,), -128), ("Huge", (False,), 2**62),
                ("Half", (3.0,), 1.5), ("Half", (3,), 1.5), ("Half", (float("inf"),), float("inf")), ("Single", (0.5,), 0.5),
                ("Not", (True,), False), ("Nothing", (), None), ("Twice", ("ä\0b",), "ä\0bä\0b"), ("Twice", ("",), ""),
                ("Reversed", (b"\0\1\2",), b"\2\1\0"), ("Reversed", (b"",), b""), ("Square", (2,), [[2, 2], [2, 2]]),
                ("Square", (0,), []), ("Count", (["a", "b", "a"],), {"a": 2, "b": 1}), ("Count", ([],), {}),
                ("Positive", (3,), 3), ("Positive", (-3,), None), ("Positive", (None,), None), ("Swap", (("x", 1),), [1, "x"])):
            with self.subTest(name, args=args):
                found = call(name, *args)
                self.assertEqual((found, type(found)), (result, type(result)))

    def test_a_value_of_any_kind(self):
        for value in (None, True, 0, -5, 1.5, "text", b"bytes", [], {}, [1, [2.0, {"a": None}], "x", b"y"], {"k": [True, {}]}):
            with self.subTest(value=value):
                self.assertEqual(call("Same", value), value)
        self.assertEqual(call("Same", (1, (2,))), [1, [2]])

    def test_large_values(self):
        text = "x" * (5 << 20)
        self.assertTrue(call("Twice", text) == text + text)

    def test_refs_are_arguments_and_results(self):
        plus = ray.cpp_function("Plus")
        first = plus.remote(ray.put(1), ray.remote(lambda: 2).remote())
        self.assertEqual(ray.get(plus.remote(first, first)), 6)
        self.assertEqual(ray.get(ray.remote(lambda x: x + 1).remote(first)), 4)

    def test_inside_of_tasks(self):
        @ray.remote
        def outer():
            return ray.get([ray.cpp_function("Plus").remote(i, i) for i in range(3)])
        self.assertEqual(ray.get(outer.remote()), [0, 2, 4])

    def test_what_does_not_fit(self):
        for name, args, kind, pattern in (
                ("Plus", (1,), ValueError, r"Plus takes 2 arguments \(int from .* to .*, int .*\), not 1"),
                ("Plus", (1, "2"), ValueError, "Plus: argument 2 is to be int from .*; it is of type str"),
                ("Plus", (1, 2.0), ValueError, "argument 2 .* of type float"),
                ("Plus", (True, 2), ValueError, "argument 1 .* of type bool"),
                ("Plus", (2**63, 0), ValueError, "beyond 64 bits"),
                ("Small", (128,), ValueError, "int from -128 to 127"),
                ("Huge", (True,), RuntimeError, "std::overflow_error: a result is above"),
                ("Not", (1,), ValueError, "is to be bool"),
                ("Twice", (b"x",), ValueError, "is to be str; it is of type bytes"),
                ("Count", (["a", 1],), ValueError, "is to be list of str; it is of type list, or has parts"),
                ("Swap", (("x", 1, 2),), ValueError, r"is to be list \[str, int"),
                ("Same", ({1: 2},), TypeError, "keys of a dict for a C\\+\\+ function are str"),
                ("Same", ({1, 2},), TypeError, "not set"),
                ("Same", (object(),), TypeError, "not object"),
                ("Nothing", (1,), ValueError, "takes 0 arguments")):
            with self.subTest(name, args=args), self.assertRaisesRegex(kind, pattern):
                call(name, *args)
        nested = []
        for _ in range(300):
            nested = [nested]
        with self.assertRaisesRegex(ValueError, "nested too deeply"):
            call("Same", nested)
        with self.assertRaisesRegex(TypeError, "its arguments have no names, so not b"):
            ray.get(ray.cpp_function("Plus").options(max_retries=0).remote(1, b=2))

    def test_names_that_are_not_there(self):
        with self.assertRaisesRegex(ray.exceptions.NotFoundError, "'Pluss'; did you mean 'Plus'.*There are: Count"):
            ray.cpp_function("Pluss")
        with self.assertRaisesRegex(TypeError, "name"):
            ray.cpp_function(3)

    def test_exceptions(self):
        with self.assertRaisesRegex(RuntimeError, "std::out_of_range: far out"):
            call("Throws", 0)
        with self.assertRaisesRegex(RuntimeError, "Throws threw something that is no std::exception"):
            call("Throws", 1)

    def test_a_function_that_kills_its_worker(self):
        with self.assertRaises(ray.exceptions.WorkerCrashedError):
            call("Kill")
        self.assertEqual(call("Plus", 1, 1), 2)

    def test_it_runs_without_the_lock_of_the_interpreter(self):
        @ray.remote(max_concurrency=4)
        class Both:
            def run(self):
                ray._core.call_native("Sleep", 400)
        both = Both.remote()
        ray.get(both.__ray_ready__.remote())
        begin = time.monotonic()
        ray.get([both.run.remote() for _ in range(4)])
        self.assertLess(time.monotonic() - begin, 1.4)

    def test_options_of_tasks(self):
        with self.assertRaisesRegex(ray.exceptions.GetTimeoutError, ""):
            ray.get(ray.cpp_function("Plus").options(resources={"nowhere": 1}).remote(1, 2), timeout=0.2)


class Libraries(unittest.TestCase):
    def tearDown(self):
        ray.shutdown()

    def test_a_library_in_the_working_dir_goes_with_it(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, "libcopy.so")
            shutil.copy(OTHER, copy)
            context = ray.init(address="local", num_cpus=1, log_to_driver=False, runtime_env={"working_dir": folder},
                               code_search_path=[copy])
            self.assertEqual(call("Mean", [1, 2, 3]), 2)
            maps = ray.get(ray.remote(lambda: open("/proc/self/maps").read()).remote())
            self.assertRegex(maps, rf"{context.address_info['session_dir']}/packages/\w+/libcopy.so")

    def test_what_is_no_library(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder, "text.so")
            text.write_text("no library")
            for paths, kind, pattern in ((["/no/such.so"], ValueError, "there is no file '/no/such.so'"),
                                         ([text], OSError, "text.so"), (str(text), TypeError, "list of paths"),
                                         ([ray._core.__file__.replace("python/orrery/_core", "none")], ValueError, "no file"),
                                         (["/lib/x86_64-linux-gnu/libm.so.6"], ValueError, "exposes no functions")):
                if paths == ["/lib/x86_64-linux-gnu/libm.so.6"] and not os.path.exists(paths[0]):
                    continue
                with self.subTest(paths), self.assertRaisesRegex(kind, pattern):
                    ray.init(address="local", num_cpus=1, code_search_path=paths)
                self.assertFalse(ray.is_initialized())


if __name__ == "__main__":
    LIBRARY, OTHER = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
