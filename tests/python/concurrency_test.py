"""Actors that run several calls at once in Python: threads, concurrency groups, coroutines, out-of-order mode."""
import asyncio
import threading
import time
import unittest

import orrery as ray
from support import ClusterTest


@ray.remote(max_concurrency=3)
class Threaded:
    """Calls of `meet` wait for each other: they end only if they run at once."""

    def __init__(self):
        self.barrier = threading.Barrier(3)
        self.event = threading.Event()
        self.begun = []

    def meet(self):
        self.barrier.wait(60)
        return threading.current_thread() is threading.main_thread()

    def wait(self):
        return self.event.wait(60)

    def set(self):
        self.event.set()

    def begin(self, number):
        self.begun.append(number)

    def order(self):
        return self.begun

    def square(self, number):
        return ray.get(square.remote(number))

    def task(self):
        self.barrier.wait(60)
        return ray.get_runtime_context().get_task_id()

    def fail(self):
        raise KeyError("here")

    def leave(self):
        ray.exit_actor()

    def wait_for(self, refs):
        return ray.get(refs[0])


@ray.remote
def square(number):
    return number * number


@ray.remote
def later(seconds, value):
    time.sleep(seconds)
    return value


@ray.remote(concurrency_groups={"io": 1, "compute": 2})
class Grouped:
    def __init__(self):
        self.event = threading.Event()

    @ray.method(concurrency_group="io")
    def read(self):
        return self.event.wait(60)

    @ray.method(concurrency_group="compute")
    def compute(self):
        return threading.get_ident()

    def plain(self):
        return threading.get_ident()

    def release(self):
        self.event.set()


@ray.remote
class Async:
    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.event = asyncio.Event()
        self.waiting = 0
        self.most = 0
        self.stopped = False

    async def wait(self):
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        try:
            await self.event.wait()
        finally:
            self.waiting -= 1
        return self.loop is asyncio.get_running_loop()

    async def set(self):
        self.event.set()

    def count(self):
        return self.waiting

    async def most_at_once(self):
        return self.most

    async def twice(self, ref):
        return 2 * await ref[0]

    async def fail(self):
        raise ValueError("not here")

    async def sleep(self):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.stopped = True
            raise

    async def was_stopped(self):
        return self.stopped

    async def task(self):
        before = ray.get_runtime_context().get_task_id()
        await asyncio.sleep(0.01)
        return before, ray.get_runtime_context().get_task_id()

    @ray.method(num_returns=2)
    async def both(self):
        return 1, 2

    async def leave(self):
        ray.actor.exit_actor()

    async def unpicklable(self):
        return threading.Lock()

    async def large(self):
        return bytes(1_000_000)


