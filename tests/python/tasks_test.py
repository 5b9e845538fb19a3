"""Tasks: arguments, results, options, errors, retries, cancellation."""
import asyncio
import faulthandler
import inspect
import os
import pathlib
import re
import threading
import time
import unittest

import orrery as ray
from support import WATCHDOG_SECONDS, ClusterTest


@ray.remote
def add(a, b=0):
    return a + b


class Basics(ClusterTest):
    def test_values_and_refs_as_arguments(self):
        one = add.remote(1)
        self.assertEqual(ray.get(add.remote(one, 2)), 3)
        self.assertEqual(ray.get(add.remote(1, b=one)), 2)
        self.assertEqual(ray.get([add.remote(i, 1) for i in range(50)]), list(range(1, 51)))

    def test_nested_refs_stay_refs(self):
        @ray.remote
        def unpack(refs):
            return [type(ref).__name__ for ref in refs], sum(ray.get(refs))

        names, total = ray.get(unpack.remote([add.remote(1), ray.put(2)]))
        self.assertEqual((names, total), (["ObjectRef", "ObjectRef"], 3))

    def test_refs_in_closures_travel_with_the_call(self):
        inside = ray.put(41)

        @ray.remote
        def closure():
            return ray.get(inside) + 1

        self.assertEqual(ray.get(closure.remote()), 42)

    def test_several_returns(self):
        @ray.remote(num_returns=2)
        def pair():
            return 1, "x" * 300_000

        first, second = pair.remote()
        self.assertEqual((ray.get(first), len(ray.get(second))), (1, 300_000))
        with self.assertRaisesRegex(ValueError, "num_returns=3 but returned 2"):
            ray.get(pair.options(num_returns=3, max_retries=0).remote()[0])
        self.assertIsNone(pair.options(num_returns=0).remote())

    def test_tasks_submit_tasks(self):
        @ray.remote
        def fibonacci(n):
            return n if n < 2 else sum(ray.get([fibonacci.remote(n - 1), fibonacci.remote(n - 2)]))

        self.assertEqual(ray.get(fibonacci.remote(6)), 8)

    def test_wait_and_timeout(self):
        @ray.remote
        def sleep(seconds):
            time.sleep(seconds)
            return seconds

        quick, slow = sleep.remote(0), sleep.remote(30)
        ready, others = ray.wait([slow, quick])
        self.assertEqual((ready, others), ([quick], [slow]))
        with self.assertRaises(ray.exceptions.GetTimeoutError):
            ray.get(slow, timeout=0.05)
        ray.cancel(slow)
        with self.assertRaises(ray.exceptions.TaskCancelledError):
            ray.get(slow)
        self.assertEqual(ray.get(sleep.remote(0)), 0)

    def test_await_and_future(self):
        async def both():
            return await asyncio.gather(add.remote(1), add.remote(2))

        self.assertEqual(asyncio.run(both()), [1, 2])
        self.assertEqual(add.remote(5).future().result(), 5)

    def test_refs_are_hashable(self):
        ref = ray.put(1)
        self.assertEqual({ref: "a"}[ref], "a")
        self.assertNotEqual(ref, ray.put(1))

    def test_context_and_cluster(self):
        @ray.remote
        def who():
            context = ray.get_runtime_context()
            return context.get_job_id(), context.get_task_id(), os.getpid()

        job, task, pid = ray.get(who.remote())
        self.assertEqual(job, ray.get_runtime_context().get_job_id())
        self.assertTrue(task)
        self.assertNotEqual(pid, os.getpid())
        self.assertEqual(ray.cluster_resources()["CPU"], self.CPUS)
        self.assertEqual([node["Alive"] for node in ray.nodes()], [True])

    def test_who_runs(self):
        @ray.remote
        def me():
            context = ray.get_runtime_context()
            return context.get_task_name(), context.task_id, context.node_id, context.job_id, context.namespace

        name, task, *rest = ray.get(me.remote())
        here = ray.get_runtime_context()
        self.assertTrue(name.endswith("me"), name)
        self.assertTrue(task.startswith("task-"), task)
        self.assertEqual(rest, [here.node_id, here.job_id, here.namespace])
        self.assertFalse(here.is_canceled())
        node = ray.nodes()[0]
        self.assertEqual(node["NodeManagerAddress"], ray.util.get_node_ip_address())
        self.assertEqual((node["NodeManagerAddress"], node["alive"]), ("127.0.0.1", True))
        self.assertGreater(node["NodeManagerPort"], 0)

    def test_options_that_change_nothing(self):
        run = ray.remote(enable_task_events=False, _metadata={"a": 1}, _labels={"b": "c"}, max_calls=None)(lambda: 1)
        self.assertEqual(ray.get(run.remote()), 1)

        @ray.remote(_metadata={})
        class Quiet:
            @ray.method(enable_task_events=False)
            def run(self):
                return 2
        quiet = Quiet.remote()
        self.assertEqual(ray.get([quiet.run.remote(), quiet.run.options(enable_task_events=False).remote()]), [2, 2])

    def test_label_selectors_and_fallbacks(self):
        @ray.remote
        def here():
            return "here"

        mars = {"zone": "mars"}  # no node is there
        self.assertEqual(ray.get(here.options(label_selector={"zone": "!in(mars, moon)"}).remote(), timeout=60), "here")
        chosen = here.options(label_selector=mars, fallback_strategy=[{"label_selector": {"zone": ["moon"]}},
                                                                      {"label_selector": {"zone": "!mars"}}])
        self.assertEqual(ray.get(chosen.remote(), timeout=60), "here")
        waits = here.options(label_selector=mars).remote()
        self.assertEqual(ray.wait([waits], timeout=0.2), ([], [waits]))
        ray.cancel(waits)
        for wrong in ({"label_selector": {"zone": "in()"}}, {"fallback_strategy": [mars]}):
            with self.assertRaises(ValueError):
                here.options(**wrong).remote()

    def test_threads_may_get_at_once(self):
        refs, found = [add.remote(i) for i in range(40)], [None] * 40

        def fetch(i):
            found[i] = ray.get(refs[i])

        threads = [threading.Thread(target=fetch, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, list(range(40)))


class Errors(ClusterTest):
    def test_an_exception_arrives_with_class_traceback_and_cause(self):
        @ray.remote
        def fail():
            raise KeyError("missing")

        with self.assertRaises(KeyError) as caught:
            ray.get(fail.remote())
        error = caught.exception
        self.assertIsInstance(error, ray.exceptions.TaskError)
        self.assertIsInstance(error.__cause__, KeyError)
        self.assertIn("in fail", str(error))

    def test_names_of_ray(self):
        @ray.remote
        def fails() -> ray.ObjectRef[int]:
            raise KeyError("k")

        with self.assertRaises(KeyError) as caught:
            ray.get(fails.remote())
        self.assertIs(caught.exception.as_instanceof_cause(), caught.exception)
        self.assertIn("in fails", caught.exception.traceback_str)
        self.assertEqual(ray.ActorHandle[int].__args__, (int,))

    def test_it_passes_through_dependants(self):
        @ray.remote
        def fail():
            raise ValueError("first")

        with self.assertRaisesRegex(ValueError, "first"):
            ray.get(add.remote(fail.remote(), 1))

    def test_an_exception_that_cannot_be_pickled(self):
        @ray.remote
        def fail():
            error = RuntimeError("has a lock")
            error.lock = threading.Lock()
            raise error

        with self.assertRaisesRegex(ray.exceptions.TaskError, "has a lock"):
            ray.get(fail.remote())

    def test_an_exception_that_cannot_be_made_again(self):
        @ray.remote
        def fail():
            class Picky(Exception):
                def __init__(self, a, b):
                    super().__init__(f"{a}{b}")

            raise Picky(1, 2)

        with self.assertRaisesRegex(ray.exceptions.TaskError, "12"):
            ray.get(fail.remote())

    def test_unpicklable_argument_function_and_result(self):
        lock = threading.Lock()
        with self.assertRaisesRegex(TypeError, "lock"):
            add.remote(lock)
        with self.assertRaisesRegex(TypeError, "cannot send the function"):
            ray.remote(lambda: lock).remote()

        @ray.remote
        def result():
            return threading.Lock()

        with self.assertRaisesRegex(TypeError, "lock"):
            ray.get(result.remote())

    def test_too_deep(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]
        with self.assertRaisesRegex(RecursionError, "nested too deeply"):
            ray.put(deep)

    def test_recursion_in_a_task(self):
        @ray.remote
        def endless(n):
            return endless._function(n + 1)

        with self.assertRaises(RecursionError):
            ray.get(endless.remote(0))

    def test_wrong_use(self):
        with self.assertRaisesRegex(TypeError, "remote"):
            add(1, 2)
        with self.assertRaisesRegex(ValueError, "no option"):
            ray.remote(cpus=1)(print)
        with self.assertRaisesRegex(TypeError, "get takes"):
            ray.get(3)
        with self.assertRaisesRegex(TypeError, "pickled only inside"):
            import pickle
            pickle.dumps(ray.put(1))

    def test_a_worker_that_ends(self):
        @ray.remote(max_retries=0)
        def die():
            os._exit(3)

        with self.assertRaises(ray.exceptions.WorkerCrashedError):
            ray.get(die.remote())

    def test_retries_after_exceptions(self):
        @ray.remote(max_retries=3, retry_exceptions=[ValueError])
        def flaky(kind):
            if ray.get_runtime_context().get_task_attempt() < 2:
                raise kind("again")
            return ray.get_runtime_context().get_task_attempt()

        self.assertEqual(ray.get(flaky.remote(ValueError)), 2)
        with self.assertRaisesRegex(KeyError, "again"):
            ray.get(flaky.remote(KeyError))

    def test_a_task_that_forks(self):
        @ray.remote
        def forks():
            child = os.fork()
            if child == 0:
                return "of the child"
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        self.assertEqual(ray.get(forks.remote()), 0)
        self.assertEqual(ray.get(add.remote(1, 1)), 2)


class OwnCluster(unittest.TestCase):
    def test_what_init_takes(self):
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        kind = "accelerator_type:" + ray.util.accelerators.NVIDIA_A100
        with ray.init("local", num_cpus=1, num_gpus=1, resources={kind: 1}, object_store_memory=100 << 20,
                      labels={"zone": "a"}, log_to_driver=False, include_dashboard=False, logging_level="INFO",
                      configure_logging=True, local_mode=False, job_config=None):
            node = ray.nodes()[0]
            self.assertEqual(node["Labels"], {"zone": "a"})
            self.assertEqual(node["Resources"]["object_store_memory"], 100 << 20)
            where = ray.remote(num_gpus=0.5, accelerator_type="A100")(
                lambda: (ray.get_gpu_ids(), os.environ.get("CUDA_VISIBLE_DEVICES")))
            self.assertEqual(ray.get(where.remote()), ([0], "0"))
            self.assertEqual(ray.get(where.options(num_gpus=0).remote()), ([], os.environ.get("CUDA_VISIBLE_DEVICES")))
            other = where.options(accelerator_type="T4").remote()
            self.assertEqual(ray.wait([other], timeout=0.2), ([], [other]))

            @ray.remote(num_gpus=1)
            class Holder:
                def gpus(self):
                    return os.environ["CUDA_VISIBLE_DEVICES"]
            self.assertEqual(ray.get(Holder.remote().gpus.remote()), "0")
        for wrong in ({"local_mode": True}, {"dashboard": True}, {"job_config": 1}):
            with self.assertRaisesRegex(TypeError, f"does not know {next(iter(wrong))}"):
                ray.init(**wrong)


class Compatibility(unittest.TestCase):
    def test_what_is_missing_is_named(self):
        from orrery import ray_compat
        self.assertIs(ray_compat.get, ray.get)
        self.assertIs(ray_compat.get_actor, ray.get_actor)
        self.assertIs(ray_compat.util, ray.util)
        with self.assertRaisesRegex(AttributeError, "no 'data': a library of Ray's"):
            ray_compat.data
        with self.assertRaisesRegex(AttributeError, "docs/python.md"):
            ray_compat.no_such_name
        for kind in (ray_compat, ray):
            with self.assertRaisesRegex(AttributeError, "no 'timeline': .*timeline.json"):
                kind.timeline
            with self.assertRaisesRegex(AttributeError, "no 'cancell': did you mean cancel?"):
                kind.cancell
        with self.assertRaisesRegex(AttributeError, "orrery.util has no 'collective'"):
            ray_compat.util.collective
        with self.assertRaisesRegex(AttributeError, "orrery.exceptions has no 'RaySystemError'"):
            ray_compat.exceptions.RaySystemError
        with self.assertRaisesRegex(ImportError, "timeline"):
            from orrery.ray_compat import timeline
        self.assertFalse(hasattr(ray_compat, "data"))

    def test_the_page_lists_what_is_missing(self):
        from orrery import _missing
        modules = {"": ("ray", ray), "util": ("ray.util", ray.util), "exceptions": ("ray.exceptions", ray.exceptions)}
        page = pathlib.Path(__file__).resolve().parents[2].joinpath("docs", "python.md").read_text(encoding="utf-8")
        told = {}
        for module, names, why in re.findall(r"^\| `(ray[.a-z]*)` \| (.*?) \| (.*) \|$", page, re.MULTILINE):
            told.setdefault(module, {}).update({name: why for name in re.findall(r"`(\w+)`", names)})
        for key, (shown, module) in modules.items():
            self.assertEqual(told[shown], _missing.NAMES[key])
            self.assertEqual([name for name in _missing.NAMES[key] if name in vars(module)], [])

        def lacking(which):
            sentence = re.search(rf"^\* {which} lacks? (.*?)\. ", page, re.MULTILINE | re.DOTALL)
            return set(re.findall(r"`(\w+)`", sentence[1]))

        self.assertEqual(lacking("`init`") & set(inspect.signature(ray.init).parameters), set())
        for name in lacking("`remote` and `.options..`"):
            for target in (print, unittest.TestCase):
                self.assertRaisesRegex(ValueError, name, ray.remote(**{name: 1}), target)

    def test_errors_have_the_families_of_ray(self):
        errors = ray.exceptions
        self.assertTrue(issubclass(errors.ActorDiedError, errors.RayActorError))
        self.assertTrue(issubclass(errors.ActorUnavailableError, errors.RayActorError))
        self.assertTrue(issubclass(errors.RayActorError, errors.RayError))
        self.assertIs(errors.TaskPlacementGroupRemoved, errors.PlacementGroupRemovedError)


if __name__ == "__main__":
    unittest.main(verbosity=2)
