"""Generators: items one by one, back-pressure, failures, deaths, and that nothing is left of what nobody takes."""
import asyncio
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import numpy
import orrery as ray
from support import ClusterTest

MIB = 1 << 20


@ray.remote
def count(n):
    yield from range(n)


@ray.remote
def arrays(n, size=MIB):
    for i in range(n):
        yield numpy.full(size, i, dtype=numpy.uint8)


@ray.remote(_generator_backpressure_num_objects=2)
def noted(folder, n):
    """Leaves a file for each item that it makes, and one when it is closed."""
    i = 0
    try:
        while i < n:
            pathlib.Path(folder, str(i)).touch()
            yield i
            i += 1
    finally:
        pathlib.Path(folder, "closed").touch()


@ray.remote(max_retries=3)
def dies_once(folder, n, at, size):
    """Kills its own process in front of item `at`, once."""
    for i in range(n):
        once = pathlib.Path(folder, "died")
        if i == at and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield numpy.full(size, i, dtype=numpy.uint8)


@ray.remote
def fails_after(n):
    yield from range(n)
    raise ValueError(f"after {n}")


@ray.remote
def slow():
    yield time.sleep(0.3)


def until(what, seconds=60):
    """Waits for what has no event to wait for."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


class GeneratorTest(ClusterTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # a generator may still be at it
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def files(self):
        return set(os.listdir(self.folder))

    def test_items_come_in_order_and_then_the_end(self):
        generator = count.remote(1000)
        self.assertIsInstance(generator, ray.ObjectRefGenerator)
        self.assertEqual(ray.get(list(generator)), list(range(1000)))
        with self.assertRaises(StopIteration):
            next(generator)
        self.assertIsNone(ray.get(generator.completed()))
        self.assertEqual(list(count.remote(0)), [])

    def test_the_first_item_is_there_before_the_last_is_made(self):
        generator = noted.remote(self.folder, 100)
        self.assertEqual(ray.get(next(generator)), 0)
        self.assertNotIn("99", self.files())

    def test_large_items_lie_in_shared_memory(self):
        refs = list(arrays.remote(8))
        for i, array in enumerate(ray.get(refs)):
            self.assertEqual((array[0], array[-1], array.size), (i, i, MIB))
            self.assertFalse(array.flags.writeable)

    def test_items_of_any_function_that_returns_something_iterable(self):
        task = ray.remote(num_returns="streaming")(lambda: [1, "two", (3,)])
        self.assertEqual(ray.get(list(task.remote())), [1, "two", (3,)])
        with self.assertRaisesRegex(TypeError, "is to be a generator, but returned one int"):
            ray.get(next(ray.remote(num_returns="streaming", max_retries=0)(lambda: 3).remote()))

    def test_items_are_arguments_of_tasks(self):
        double = ray.remote(lambda x: 2 * x)
        self.assertEqual(ray.get([double.remote(ref) for ref in count.remote(20)]), list(range(0, 40, 2)))

    def test_refs_inside_items(self):
        @ray.remote
        def nested():
            for i in range(5):
                yield [ray.put(numpy.full(MIB, i, dtype=numpy.uint8))]
        inner = [ray.get(ref)[0] for ref in nested.remote()]
        self.assertEqual([int(ray.get(ref)[0]) for ref in inner], list(range(5)))

    def test_back_pressure(self):
        generator = noted.remote(self.folder, 10)
        until(lambda: "1" in self.files())
        time.sleep(0.3)
        self.assertNotIn("2", self.files())
        self.assertEqual(ray.get(next(generator)), 0)
        until(lambda: "2" in self.files())
        self.assertNotIn("4", self.files())
        self.assertEqual(ray.get(list(generator)), list(range(1, 10)))
        self.assertIn("closed", self.files())

    def test_a_generator_that_waits_for_its_reader_lends_its_cpu(self):
        generators = [noted.options(_generator_backpressure_num_objects=1).remote(self.folder, 3) for _ in range(self.CPUS)]
        for generator in generators:
            first = next(generator)
            self.assertEqual(ray.get(ray.remote(lambda x: x).remote(first)), 0)  # needs a CPU

    def test_an_exception_half_way(self):
        @ray.remote
        def fails():
            yield 1
            raise ValueError("half way")
        generator = fails.remote()
        self.assertEqual(ray.get(next(generator)), 1)
        with self.assertRaisesRegex(ValueError, "half way") as caught:
            ray.get(next(generator))
        self.assertIn("in fails", str(caught.exception))
        with self.assertRaises(StopIteration):
            next(generator)
        with self.assertRaisesRegex(ValueError, "half way"):
            ray.get(generator.completed())

    def test_an_item_that_cannot_be_pickled(self):
        import threading

        @ray.remote(max_retries=0)
        def locks():
            yield 1
            yield threading.Lock()
        generator = locks.remote()
        self.assertEqual(ray.get(next(generator)), 1)
        with self.assertRaisesRegex(TypeError, "pickle"):
            ray.get(next(generator))

    def test_exceptions_are_retried_and_nothing_comes_twice(self):
        @ray.remote(max_retries=2, retry_exceptions=[KeyError])
        def flaky(folder):
            for i in range(6):
                if i == 3 and not pathlib.Path(folder, "failed").exists():
                    pathlib.Path(folder, "failed").touch()
                    raise KeyError(i)
                if i == 5:
                    raise IndexError(i)
                yield i
        generator = flaky.remote(self.folder)
        self.assertEqual([ray.get(next(generator)) for _ in range(5)], [0, 1, 2, 3, 4])
        with self.assertRaises(IndexError):
            ray.get(next(generator))
        self.assertEqual(list(generator), [])

    def test_its_process_is_killed_half_way(self):
        for size in (8, MIB):
            for at in (0, 3, 5):
                with self.subTest(size=size, at=at), tempfile.TemporaryDirectory() as folder:
                    refs = list(dies_once.remote(folder, 6, at, size))
                    self.assertEqual([int(array[0]) for array in ray.get(refs)], list(range(6)))

    def test_its_process_is_killed_while_it_waits_for_its_reader(self):
        generator = dies_once.options(_generator_backpressure_num_objects=1).remote(self.folder, 6, 3, 8)
        self.assertEqual([int(ray.get(ref)[0]) for ref in generator], list(range(6)))

    def test_its_process_is_killed_and_may_not_be_started_again(self):
        generator = dies_once.options(max_retries=0).remote(self.folder, 6, 2, 8)
        self.assertEqual([int(ray.get(next(generator))[0]) for _ in range(2)], [0, 1])
        with self.assertRaises(ray.exceptions.WorkerCrashedError):
            ray.get(next(generator))
        self.assertEqual(list(generator), [])

    def test_cancel(self):
        generator = noted.remote(self.folder, 10)
        self.assertEqual(ray.get(next(generator)), 0)
        ray.cancel(generator)
        with self.assertRaises(ray.exceptions.TaskCancelledError):
            for ref in generator:
                ray.get(ref)
        self.assertEqual(list(generator), [])

    def test_who_drops_it_closes_it(self):
        endless = noted.options(_generator_backpressure_num_objects=-1).remote(self.folder, 1 << 60)
        self.assertEqual(ray.get(next(endless)), 0)
        del endless
        until(lambda: "closed" in self.files())

    def test_who_drops_it_wakes_it_up(self):
        generator = noted.remote(self.folder, 10)
        until(lambda: "1" in self.files())
        del generator
        until(lambda: "closed" in self.files())

    def test_wait_takes_generators(self):
        slow = noted.options(_generator_backpressure_num_objects=1).remote(self.folder, 2)
        first = next(slow)
        del first
        ready, others = ray.wait([slow, ray.remote(time.sleep).remote(30)], num_returns=1)
        self.assertEqual((ready, len(others)), ([slow], 1))
        ray.cancel(others[0])
        done = count.remote(0)
        self.assertEqual(ray.wait([done], timeout=30), ([done], []))

    def test_async_for(self):
        async def read():
            return [await ref async for ref in count.remote(10)]
        self.assertEqual(asyncio.run(read()), list(range(10)))

    def test_dynamic(self):
        ref = count.options(num_returns="dynamic").remote(5)
        self.assertIsInstance(ref, ray.ObjectRef)
        self.assertEqual(ray.get(list(ray.get(ref))), list(range(5)))

    def test_dynamic_is_passed_on_and_tells_of_the_end(self):
        @ray.remote
        def total(items):
            return sum(ray.get(list(items)))

        items = ray.get(count.options(num_returns="dynamic").remote(5))
        self.assertEqual(len(items), 5)
        self.assertEqual(ray.get([total.remote(items), total.remote(items)]), [10, 10])

        refs = list(ray.get([fails_after.options(num_returns="dynamic").remote(2)])[0])
        self.assertEqual(ray.get(refs[:2]), [0, 1])
        with self.assertRaisesRegex(ValueError, "after 2"):
            ray.get(refs[2])
        with self.assertRaises(ray.exceptions.GetTimeoutError):
            ray.get(slow.options(num_returns="dynamic").remote(), timeout=0.05)

    def test_a_number_of_refs(self):
        @ray.remote
        class Source:
            @ray.method(num_returns=3)
            def fails_after(self, n):
                yield from range(n)
                raise ValueError(f"after {n}")

        for start in (fails_after.options(num_returns=3).remote, Source.remote().fails_after.remote):
            for n in range(4):  # the refs that it came to have values, the others its exception
                refs = start(n)
                self.assertEqual(ray.get(refs[:n]), list(range(n)))
                for ref in refs[n:]:
                    with self.assertRaisesRegex(ValueError, f"after {n}"):
                        ray.get(ref)
        refs = count.options(num_returns=3).remote(2)
        self.assertEqual(ray.get(refs[:2]), [0, 1])
        with self.assertRaisesRegex(ValueError, "yielded 2 values"):
            ray.get(refs[2])
        self.assertEqual(ray.get(count.options(num_returns=3).remote(4)), [0, 1, 2], "as in Ray, it is only logged")

    def test_a_number_of_refs_with_retries(self):
        @ray.remote(num_returns=2, max_retries=1, retry_exceptions=True)
        def once_failing(marker):
            yield 1
            if not os.path.exists(marker):
                pathlib.Path(marker).touch()
                raise OSError("first")
            yield 2

        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(ray.get(once_failing.remote(os.path.join(folder, "marker"))), [1, 2])

    def test_methods_of_actors(self):
        @ray.remote
        class Source:
            def items(self, n):
                yield from range(n)

            @ray.method(num_returns="streaming", _generator_backpressure_num_objects=1)
            def listed(self, n):
                return list(range(n))

            def three(self):
                return 3
        source = Source.remote()
        self.assertEqual(ray.get(list(source.items.remote(5))), list(range(5)))
        self.assertEqual(ray.get(list(source.listed.remote(5))), list(range(5)))
        self.assertEqual(ray.get(source.three.remote()), 3)
        found = Source.options(name="source").remote()
        self.assertEqual(ray.get(found.three.remote()), 3)
        by_name = ray.get_actor("source").items.options(num_returns="streaming").remote(3)
        self.assertEqual(ray.get(list(by_name)), [0, 1, 2])

    def test_several_generators_of_one_actor_at_once(self):
        @ray.remote(max_concurrency=4)
        class Source:
            @ray.method(_generator_backpressure_num_objects=1)
            def items(self, start):
                yield from range(start, start + 5)
        source = Source.remote()
        generators = [source.items.remote(10 * i) for i in range(4)]
        for step in range(5):
            self.assertEqual([ray.get(next(g)) for g in generators], [10 * i + step for i in range(4)])

    def test_coroutines_that_yield(self):
        @ray.remote
        class Source:
            @ray.method(_generator_backpressure_num_objects=1)
            async def items(self, n):
                for i in range(n):
                    await asyncio.sleep(0.001)
                    yield i

            async def fails(self):
                yield 1
                raise ValueError("half way")
        source = Source.remote()
        generators = [source.items.remote(5) for _ in range(10)]
        for step in range(5):
            self.assertEqual([ray.get(next(g)) for g in generators], [step] * 10)
        failing = source.fails.remote()
        self.assertEqual(ray.get(next(failing)), 1)
        with self.assertRaisesRegex(ValueError, "half way"):
            ray.get(next(failing))

    def test_an_actor_dies_half_way(self):
        @ray.remote(max_restarts=1, max_task_retries=1)
        class Source:
            def items(self, folder):
                for i in range(4):
                    if i == 2 and not pathlib.Path(folder, "died").exists():
                        pathlib.Path(folder, "died").touch()
                        os.kill(os.getpid(), signal.SIGKILL)
                    yield i
        source = Source.remote()
        self.assertEqual(ray.get(list(source.items.remote(self.folder))), [0, 1, 2, 3])

    def test_bad_options(self):
        for options in ({"num_returns": "stream"}, {"num_returns": -1}, {"_generator_backpressure_num_objects": 0},
                        {"_generator_backpressure_num_objects": "2"}):
            with self.subTest(options), self.assertRaisesRegex(ValueError, "num_returns|backpressure"):
                count.options(**options)
        import pickle
        with self.assertRaisesRegex(TypeError, "stays with the process"):
            pickle.dumps(count.remote(1))


class LeftOverTest(unittest.TestCase):
    def test_nothing_is_left_of_what_was_not_taken(self):
        context = ray.init(address="local", num_cpus=2, log_to_driver=False)
        self.addCleanup(ray.shutdown)
        command = pathlib.Path(os.environ["ORRERY_HOME"], "bin", "orrery")

        environment = {**os.environ, "ORRERY_SESSION_DIR": context.address_info["session_dir"]}

        def nothing_left():
            ray.get(ray.put(0))  # what was let go is told with a call
            text = subprocess.run([command, "memory", "--address", context.address_info["address"], "--format", "json"],
                                  env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
            return not json.loads(text).get("objects")
        taken = [arrays.remote(10) for _ in range(4)]
        refs = [next(generator) for generator in taken for _ in range(3)]
        self.assertEqual([int(a[0]) for a in ray.get(refs)], [0, 1, 2] * 4)
        del taken[0]
        ray.cancel(taken[0])
        with tempfile.TemporaryDirectory() as folder:
            half = dies_once.remote(folder, 4, 2, MIB)
            self.assertEqual(len(list(half)), 4)
            del half
        self.assertFalse(nothing_left())
        del taken, refs
        until(nothing_left)


if __name__ == "__main__":
    unittest.main()
