"""Actors in Python: state, order, names, options, errors, restarts, handles that travel."""
import asyncio
import faulthandler
import os
import signal
import subprocess
import sys
import time
import unittest

import numpy

import orrery as ray
from support import WATCHDOG_SECONDS, ClusterTest


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


class Self(ClusterTest):
    """What an actor may ask about itself."""

    def test_a_handle_of_itself(self):
        @ray.remote
        def ask(actor):
            return ray.get(actor.name.remote())

        @ray.remote
        class Own:
            def name(self):
                context = ray.get_runtime_context()
                return context.get_actor_name(), context.get_actor_id(), context.get_task_name()

            async def asked_by_a_task(self):
                return await ask.remote(ray.get_runtime_context().current_actor)

        own = Own.options(name="own").remote()
        name, actor_id, task = ray.get(own.asked_by_a_task.remote())
        self.assertEqual((name, actor_id), ("own", own._actor_id))
        self.assertTrue(task.endswith("Own.name"), task)
        here = ray.get_runtime_context()
        self.assertEqual((here.actor_id, here.get_actor_name(), here.get_task_name()), (None, None, ""))
        with self.assertRaisesRegex(RuntimeError, "for methods of actors"):
            here.current_actor
        with self.assertRaisesRegex(RuntimeError, "for methods of actors"):
            here.was_current_actor_reconstructed

    def test_a_constructor_may_be_a_coroutine(self):
        @ray.remote
        class Later:
            async def __init__(self, value, *, more=0):
                await asyncio.sleep(0.01)
                self.value = value + more

            async def get(self):
                return self.value

        self.assertEqual(ray.get(Later.remote(1, more=2).get.remote()), 3)

    def test_a_running_call_sees_that_it_is_cancelled(self):
        @ray.remote(max_concurrency=2)
        class Patient:
            def __init__(self):
                self.state = "idle"

            def work(self):
                self.state = "works"
                while not ray.get_runtime_context().is_canceled():
                    time.sleep(0.005)
                self.state = "stopped"

            def get(self):
                return self.state

        patient = Patient.remote()
        call = patient.work.remote()
        while ray.get(patient.get.remote()) == "idle":
            time.sleep(0.005)
        ray.cancel(call)
        ray.wait([call])
        self.assertEqual(ray.get(patient.get.remote()), "stopped")


#: Another job of the same cluster; Counter is this file's.
ANOTHER_JOB = """
import sys
import orrery as ray
from actors_test import Counter

@ray.remote
def increment(name, namespace=None):
    return ray.get(ray.get_actor(name, namespace).increment.remote())

with ray.init("auto", namespace=sys.argv[1] or None, log_to_driver=False):
"""


class Namespaces(unittest.TestCase):
    def other_job(self, namespace, *lines):
        """What these lines print in a job of that namespace."""
        program = ANOTHER_JOB + "".join(f"    {line}\n" for line in lines)
        info = ray.init(ignore_reinit_error=True).address_info
        path = os.pathsep.join([os.path.dirname(__file__), *os.environ["PYTHONPATH"].split(os.pathsep)])
        done = subprocess.run([sys.executable, "-B", "-c", program, namespace], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": path, "ORRERY_ADDRESS": info["address"],
                                   "ORRERY_SESSION_DIR": info["session_dir"]}, timeout=WATCHDOG_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def test_a_job_has_its_own_or_the_one_it_names(self):
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)

        @ray.remote
        def increment(name, namespace=None):
            return ray.get(ray.get_actor(name, namespace).increment.remote())

        with ray.init("local", num_cpus=2, namespace="colors", log_to_driver=False):
            self.assertEqual(ray.get_runtime_context().namespace, "colors")
            orange = Counter.options(name="orange").remote()
            self.assertEqual(ray.get([orange.increment.remote(), increment.remote("orange")]), [1, 2])
            group = ray.util.placement_group([{"CPU": 1}], name="tint")
            self.assertTrue(group.wait())
            self.assertEqual(self.other_job("colors", "print(ray.get(increment.remote('orange')))",
                                            "print(ray.util.get_placement_group('tint').id)"), ["3", group.id])
            job, mine, theirs = self.other_job(
                "", "print(ray.get_runtime_context().namespace)", "own = Counter.options(name='orange').remote()",
                "print(ray.get(increment.remote('orange')))", "print(ray.get(increment.remote('orange', 'colors')))")
            self.assertRegex(job, "^job-")
            self.assertEqual((mine, theirs), ("1", "4"))
            self.assertEqual(self.other_job("tastes", "try: ray.get_actor('orange')", "except ValueError: print('none')"),
                             ["none"])


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
        with self.assertRaisesRegex(ValueError, "whole job"):
            Counter.options(runtime_env={"working_dir": "."})
        with self.assertRaisesRegex(TypeError, "handle"):
            ray.kill(ray.put(1))
        import pickle
        with self.assertRaisesRegex(TypeError, "inside a value"):
            pickle.dumps(Counter.remote())


if __name__ == "__main__":
    unittest.main(verbosity=2)
