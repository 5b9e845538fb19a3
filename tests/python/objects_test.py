"""Values in shared memory: no copy, read-only, alive as long as they are looked at, gone afterwards."""
import gc
import importlib.util
import json
import os
import subprocess
import threading
import time
import unittest

import numpy
import orrery as ray
from support import ClusterTest

MIB = 1 << 20


class Arrays(ClusterTest):
    def test_views_are_read_only_aligned_and_shared(self):
        array = numpy.arange(MIB, dtype=numpy.float64)
        ref = ray.put(array)
        first, second = ray.get(ref), ray.get(ref)
        self.assertTrue((first == array).all())
        self.assertFalse(first.flags.writeable)
        self.assertEqual(first.ctypes.data % 64, 0)
        self.assertEqual(first.ctypes.data, second.ctypes.data)

    def test_a_view_outlives_its_ref(self):
        view = ray.get(ray.put(numpy.full(MIB, 7, dtype=numpy.uint8)))
        for _ in range(8):
            ray.put(numpy.zeros(MIB, dtype=numpy.uint8))
        self.assertEqual(int(view.sum()), 7 * MIB)

    def test_a_view_of_an_argument_outlives_the_task(self):
        @ray.remote
        def keep(array):
            import builtins
            builtins.kept = array
            return os.getpid()

        @ray.remote
        def look():
            import builtins
            kept = getattr(builtins, "kept", None)
            return os.getpid(), None if kept is None else int(kept.sum())

        where = ray.get(keep.remote(numpy.full(MIB, 3, dtype=numpy.uint8)))
        for _ in range(8):
            ray.put(numpy.zeros(MIB, dtype=numpy.uint8))
        answers = dict(ray.get([look.remote() for _ in range(8)]))
        for pid, total in answers.items():
            self.assertEqual(total, 3 * MIB if pid == where else None)

    def test_inside_other_values_and_as_results(self):
        @ray.remote
        def double(parts):
            return {name: part * 2 for name, part in parts.items()}

        parts = {"a": numpy.arange(100_000), "b": numpy.arange(4.0), "c": numpy.array(["x", None], dtype=object)}
        doubled = ray.get(double.remote({k: parts[k] for k in "ab"}))
        self.assertTrue((doubled["a"] == parts["a"] * 2).all() and (doubled["b"] == parts["b"] * 2).all())
        self.assertEqual(list(ray.get(ray.put(parts))["c"]), ["x", None])

    def test_layouts(self):
        for array in (numpy.asfortranarray(numpy.arange(12).reshape(3, 4)), numpy.arange(100)[::3], numpy.zeros((0, 5)),
                      numpy.arange(300_000).reshape(3, -1).T):
            self.assertTrue(numpy.array_equal(ray.get(ray.put(array)), array))

    def test_large_bytes(self):
        for value in (b"x" * 5_000_000, bytearray(3_000_000), "ä" * 1_000_000):
            self.assertEqual(ray.get(ray.put(value)), value)


@unittest.skipUnless(importlib.util.find_spec("pyarrow"), "pyarrow is not installed (pip install pyarrow; Debian has no package)")
class Arrow(ClusterTest):
    """Arrow's own reducers hand their buffers over out of band, so that its values come back as views, too."""

    @staticmethod
    def buffers(value):
        parts = [value] if hasattr(value, "buffers") else value.chunks
        return [buffer for part in parts for buffer in part.buffers() if buffer is not None]

    def test_arrays_and_tables_are_views(self):
        import pyarrow
        numbers = pyarrow.array(numpy.arange(MIB))
        texts = pyarrow.array(["some", None, "texts"] * 100_000)
        table = pyarrow.table({"numbers": numbers.slice(0, 300_000), "texts": texts})
        nested = pyarrow.array([[1, 2], [], None, [3]] * 50_000)
        for value in (numbers, texts, nested, table, table.slice(7, 9), pyarrow.chunked_array([numbers, numbers])):
            ref = ray.put(value)
            first, second = ray.get(ref), ray.get(ref)
            self.assertTrue(first.equals(value))
            for one, other in zip(first.columns if hasattr(first, "columns") else [first],
                                  second.columns if hasattr(second, "columns") else [second]):
                places = [buffer.address for buffer in self.buffers(one)]
                self.assertEqual(places, [buffer.address for buffer in self.buffers(other)])
                self.assertFalse(any(buffer.is_mutable for buffer in self.buffers(one)))

    def test_through_a_task_and_after_its_ref(self):
        import pyarrow.compute

        @ray.remote
        def select(table):
            return table.filter(pyarrow.compute.greater(table["a"], MIB - 4))

        found = ray.get(select.remote(pyarrow.table({"a": numpy.arange(MIB)})))
        for _ in range(8):
            ray.put(numpy.zeros(MIB, dtype=numpy.uint8))
        self.assertEqual(found["a"].to_pylist(), [MIB - 3, MIB - 2, MIB - 1])


