"""Actor pools and distributed queues."""
import asyncio
import threading
import time
import unittest

import orrery as ray
from orrery.util import ActorPool
from orrery.util.queue import Empty, Full, Queue
from support import ClusterTest


@ray.remote
class Worker:
    def square(self, number):
        return number * number

    def slow_square(self, number):
        time.sleep(0.05 * (3 - number % 3))
        return number * number

    def fail(self, number):
        if number == 1:
            raise ValueError("one")
        return number

    def wait(self, _):
        time.sleep(60)


@ray.remote
def fill(queue, numbers):
    for number in numbers:
        queue.put(number)


@ray.remote
def drain(queue, count):
    return [queue.get(timeout=60) for _ in range(count)]


class Pools(ClusterTest):
    def test_map_keeps_the_order(self):
        pool = ActorPool([Worker.remote(), Worker.remote()])
        self.assertEqual(list(pool.map(lambda a, v: a.slow_square.remote(v), range(9))), [i * i for i in range(9)])
        self.assertFalse(pool.has_next())

    def test_map_unordered_gives_all(self):
        pool = ActorPool([Worker.remote(), Worker.remote()])
        got = pool.map_unordered(lambda a, v: a.slow_square.remote(v), range(9))
        self.assertEqual(sorted(got), [i * i for i in range(9)])

    def test_submit_and_take(self):
        pool = ActorPool([Worker.remote()])
        for i in range(3):
            pool.submit(lambda a, v: a.square.remote(v), i)
        self.assertFalse(pool.has_free())
        self.assertEqual([pool.get_next(), pool.get_next_unordered(), pool.get_next()], [0, 1, 4])
        with self.assertRaises(StopIteration):
            pool.get_next()
        actor = pool.pop_idle()
        self.assertIsNone(pool.pop_idle())
        pool.submit(lambda a, v: a.square.remote(v), 5)
        pool.push(actor)
        self.assertEqual(pool.get_next(), 25)
        with self.assertRaises(ValueError):
            pool.push(actor)

    def test_errors_leave_the_pool_usable(self):
        pool = ActorPool([Worker.remote()])
        results = pool.map(lambda a, v: a.fail.remote(v), range(3))
        self.assertEqual(next(results), 0)
        with self.assertRaisesRegex(ValueError, "one"):
            next(results)
        self.assertEqual(pool.get_next(), 2)

    def test_time_outs(self):
        pool = ActorPool([Worker.remote()])
        pool.submit(lambda a, v: a.wait.remote(v), 1)
        for take in (pool.get_next, pool.get_next_unordered):
            with self.assertRaises(TimeoutError):
                take(timeout=0.05)
        self.assertTrue(pool.has_next())
        with self.assertRaises(TimeoutError):
            pool.get_next_unordered(timeout=0.05, ignore_if_timedout=True)
        self.assertFalse(pool.has_next())


class Queues(ClusterTest):
    def test_first_in_first_out(self):
        queue = Queue()
        for i in range(10):
            queue.put(i)
        self.assertEqual(len(queue), 10)
        self.assertEqual([queue.get() for _ in range(10)], list(range(10)))
        self.assertTrue(queue.empty())

    def test_empty_and_full(self):
        queue = Queue(maxsize=2)
        with self.assertRaises(Empty):
            queue.get_nowait()
        with self.assertRaises(Empty):
            queue.get(timeout=0.02)
        queue.put_nowait(1)
        queue.put_nowait(2)
        self.assertTrue(queue.full())
        with self.assertRaises(Full):
            queue.put_nowait(3)
        with self.assertRaises(Full):
            queue.put(3, timeout=0.02)
        with self.assertRaises(ValueError):
            queue.get(timeout=-1)
        self.assertEqual(queue.get(), 1)

    def test_batches(self):
        queue = Queue(maxsize=4)
        queue.put_nowait_batch([1, 2, 3])
        with self.assertRaises(Full):
            queue.put_nowait_batch([4, 5])
        with self.assertRaises(Empty):
            queue.get_nowait_batch(4)
        self.assertEqual(queue.get_nowait_batch(3), [1, 2, 3])

    def test_a_blocked_get_is_woken(self):
        queue, got = Queue(), []
        thread = threading.Thread(target=lambda: got.append(queue.get(timeout=60)))
        thread.start()
        queue.put("here")
        thread.join(60)
        self.assertEqual(got, ["here"])

    def test_tasks_share_it(self):
        queue = Queue(maxsize=3)  # so small that both must run at once
        drained = drain.remote(queue, 20)
        ray.get(fill.remote(queue, range(20)), timeout=60)
        self.assertEqual(ray.get(drained, timeout=60), list(range(20)))

    def test_coroutines(self):
        queue = Queue(maxsize=1)

        async def both():
            await queue.put_async(1)
            with self.assertRaises(Full):
                await queue.put_async(2, timeout=0.02)
            return await queue.get_async()
        self.assertEqual(asyncio.run(both()), 1)

    def test_shutdown(self):
        queue = Queue()
        queue.shutdown(force=True)
        with self.assertRaises(ray.exceptions.ActorDiedError):
            queue.put(1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
