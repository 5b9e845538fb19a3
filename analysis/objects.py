"""What became of large objects: bytes in the stores' memory and on their disks, and bytes moved between nodes, over time."""
from dataclasses import dataclass

import numpy as np

from . import style
from .style import plt
from .table import read_table


@dataclass
class Objects:
    """Steps of sums over all nodes; times ascend."""
    time: np.ndarray        # when memory or disk changed, s
    memory: np.ndarray      # bytes from then on
    disk: np.ndarray
    moved_time: np.ndarray  # when a transfer ended, s
    moved: np.ndarray       # bytes moved up to then


def read_objects(folder):
    """From store.csv and transfers.csv; None where the run had no large objects."""
    if not (folder / "store.csv").exists():
        return None
    store = read_table(folder / "store.csv")
    store.require("time_s", "node", "memory_bytes", "disk_bytes")
    if store.rows == 0:
        return None
    times, (_, node) = store.numbers("time_s"), store.categories("node")
    memory, disk = (_sum_of_steps(store.numbers(name), node) for name in ("memory_bytes", "disk_bytes"))
    moved_time, moved = np.zeros(0), np.zeros(0)
    if (folder / "transfers.csv").exists():
        transfers = read_table(folder / "transfers.csv")
        transfers.require("finish_time_s", "size_bytes")
        order = np.argsort(transfers.numbers("finish_time_s"), kind="stable")
        moved_time = transfers.numbers("finish_time_s")[order]
        moved = np.cumsum(transfers.numbers("size_bytes")[order])
    return Objects(times, memory, disk, moved_time, moved)


def _sum_of_steps(values, node):
    """Each value replaces its node's former one: the sum over nodes after each."""
    change = values.copy()
    for code in range(int(node.max(initial=-1)) + 1):
        mine = np.flatnonzero(node == code)
        change[mine] = np.diff(values[mine], prepend=0.0)
    return np.cumsum(change)


def draw_objects(results, path):
    """Memory, disk and transfers over time, one line per result. None when no run had large objects."""
    results = [r for r in results if r.objects is not None]
    if not results:
        return None
    panels = [("In memory", lambda o: (o.time, o.memory)), ("On disk", lambda o: (o.time, o.disk)),
              ("Moved so far", lambda o: (o.moved_time, o.moved))]
    panels = [(name, steps) for name, steps in panels if any(steps(r.objects)[1].max(initial=0) > 0 for r in results)]
    end = max(max(r.end, float(r.objects.time.max())) for r in results)
    scale, unit = style.time_unit(end)
    figure, axes = plt.subplots(len(panels), 1, sharex=True, squeeze=False, figsize=(style.WIDTH, 1.9 * len(panels) + 0.6))
    for axis, (name, steps) in zip(axes[:, 0], panels):
        top = max(float(steps(r.objects)[1].max(initial=0)) for r in results)
        size, size_unit = style.byte_unit(top)
        for i, result in enumerate(results):
            times, values = steps(result.objects)
            times, values = np.concatenate(([0], times, [max(end, 0)])), np.concatenate(([0], values, values[-1:]))
            axis.step(times[:len(values)] / scale, values / size, where="post", color=style.colour(i),
                      linestyle=style.dashes(i), label=result.label)
        axis.set_ylabel(f"{name} ({size_unit})")
        axis.set_ylim(bottom=0)
    axes[0, 0].set_title("Large objects: all stores together")
    axes[-1, 0].set_xlabel(f"Time since start ({unit})")
    axes[-1, 0].set_xlim(0, end / scale)
    figure.align_ylabels(axes[:, 0])
    if len(results) > 1:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", ncol=min(4, len(labels)), bbox_to_anchor=(0.995, 1.0))
    return style.save(figure, path), "Bytes of copies in shared memory and in spill files, and of transfers that have ended."
