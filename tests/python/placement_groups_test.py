"""Placement groups in Python, as programs written for Ray use them."""
import unittest

import orrery as ray
from orrery.util.placement_group import (get_placement_group, placement_group, placement_group_table,
                                         remove_placement_group)
from orrery.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from support import ClusterTest


@ray.remote
def inside():
    group = ray.util.get_current_placement_group()
    return None if group is None else group.id


@ray.remote
def parent():
    return ray.get(inside.remote())


@ray.remote
def where():
    context = ray.get_runtime_context()
    return context.get_placement_group_id(), context.should_capture_child_tasks_in_placement_group


@ray.remote
class Counter:
    def __init__(self):
        self.value = 0

    def where(self):
        return ray.get_runtime_context().get_placement_group_id()

    def increment(self):
        self.value += 1
        return self.value


class PlacementGroups(ClusterTest):
    CPUS = 3  # one outside of the groups

    def test_tasks_and_actors_run_inside(self):
        group = placement_group([{"CPU": 1}, {"CPU": 1}], strategy="PACK")
        self.assertEqual(ray.get(group.ready(), timeout=30), group)
        self.assertTrue(group.wait(timeout_seconds=10))
        table = placement_group_table(group)
        self.assertEqual(table["state"], "CREATED")
        self.assertEqual(set(table["bundles_to_node_id"].values()), {"node-1"})
        strategy = PlacementGroupSchedulingStrategy(group, 0, placement_group_capture_child_tasks=True)
        self.assertEqual(ray.get(parent.options(scheduling_strategy=strategy).remote()), group.id)
        self.assertIsNone(ray.get(parent.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group)).remote()))
        counter = Counter.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, 1)).remote()
        self.assertEqual(ray.get([counter.increment.remote(), counter.where.remote()]), [1, group.id])
        remove_placement_group(group)
        with self.assertRaises(ray.exceptions.PlacementGroupRemovedError):
            group.wait(1)
        with self.assertRaises(ray.exceptions.OrreryError):
            for _ in range(10_000):  # its node may hear of the end a little later
                ray.get(counter.increment.remote())

    def test_which_one_it_is(self):
        group = placement_group([{"CPU": 1}])
        strategy = PlacementGroupSchedulingStrategy(group, 0)
        capturing = PlacementGroupSchedulingStrategy(group, 0, placement_group_capture_child_tasks=True)
        for strategy, expected in (("DEFAULT", (None, False)), (strategy, (group.id, False)), (capturing, (group.id, True))):
            self.assertEqual(ray.get(where.options(scheduling_strategy=strategy).remote()), expected)
        remove_placement_group(group)

    def test_names(self):
        group = placement_group([{"CPU": 1}], name="mine")
        self.assertEqual(get_placement_group("mine"), group)
        with self.assertRaises(ray.exceptions.AlreadyExistsError):
            placement_group([{"CPU": 1}], name="mine")
        with self.assertRaises(ValueError):
            get_placement_group("yours")
        remove_placement_group(group)

    def test_groups_travel(self):
        @ray.remote
        def state(group):
            return placement_group_table(group)["state"]

        group = placement_group([{"CPU": 1}])
        self.assertTrue(group.wait(30))
        self.assertEqual(ray.get(state.remote(group)), "CREATED")
        remove_placement_group(group)

    def test_what_makes_no_sense(self):
        for bundles, strategy in (([], "PACK"), ([{}], "PACK"), ([{"CPU": 0}], "PACK"), ([{"CPU": 1}], "TIGHT")):
            with self.assertRaises(ValueError):
                placement_group(bundles, strategy=strategy)
        group = placement_group([{"CPU": 1}])
        with self.assertRaisesRegex(ValueError, "bundle 3"):
            PlacementGroupSchedulingStrategy(group, 3)
        with self.assertRaises(ray.exceptions.InfeasibleError):
            strategy = PlacementGroupSchedulingStrategy(group, 0)
            ray.get(inside.options(num_cpus=2, scheduling_strategy=strategy).remote())
        remove_placement_group(group)
        huge = placement_group([{"CPU": 1000}])
        self.assertFalse(huge.wait(timeout_seconds=0.01))
        self.assertIn("no nodes", placement_group_table(huge)["why"])
        remove_placement_group(huge)


if __name__ == "__main__":
    unittest.main(verbosity=2)
