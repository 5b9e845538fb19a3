"""Figures computed from a result's arrays. Pure numpy: no files, no drawing."""
from dataclasses import dataclass

import numpy as np


def occupancy(start, finish, weight, row, rows, end, bins):
    """Time-averaged sum of `weight` over running intervals, exactly, as a (rows, bins) matrix over [0, end].

    Each interval end at bin coordinate x adds a step at x; a step's share in its own bin is the part of the bin behind
    it, all of every later bin. Two weighted bincounts per interval end, one running sum: linear in the intervals.
    """
    total = np.zeros(rows * (bins + 2))
    scale = bins / end if end > 0 else 0.0
    for times, sign in ((start, 1.0), (finish, -1.0)):
        x = np.clip(times * scale, 0, bins)
        whole = np.floor(x).astype(np.int64)
        part = x - whole
        flat = row * (bins + 2) + whole
        total += np.bincount(flat, weights=sign * weight * (1 - part), minlength=len(total))
        total += np.bincount(flat + 1, weights=sign * weight * part, minlength=len(total))
    return np.maximum(np.cumsum(total.reshape(rows, bins + 2), axis=1)[:, :bins], 0.0)


def ran(tasks):
    """Mask of tasks with a start, an end and a place."""
    return ~np.isnan(tasks.start) & ~np.isnan(tasks.finish) & (tasks.node >= 0)


@dataclass
class Series:
    """A step function reduced to bins: what it was on average, and between which values it moved."""
    time: np.ndarray   # middle of each bin, s
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def count_series(begin, finish, end, bins):
    """How many intervals [begin, finish) are open, over [0, end]; an interval without finish stays open."""
    begin = np.sort(begin[~np.isnan(begin)])
    finish = np.sort(finish[~np.isnan(finish)])
    edges = np.linspace(0, end, bins + 1)
    at_edges = np.searchsorted(begin, edges, side="right") - np.searchsorted(finish, edges, side="right")
    times = np.unique(np.concatenate((begin, finish)))
    levels = np.searchsorted(begin, times, side="right") - np.searchsorted(finish, times, side="right")
    low = np.minimum(at_edges[:-1], at_edges[1:]).astype(float)
    high = np.maximum(at_edges[:-1], at_edges[1:]).astype(float)
    if len(times):
        place = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, bins - 1)
        first = np.flatnonzero(np.diff(place, prepend=-1))
        low[place[first]] = np.minimum(low[place[first]], np.minimum.reduceat(levels, first))
        high[place[first]] = np.maximum(high[place[first]], np.maximum.reduceat(levels, first))
    mean = np.maximum(_steps(begin, end, bins) - _steps(finish, end, bins), 0.0)
    return Series((edges[:-1] + edges[1:]) / 2, mean, low, high)


def _steps(times, end, bins):
    """How many of `times` have passed, averaged over each bin."""
    count = len(times)
    return occupancy(times, np.full(count, end), np.ones(count), np.zeros(count, dtype=np.int64), 1, end, bins)[0]


def utilization_series(result, resource, end, bins):
    """(bin middles in s, fraction of the capacity present then that ran tasks); None where capacity is unknown or 0.

    resource: "cpus" or "gpus".
    """
    nodes, tasks = result.nodes, result.tasks
    capacity = getattr(nodes, resource)
    if not len(nodes) or np.isnan(capacity).any() or capacity.sum() == 0 or end <= 0:
        return None
    mask = ran(tasks)
    zero = np.zeros(int(mask.sum()), dtype=np.int64)
    busy = occupancy(tasks.start[mask], tasks.finish[mask], getattr(tasks, resource)[mask], zero, 1, end, bins)[0]
    there = occupancy(nodes.join, np.minimum(nodes.leave, end), capacity, np.zeros(len(nodes), dtype=np.int64), 1, end,
                      bins)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(there > 1e-12, busy / there, np.nan)
    middles = (np.arange(bins) + 0.5) * end / bins
    return middles, fraction


@dataclass
class Littles:
    """Little's law on one run: mean number waiting (L) against arrival rate times mean wait (lambda W)."""
    measured: float
    predicted: float


def littles_law(tasks, end):
    """L over [0, end] integrated from the queue, and lambda W from the waits; None without finished waits."""
    mask = ~np.isnan(tasks.start) & ~np.isnan(tasks.submit)
    if end <= 0 or not mask.any():
        return None
    queue = count_series(tasks.submit[mask], tasks.start[mask], end, 1)
    wait = tasks.start[mask] - tasks.submit[mask]
    return Littles(float(queue.mean[0]), float(mask.sum() / end * wait.mean()))


def lanes(start, finish, need, count):
    """Places intervals on lanes, first come first placed, each on the lowest run of `need` adjacent free lanes.

    start must ascend. Returns the first lane of each; lanes beyond `count` are used when none is free.
    """
    free_at = [-np.inf] * max(1, count)
    first = np.zeros(len(start), dtype=np.int64)
    for i, (begin, end, width) in enumerate(zip(start.tolist(), finish.tolist(), need.tolist())):
        limit = begin + 1e-9 * max(1.0, abs(begin))
        lane = _first_run(free_at, limit, width)
        while lane + width > len(free_at):
            free_at.append(-np.inf)
        free_at[lane:lane + width] = [end] * width
        first[i] = lane
    return first


def _first_run(free_at, limit, width):
    run = 0
    for lane, free in enumerate(free_at):
        run = run + 1 if free <= limit else 0
        if run == width:
            return lane - width + 1
    return len(free_at) - run


def allocation_curves(allocation, grid):
    """Per policy: (name, mean over seeds, lowest, highest, number of seeds) of allocation at the arrivals `grid` (%)."""
    curves = []
    for code, name in enumerate(allocation.policy_names):
        of_policy = allocation.policy == code
        rows = []
        for seed in np.unique(allocation.seed[of_policy]):
            mask = of_policy & (allocation.seed == seed)
            order = np.argsort(allocation.arrived[mask], kind="stable")
            x, y = allocation.arrived[mask][order], allocation.allocated[mask][order]
            rows.append(np.interp(grid, x, y, right=np.nan))
        stack = np.array(rows)
        known = ~np.isnan(stack).all(axis=0)
        mean, low, high = (np.full(len(grid), np.nan) for _ in range(3))
        mean[known], low[known] = np.nanmean(stack[:, known], axis=0), np.nanmin(stack[:, known], axis=0)
        high[known] = np.nanmax(stack[:, known], axis=0)
        curves.append((name, mean, low, high, len(rows)))
    return curves