class Threads(ClusterTest):
    def test_calls_run_at_once_and_not_on_the_main_thread(self):
        actor = Threaded.remote()
        self.assertEqual(ray.get([actor.meet.remote() for _ in range(3)], timeout=60), [False] * 3)

    def test_every_call_runs_once(self):
        actor = Threaded.options(max_concurrency=2).remote()
        ray.get([actor.begin.remote(i) for i in range(200)], timeout=60)
        self.assertEqual(sorted(ray.get(actor.order.remote(), timeout=60)), list(range(200)))

    def test_one_waits_for_another(self):
        actor = Threaded.remote()
        waits = actor.wait.remote()
        ray.get(actor.set.remote(), timeout=60)
        self.assertTrue(ray.get(waits, timeout=60))

    def test_get_inside_several_threads(self):
        actor = Threaded.options(num_cpus=2).remote()  # all the CPUs: the tasks run on those that waiting calls lend
        self.assertEqual(ray.get([actor.square.remote(i) for i in range(12)], timeout=60), [i * i for i in range(12)])

    def test_each_call_knows_its_task(self):
        actor = Threaded.remote()
        refs = [actor.task.remote() for _ in range(3)]
        self.assertEqual(ray.get(refs, timeout=60), [ref.task_id() for ref in refs])

    def test_errors_keep_their_class(self):
        with self.assertRaises(KeyError):
            ray.get(Threaded.remote().fail.remote(), timeout=60)

    def test_a_cancelled_call_that_waits_ends_and_others_do_not(self):
        actor = Threaded.remote()
        slow = later.remote(120, 1)
        never, other = actor.wait_for.remote([slow]), actor.wait.remote()
        ray.get(actor.begin.remote(1), timeout=60)
        ray.cancel(never)
        with self.assertRaises(ray.exceptions.TaskCancelledError):
            ray.get(never, timeout=60)
        ray.get(actor.set.remote(), timeout=60)
        self.assertTrue(ray.get(other, timeout=60))
        ray.cancel(slow)

    def test_exit_ends_those_that_run_beside(self):
        actor = Threaded.remote()
        beside = actor.wait.remote()
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(actor.leave.remote(), timeout=60)
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(beside, timeout=60)

    def test_kill_while_several_run(self):
        actor = Threaded.options(max_restarts=1).remote()
        refs = [actor.wait.remote() for _ in range(3)]
        ray.wait(refs, timeout=0.2)
        ray.kill(actor, no_restart=False)
        for ref in refs:
            with self.assertRaises((ray.exceptions.ActorDiedError, ray.exceptions.ActorUnavailableError)):
                ray.get(ref, timeout=60)
        self.assertEqual(ray.get([actor.meet.remote() for _ in range(3)], timeout=60), [False] * 3)

    def test_the_last_handle_goes_while_calls_run(self):
        actor = Threaded.remote()
        refs = [actor.meet.remote() for _ in range(3)]
        del actor
        self.assertEqual(ray.get(refs, timeout=60), [False] * 3)

    def test_max_pending_calls(self):
        actor = Threaded.options(max_concurrency=2, max_pending_calls=3).remote()
        refs = [actor.wait.remote() for _ in range(4)]
        with self.assertRaises(ray.exceptions.UnavailableError):
            ray.get(refs[3], timeout=60)
        ray.kill(actor)


class Groups(ClusterTest):
    def test_groups_do_not_wait_for_each_other(self):
        actor = Grouped.remote()
        first, second = actor.read.remote(), actor.read.remote()
        ray.get([actor.compute.remote(), actor.plain.remote()], timeout=60)
        _, still = ray.wait([first, second], num_returns=2, timeout=0.1)
        self.assertEqual(len(still), 2)
        ray.get(actor.release.remote(), timeout=60)
        self.assertEqual(ray.get([first, second], timeout=60), [True, True])

    def test_a_group_of_one_has_one_thread(self):
        actor = Grouped.remote()
        calls = [actor.plain.options(concurrency_group="io").remote() for _ in range(20)]
        self.assertEqual(len(set(ray.get(calls, timeout=60))), 1)
        self.assertNotEqual(ray.get(actor.plain.remote(), timeout=60), ray.get(calls[0]))

    def test_an_unknown_group(self):
        with self.assertRaisesRegex(ValueError, "compute, io|io, compute"):
            ray.get(Grouped.remote().plain.options(concurrency_group="oi").remote(), timeout=60)
        with self.assertRaisesRegex(ValueError, "it has: none"):
            @ray.remote
            class _Wrong:
                @ray.method(concurrency_group="io")
                def f(self):
                    return 1
            _Wrong.remote()
        with self.assertRaisesRegex(ValueError, "from 1"):
            Grouped.options(concurrency_groups={"io": 0})
        with self.assertRaisesRegex(ValueError, "from 1"):
            Threaded.options(max_concurrency=-1)


