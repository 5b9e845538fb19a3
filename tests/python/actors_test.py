"""Actors in Python: state, order, names, options, errors, restarts, handles that travel."""
import os
import signal
import time
import unittest

import numpy

import orrery as ray
from support import ClusterTest


@ray.remote
class Counter:
    def __init__(self, start=0):
        self.value = start

    def increment(self, by=1):
        self.value += by
        return self.value

    def fail(self):
        raise KeyError("no such thing")

    def pid(self):
        return os.getpid()

    @ray.method(num_returns=2)
    def both(self):
        return self.value, -self.value

    def keep(self, array):
        self.array = array
        return float(array.sum())

    def leave(self):
        ray.exit_actor()

    def itself(self):
        return ray.get_runtime_context() is not None


@ray.remote
class Fragile:
    def __init__(self, how):
        if how == "raise":
            raise ValueError("not like this")
        if how == "die":
            os._exit(1)


class Basics(ClusterTest):
    def test_the_counter_of_the_documentation(self):
        counter = Counter.remote()
        self.assertEqual(ray.get(counter.increment.remote()), 1)
        self.assertEqual(ray.get(counter.increment.remote()), 2)

    def test_calls_run_in_order(self):
        counter = Counter.remote()
        refs = [counter.increment.remote() for _ in range(500)]
        self.assertEqual(ray.get(refs), list(range(1, 501)))

    def test_arguments(self):
        counter = Counter.remote(start=10)
        five = ray.put(5)
        self.assertEqual(ray.get(counter.increment.remote(five)), 15)
        self.assertEqual(ray.get(counter.increment.remote(by=counter.increment.remote())), 32)
        self.assertEqual(ray.get(counter.keep.remote(numpy.ones(1_000_000))), 1e6)

    def test_several_returns(self):
        one, other = Counter.remote(7).both.remote()
        self.assertEqual(ray.get([one, other]), [7, -7])
        counter = Counter.remote(8)
        self.assertEqual(ray.get(counter.both.options(num_returns=1).remote()), (8, -8))

    def test_ready(self):
        self.assertTrue(ray.get(Counter.remote().__ray_ready__.remote()))

    def test_handles_travel(self):
        @ray.remote
        def add(handles):
            return ray.get(handles["counter"].increment.remote(10))

        counter = Counter.remote()
        self.assertEqual(ray.get(add.remote({"counter": counter})), 10)
        self.assertEqual(ray.get(counter.increment.remote()), 11)
        again = ray.get(ray.put([counter]))[0]
        self.assertEqual(again, counter)
        self.assertEqual(hash(again), hash(counter))

    def test_the_last_handle_ends_it(self):
        counter = Counter.remote()
        pid = ray.get(counter.pid.remote())
        del counter
        self.assert_ends(pid)

    def assert_ends(self, pid):
        for _ in range(100):
            ray.get(ray.put(0))  # what was let go travels with a call
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                    if stat.read().rpartition(")")[2].split()[0] == "Z":
                        return
            except (FileNotFoundError, ProcessLookupError):
                return  # before it was opened, or before it was read
            time.sleep(0.1)
        self.fail("the actor's process goes on")


class Names(ClusterTest):
    def test_get_actor(self):
        keep = Counter.options(name="total").remote(5)
        self.assertEqual(ray.get(ray.get_actor("total").increment.remote()), 6)
        with self.assertRaisesRegex(ValueError, "total"):
            Counter.options(name="total").remote()
        same = Counter.options(name="total", get_if_exists=True).remote(100)
        self.assertEqual(same, keep)
        self.assertEqual(ray.get(same.increment.remote()), 7)
        with self.assertRaisesRegex(ValueError, "nobody"):
            ray.get_actor("nobody")
        ray.kill(keep)
        with self.assertRaises(ValueError):
            ray.get_actor("total")

    def test_unknown_methods(self):
        with self.assertRaisesRegex(AttributeError, "did you mean increment"):
            Counter.remote().incremnt
        keep = Counter.options(name="known").remote()
        with self.assertRaisesRegex(AttributeError, "incremnt"):
            ray.get(ray.get_actor("known").incremnt.remote())
        del keep


class Errors(ClusterTest):
    def test_a_method_raises_and_the_actor_goes_on(self):
        counter = Counter.remote()
        with self.assertRaisesRegex(KeyError, "no such thing"):
            ray.get(counter.fail.remote())
        self.assertEqual(ray.get(counter.increment.remote()), 1)

    def test_a_constructor_raises(self):
        with self.assertRaisesRegex(ray.exceptions.ActorDiedError, "not like this"):
            ray.get(Fragile.remote("raise").__ray_ready__.remote())

    def test_a_constructor_dies(self):
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(Fragile.remote("die").__ray_ready__.remote())

    def test_kill(self):
        counter = Counter.remote()
        ray.get(counter.increment.remote())
        ray.kill(counter)
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(counter.increment.remote())

    def test_exit_actor(self):
        counter = Counter.remote()
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(counter.leave.remote())
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(counter.increment.remote())
        with self.assertRaises(RuntimeError):
            ray.exit_actor()

    def test_restarts(self):
        counter = Counter.options(max_restarts=1, max_task_retries=-1).remote(40)
        self.assertEqual(ray.get(counter.increment.remote()), 41)
        pid = ray.get(counter.pid.remote())
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(ray.get(counter.increment.remote()), 41)  # a new object, constructed again
        other = ray.get(counter.pid.remote())
        self.assertNotEqual(other, pid)
        os.kill(other, signal.SIGKILL)
        with self.assertRaises(ray.exceptions.ActorDiedError):
            ray.get(counter.increment.remote())

    def test_what_makes_no_sense(self):
        with self.assertRaisesRegex(TypeError, "remote"):
            Counter()
        with self.assertRaisesRegex(TypeError, "increment.remote"):
            Counter.remote().increment()
        with self.assertRaisesRegex(ValueError, "max_restarts"):
            Counter.options(max_restart=1)
        with self.assertRaisesRegex(ValueError, "lifetime"):
            Counter.options(lifetime="for ever")
        with self.assertRaisesRegex(ValueError, "not supported"):
            Counter.options(runtime_env={})
        with self.assertRaisesRegex(TypeError, "handle"):
            ray.kill(ray.put(1))
        import pickle
        with self.assertRaisesRegex(TypeError, "inside a value"):
            pickle.dumps(Counter.remote())


if __name__ == "__main__":
    unittest.main(verbosity=2)
