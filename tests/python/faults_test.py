"""Programs that do what they should not: each gets an error that names the cause, none hangs, and the cluster goes on.

The watchdog of support.py proves the second. Errors of plain use are in tasks_test.py and actors_test.py.
"""
import ctypes
import os
import signal
import sys
import threading
import time
import unittest

import numpy
import orrery as ray
from support import ClusterTest

MIB = 1 << 20


@ray.remote(max_retries=0)
def run(function, *args):
    return function(*args)


class Unreadable:
    """Pickles, but cannot be made again."""

    def __reduce__(self):
        return int, ("not a number",)


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (7,)


class Endless:
    """Pickles for ever."""

    def __reduce__(self):
        return Endless, (Endless(),)


def failing(error):
    """A function that raises what `error` makes."""
    def fail():
        raise error()
    return fail


class FaultTest(ClusterTest):
    def fails(self, ref, kind, pattern):
        with self.assertRaisesRegex(kind, pattern) as caught:
            ray.get(ref)
        self.assertEqual(ray.get(run.remote(abs, -2)), 2)  # the cluster goes on
        return caught.exception


class Values(FaultTest):
    def test_that_cannot_be_unpickled(self):
        as_argument = run.remote(len, Unreadable())
        self.fails(as_argument, ray.exceptions.TaskError, "cannot be unpickled here: ValueError: .*not a number")
        as_result = run.remote(Unreadable)
        error = self.fails(as_result, ray.exceptions.UnreadableValueError, "not a number")
        self.assertIsInstance(error.__cause__, ValueError)

    def test_that_end_the_worker(self):
        self.fails(run.remote(len, Deadly()), ray.exceptions.WorkerCrashedError, "run.*died")

    def test_that_pickle_for_ever(self):
        with self.assertRaisesRegex(RecursionError, "nested too deeply"):
            run.remote(len, Endless())
        self.fails(run.remote(Endless), RecursionError, "nested too deeply")

    def test_huge_arguments(self):
        self.assertEqual(ray.get(run.remote(len, b"x" * (64 * MIB))), 64 * MIB)
        self.assertEqual(ray.get(run.remote(len, numpy.zeros(64 * MIB, dtype=numpy.uint8))), 64 * MIB)

    def test_beyond_the_store(self):
        with open("/proc/meminfo", encoding="ascii") as lines:
            memory = 1024 * int(lines.readline().split()[1])
        huge = numpy.lib.stride_tricks.as_strided(numpy.zeros(1, dtype=numpy.uint8), (memory,), (0,))
        self.assertEqual(huge.nbytes, memory)

        def zeros():
            return numpy.zeros(memory, dtype=numpy.uint8)  # nobody touches its pages

        try:
            mine = zeros()
        except MemoryError:
            self.skipTest("this machine promises no more memory than it has")
        with self.assertRaisesRegex(ray.exceptions.TooLargeError, f"{memory // 10**9}.* exceeds the store"):
            run.remote(len, mine)
        with self.assertRaisesRegex(ray.exceptions.TooLargeError, "exceeds the store"):
            ray.put(mine)
        self.fails(run.remote(zeros), ray.exceptions.TooLargeError, "exceeds the store")


class Exceptions(FaultTest):
    def test_of_other_families(self):
        for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, BaseException):
            self.fails(run.remote(failing(lambda kind=kind: kind("as it likes"))), ray.exceptions.TaskError,
                       f"{kind.__name__}: as it likes")

    def test_without_a_text(self):
        class Mute(Exception):
            def __str__(self):
                raise ValueError("no text")
            __repr__ = __str__

        self.fails(run.remote(failing(Mute)), ray.exceptions.TaskError, "str.. of it raised ValueError")

    def test_that_fail_when_pickled(self):
        class Refuses(Exception):
            def __reduce__(self):
                raise BaseException("not me")

        class Sinks(Exception):
            def __reduce__(self):
                return Sinks, (Sinks(),)

        self.fails(run.remote(failing(Refuses)), ray.exceptions.TaskError, "cannot be pickled: not me")
        self.fails(run.remote(failing(Sinks)), ray.exceptions.TaskError, "cannot be pickled: .*recursion")

    def test_in_a_circle(self):
        def fail():
            first, second = ValueError("first"), KeyError("second")
            first.__cause__, second.__cause__ = second, first
            raise first

        self.fails(run.remote(fail), ValueError, "first")

    def test_huge(self):
        error = self.fails(run.remote(failing(lambda: ValueError("x" * (50 * MIB)))), ray.exceptions.TaskError,
                           "ValueError: xx+\n… .* characters left out")
        self.assertIn("too large to travel", str(error))
        self.assertLess(len(str(error)), MIB)

    def test_whose_class_has_properties_of_its_own(self):
        class Careful(Exception):
            @property
            def message(self):
                raise RuntimeError("asked too early")

            @property
            def cause(self):
                return "mine"

        error = self.fails(run.remote(failing(lambda: Careful("at last"))), ray.exceptions.TaskError, "Careful: at last")
        self.assertEqual(error.cause, "mine")

        def outer():
            return ray.get(run.remote(failing(lambda: Careful("at last"))))

        self.fails(run.remote(outer), ray.exceptions.TaskError, "Careful: at last\n(.*\n)*and from there:")

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups came with Python 3.11")
    def test_groups(self):
        error = self.fails(run.remote(failing(lambda: ExceptionGroup("both", [ValueError(1), KeyError(2)]))),
                           ExceptionGroup, "both")
        self.assertEqual([type(part) for part in error.__cause__.exceptions], [ValueError, KeyError])

    def test_a_method_has_its_traceback(self):
        @ray.remote
        class Thrower:
            def throw_it(self):
                raise ValueError("here")

        thrower = Thrower.remote()
        self.assertIn("in throw_it", str(self.fails(thrower.throw_it.remote(), ValueError, "here")))

    def test_a_method_that_leaves_ends_its_actor(self):
        class Plain:
            def leave(self, code):
                sys.exit(code)

            def leave_later(self, code):
                yield 1
                sys.exit(code)

            def attempt(self):
                return ray.get_runtime_context().was_current_actor_reconstructed

        class Async(Plain):
            async def leave(self, code):
                sys.exit(code)

        for cls in (Plain, Async):
            for code, shown in ((3, "exit code 3"), ("said", "exit code 1"), (None, "exit code 0")):
                self.fails(ray.remote(cls).remote().leave.remote(code), ray.exceptions.ActorDiedError, shown)
            again = ray.remote(cls).options(max_restarts=1).remote()
            self.assertFalse(ray.get(again.attempt.remote()))
            self.fails(again.leave.remote(3), ray.exceptions.ActorUnavailableError, "exit code 3|restart")
            self.assertTrue(ray.get(again.attempt.remote()))
        items = ray.remote(Plain).remote().leave_later.remote(3)
        self.assertEqual(ray.get(next(items)), 1)
        self.fails(next(items), ray.exceptions.ActorDiedError, "exit code 3")


