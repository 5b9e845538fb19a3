"""metrics.py against answers worked out by hand or by a slow, plain computation."""
import pathlib
import sys
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))
from analysis import metrics  # noqa: E402
from analysis.load import Allocation, Nodes, Result, Tasks  # noqa: E402


def tasks(rows):
    """rows: (submit, start, finish, cpus, node)."""
    columns = [np.array(c, dtype=float) for c in zip(*rows)]
    submit, start, finish, cpus, node = columns
    zero = np.zeros(len(rows), dtype=int)
    return Tasks(submit, start, finish, start - submit, cpus, np.zeros(len(rows)), node.astype(int), ["Ok"], zero, ["f"],
                 zero)


class Occupancy(unittest.TestCase):
    def test_counts_parts_of_bins(self):
        busy = metrics.occupancy(np.array([0.5, 1.0]), np.array([2.5, 3.0]), np.array([1.0, 2.0]), np.array([0, 1]), 2, 4.0, 4)
        np.testing.assert_allclose(busy, [[0.5, 1, 0.5, 0], [0, 2, 2, 0]])

    def test_conserves_work_on_random_intervals(self):
        rng = np.random.default_rng(7)
        start = rng.uniform(0, 90, 5000)
        finish = start + rng.exponential(3, 5000).clip(max=9)
        row = rng.integers(0, 13, 5000)
        weight = rng.uniform(0.1, 4, 5000)
        busy = metrics.occupancy(start, finish, weight, row, 13, 100.0, 77)
        for r in range(13):
            mine = row == r
            self.assertAlmostEqual(busy[r].sum() * 100 / 77, float(((finish - start) * weight)[mine].sum()), places=6)

    def test_no_task(self):
        none = np.zeros(0)
        self.assertEqual(metrics.occupancy(none, none, none, none.astype(int), 1, 1.0, 3).sum(), 0)


class CountSeries(unittest.TestCase):
    def test_mean_low_and_high_of_each_bin(self):
        series = metrics.count_series(np.array([0.0, 1.25]), np.array([1.5, np.nan]), 3.0, 3)
        np.testing.assert_allclose(series.mean, [1, 1.25, 1])
        np.testing.assert_allclose(series.low, [1, 1, 1])
        np.testing.assert_allclose(series.high, [1, 2, 1])

    def test_a_spike_inside_a_bin_shows_in_the_band(self):
        series = metrics.count_series(np.full(500, 5.0), np.full(500, 5.001), 10.0, 10)
        self.assertEqual(series.high[5], 500)
        self.assertLess(series.mean[5], 1)

    def test_agrees_with_a_plain_count(self):
        rng = np.random.default_rng(3)
        begin = rng.uniform(0, 10, 300)
        finish = begin + rng.exponential(1, 300)
        series = metrics.count_series(begin, finish, 10.0, 20)
        for i in range(20):
            instants = np.linspace(i / 2, (i + 1) / 2, 4001)[:-1]
            level = (begin[None] <= instants[:, None]).sum(1) - (finish[None] <= instants[:, None]).sum(1)
            self.assertAlmostEqual(series.mean[i], level.mean(), delta=0.05)
            self.assertLessEqual(series.low[i], level.min())
            self.assertGreaterEqual(series.high[i], level.max())


class Lanes(unittest.TestCase):
    def test_no_two_intervals_share_a_lane_at_once(self):
        rng = np.random.default_rng(11)
        start = np.sort(rng.uniform(0, 50, 400))
        finish = start + rng.exponential(2, 400)
        need = rng.integers(1, 4, 400)
        first = metrics.lanes(start, finish, need, 8)
        for lane in range(int((first + need).max())):
            mine = np.flatnonzero((first <= lane) & (lane < first + need))
            self.assertTrue((start[mine][1:] >= finish[mine][:-1] - 1e-6).all())

    def test_uses_the_lowest_free_lane(self):
        first = metrics.lanes(np.array([0.0, 1.0, 2.0, 5.0]), np.array([4.0, 5.0, 3.0, 6.0]), np.array([1, 1, 1, 2]), 3)
        self.assertEqual(first.tolist(), [0, 1, 2, 0])


class Utilization(unittest.TestCase):
    def test_capacity_counts_only_while_a_node_is_there(self):
        nodes = Nodes(["1", "2"], ["a", "a"], np.array([2.0, 2.0]), np.zeros(2), np.array([0.0, 5.0]),
                      np.array([np.inf, np.inf]), np.zeros(2))
        result = Result(None, "r", {"makespan_s": 10.0}, tasks([(0, 0, 10, 2, 0)]), nodes)
        middles, fraction = metrics.utilization_series(result, "cpus", 10.0, 2)
        np.testing.assert_allclose(middles, [2.5, 7.5])
        np.testing.assert_allclose(fraction, [1.0, 0.5])
        self.assertIsNone(metrics.utilization_series(result, "gpus", 10.0, 2))


class LittlesLaw(unittest.TestCase):
    def test_both_sides_are_equal_on_any_run(self):
        law = metrics.littles_law(tasks([(0, 1, 2, 1, 0), (0, 3, 4, 1, 0), (2, 2.5, 6, 1, 0)]), 6.0)
        self.assertAlmostEqual(law.measured, 4.5 / 6)
        self.assertAlmostEqual(law.predicted, 4.5 / 6)


class AllocationCurves(unittest.TestCase):
    def test_mean_and_band_over_seeds(self):
        allocation = Allocation(np.array([0, 100, 0, 100.0]), np.array([0, 90, 0, 94.0]), ["fgd"], np.zeros(4, int),
                                np.array([1, 1, 2, 2.0]))
        (name, mean, low, high, seeds), = metrics.allocation_curves(allocation, np.array([50.0, 100.0, 120.0]))
        self.assertEqual((name, seeds), ("fgd", 2))
        np.testing.assert_allclose(mean[:2], [46, 92])
        np.testing.assert_allclose([low[1], high[1]], [90, 94])
        self.assertTrue(np.isnan(mean[2]))


if __name__ == "__main__":
    unittest.main()