class Coroutines(ClusterTest):
    def test_a_hundred_wait_at_once(self):
        actor = Async.remote()
        refs = [actor.wait.remote() for _ in range(100)]
        while ray.get(actor.count.remote(), timeout=60) < 100:
            time.sleep(0.01)
        ray.get(actor.set.remote(), timeout=60)
        self.assertEqual(ray.get(refs, timeout=60), [True] * 100)

    def test_max_concurrency_bounds_them(self):
        actor = Async.options(max_concurrency=2, concurrency_groups={"look": 1}).remote()
        look = {"concurrency_group": "look"}
        refs = [actor.wait.remote() for _ in range(5)]
        while ray.get(actor.count.options(**look).remote(), timeout=60) < 2:
            time.sleep(0.01)
        ray.get(actor.set.options(**look).remote(), timeout=60)
        self.assertEqual(ray.get(refs, timeout=60), [True] * 5)
        self.assertEqual(ray.get(actor.most_at_once.remote(), timeout=60), 2)

    def test_refs_can_be_awaited(self):
        actor = Async.remote()
        refs = [later.remote(0.05, i) for i in range(5)]
        self.assertEqual(ray.get([actor.twice.remote([ref]) for ref in refs], timeout=60), [0, 2, 4, 6, 8])

    def test_errors_and_several_returns(self):
        actor = Async.remote()
        with self.assertRaisesRegex(ValueError, "not here"):
            ray.get(actor.fail.remote(), timeout=60)
        self.assertEqual(ray.get(actor.both.remote(), timeout=60), [1, 2])
        with self.assertRaisesRegex(TypeError, "pickle"):
            ray.get(actor.unpicklable.remote(), timeout=60)
        self.assertEqual(len(ray.get(actor.large.remote(), timeout=60)), 1_000_000)

    def test_cancel(self):
        actor = Async.remote()
        sleeps, waits = actor.sleep.remote(), actor.wait.remote()
        while ray.get(actor.count.remote(), timeout=60) < 1:
            time.sleep(0.01)
        ray.cancel(sleeps)
        with self.assertRaises(ray.exceptions.TaskCancelledError):
            ray.get(sleeps, timeout=60)
        self.assertTrue(ray.get(actor.was_stopped.remote(), timeout=60))
        ray.get(actor.set.remote(), timeout=60)
        self.assertTrue(ray.get(waits, timeout=60))

    def test_each_call_knows_its_task(self):
        actor = Async.remote()
        refs = [actor.task.remote() for _ in range(5)]
        self.assertEqual(ray.get(refs, timeout=60), [(ref.task_id(), ref.task_id()) for ref in refs])

    def test_exit(self):
        actor = Async.remote()
        beside = actor.wait.remote()
        for ref in (actor.leave.remote(), beside):
            with self.assertRaises(ray.exceptions.ActorDiedError):
                ray.get(ref, timeout=60)

    def test_a_restarted_actor_has_a_loop_again(self):
        actor = Async.options(max_restarts=1).remote()
        waits = actor.wait.remote()
        while ray.get(actor.count.remote(), timeout=60) < 1:
            time.sleep(0.01)
        ray.kill(actor, no_restart=False)
        with self.assertRaises((ray.exceptions.ActorDiedError, ray.exceptions.ActorUnavailableError)):
            ray.get(waits, timeout=60)
        self.assertEqual(ray.get(actor.both.remote(), timeout=60), [1, 2])


class OutOfOrder(ClusterTest):
    def test_a_call_does_not_wait_for_the_arguments_of_earlier_ones(self):
        actor = Threaded.options(max_concurrency=1, allow_out_of_order_execution=True).remote()
        slow = actor.begin.remote(later.remote(2, 1))
        ray.get([actor.begin.remote(2), actor.begin.remote(3)], timeout=60)
        self.assertEqual(ray.wait([slow], timeout=0)[0], [])
        ray.get(slow, timeout=60)
        self.assertEqual(ray.get(actor.order.remote(), timeout=60), [2, 3, 1])

    def test_large_arguments(self):
        actor = Threaded.options(allow_out_of_order_execution=True).remote()
        blob = ray.put(bytes(500_000))
        ray.get([actor.begin.remote(blob) for _ in range(5)], timeout=60)
        self.assertEqual([len(each) for each in ray.get(actor.order.remote(), timeout=60)], [500_000] * 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