class Workers(FaultTest):
    def test_that_are_killed(self):
        for function in (lambda: os.kill(os.getpid(), signal.SIGSEGV), lambda: ctypes.string_at(0), os.abort):
            self.fails(run.remote(function), ray.exceptions.WorkerCrashedError, "run.*died")

    def test_constructors_that_end_badly(self):
        class Plain:
            def __init__(self, function):
                function()

            def ready(self):
                return True

        class Async(Plain):
            async def wait(self):
                return True

        causes = {
            "ValueError: no": failing(lambda: ValueError("no")),
            "SystemExit: 4": lambda: sys.exit(4),
            "KeyboardInterrupt": failing(KeyboardInterrupt),
            "signal 11": lambda: os.kill(os.getpid(), signal.SIGSEGV),
            "exit_actor is for methods": ray.actor.exit_actor,
        }
        for cls in (Plain, Async):
            for pattern, function in causes.items():
                self.fails(ray.remote(cls).remote(function).ready.remote(), ray.exceptions.ActorDiedError, pattern)

    def test_threads_of_a_task_get_at_once(self):
        def threads():
            refs, found = [ray.put(i) for i in range(20)], [None] * 20

            def fetch(i):
                found[i] = ray.get(refs[i])

            running = [threading.Thread(target=fetch, args=(i,)) for i in range(20)]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
            return found

        self.assertEqual(ray.get(run.remote(threads)), list(range(20)))

    def test_a_thread_that_outlives_its_task(self):
        def begin():
            def loop():
                while True:
                    ray.get(ray.put(1))
            threading.Thread(target=loop, daemon=True).start()
            return "begun"

        self.assertEqual(ray.get(run.remote(begin)), "begun")
        self.assertEqual(ray.get([run.remote(abs, -i) for i in range(20)]), list(range(20)))


def in_child(function):
    """What `function` gives, or how it fails, in a forked child of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                answer = repr(function())
            except BaseException as error:  # pylint: disable=broad-except
                answer = f"{type(error).__name__}: {error}"
            os.write(writer, answer.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer


class Forks(FaultTest):
    def test_a_child_does_not_have_its_parents_refs(self):
        def in_task():
            ref = ray.put(5)
            return in_child(lambda: ray.get(ref))

        self.assertIn("UnavailableError: no session", ray.get(run.remote(in_task)))
        ref = ray.put(5)
        self.assertIn("UnavailableError: no session", in_child(lambda: ray.get(ref)))
        self.assertEqual(ray.get(ref), 5)

    def test_a_child_may_have_a_session_of_its_own(self):
        @ray.remote
        def double(x):
            return 2 * x

        def call():
            try:
                return ray.get(double.remote(4))
            finally:
                ray.shutdown()

        self.assertEqual(ray.get(double.remote(1)), 2)  # the parent has exported the function
        self.assertEqual(in_child(call), "8")

        def in_task():
            return ray.get(double.remote(1)), in_child(call)

        self.assertEqual(ray.get(run.remote(in_task)), (2, "8"))

    def test_a_child_that_stays(self):
        def leave():
            child = os.fork()
            if child == 0:
                time.sleep(1000)
            return child

        child = ray.get(run.remote(leave))
        self.assertEqual(ray.get([run.remote(abs, -i) for i in range(8)]), list(range(8)))
        os.kill(child, signal.SIGKILL)

    def test_a_pool_of_processes_in_a_task(self):
        def pool():
            import multiprocessing
            with multiprocessing.get_context("fork").Pool(2) as processes:
                return processes.map(abs, [-1, -2])

        self.assertEqual(ray.get(run.remote(pool)), [1, 2])


if __name__ == "__main__":
    unittest.main(verbosity=2)