class Memory(ClusterTest):
    def entries(self):
        command = os.path.join(os.environ["ORRERY_HOME"], "bin", "orrery")
        context = ray.init(ignore_reinit_error=True)
        environment = {**os.environ, "ORRERY_SESSION_DIR": context.address_info["session_dir"]}
        text = subprocess.run([command, "memory", "--address", context.address_info["address"], "--format", "json"],
                              env=environment, check=True, capture_output=True, text=True, timeout=60).stdout
        return json.loads(text)

    def assert_nothing_left(self):
        gc.collect()
        left = None
        for _ in range(100):
            ray.get(ray.put(0))  # what was let go travels with a call
            left = self.entries()
            if not left.get("objects"):
                return
            time.sleep(0.1)
        self.fail(f"objects are left: {left}")

    def test_a_thousand_refs(self):
        @ray.remote(max_retries=0)
        def work(nested, fail):
            if fail == "raise":
                raise ValueError("on purpose")
            if fail == "die":
                os._exit(1)
            return [nested["refs"][0], ray.put(len(ray.get(nested["refs"])))]

        refs = [ray.put(i if i % 100 else numpy.zeros(50_000)) for i in range(1000)]
        results = [work.remote({"refs": refs[i * 50:i * 50 + 50]}, "raise" if i % 3 == 1 else "die" if i == 5 else "")
                   for i in range(20)]
        ok = 0
        for ref in results:
            try:
                first, count = ray.get(ref)
                self.assertEqual(ray.get(count), 50)
                ray.get(first)
                ok += 1
            except (ValueError, ray.exceptions.WorkerCrashedError, ray.exceptions.OwnerDiedError):
                pass  # the worker that died may have had others' tasks, and owned what they had put
        self.assertGreater(ok, 0)
        del refs, results, ref, first, count
        self.assert_nothing_left()

    def test_refs_in_closures_and_deep_values(self):
        def closure(refs, how):
            @ray.remote(max_retries=1)
            def work(given):
                total = sum(ray.get([ref for ref, in given[0]["deep"]])) + sum(ray.get(list(refs.values())))
                if how == "raise":
                    raise ValueError("on purpose")
                if how == "die" and ray.get_runtime_context().get_task_attempt() == 0:
                    os._exit(1)
                return {"total": total, "more": [(ray.put(total), refs)]}
            return work

        refs = [ray.put(1 if i % 50 else numpy.int64(1)) for i in range(1000)]
        hows = ["", "raise", "die", "", "unpicklable"]
        for i, how in enumerate(hows):
            mine = refs[i * 200:i * 200 + 200]
            given = [{"deep": [(ref,) for ref in mine[100:]]}, threading.Lock() if how == "unpicklable" else None]
            task = closure({f"ref{n}": ref for n, ref in enumerate(mine[:100])}, how)
            if how == "unpicklable":
                self.assertRaisesRegex(TypeError, "lock", task.remote, given)
                continue
            ref = task.remote(given)
            if how == "raise":
                self.assertRaisesRegex(ValueError, "on purpose", ray.get, ref)
                continue
            # Before another task dies: its worker may be the one that owns what this one has put.
            answer = ray.get(ref)
            self.assertEqual((answer["total"], ray.get(answer["more"][0][0])), (200, 200))
            self.assertEqual(ray.get(answer["more"][0][1]["ref3"]), 1)
            del answer
        del refs, ref, mine, given, task
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
