"""Where tasks ran when: lanes per CPU slot on small clusters, an occupancy map by node on large ones."""
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from . import metrics, style
from .style import plt

MAX_LANES = 160        # more than this many slots: a map is easier to read
MAX_BARS = 20_000      # more bars than this cannot be told apart
MAP_BINS = 1000
MAP_ROWS = 500


def draw_gantt(result, end, path):
    """Draws the picture that fits the size of the cluster; returns (path, caption), or None when nothing ran."""
    mask = metrics.ran(result.tasks)
    if not mask.any() or end <= 0:
        return None
    plan = _plan_lanes(result, mask)
    if plan is not None:
        return _draw_lanes(result, mask, plan, end, path)
    return _draw_map(result, mask, end, path)


def _plan_lanes(result, mask):
    """(slot size in CPUs, slots per node), or None when lanes would be too many or too full."""
    nodes, tasks = result.nodes, result.tasks
    if int(mask.sum()) > MAX_BARS or np.isnan(nodes.cpus).any():
        return None
    asked = tasks.cpus[mask]
    asked = asked[asked > 0]
    unit = float(min(1.0, max(0.25, asked.min()))) if len(asked) else 1.0
    slots = np.maximum(1, np.ceil(nodes.cpus / unit)).astype(int)
    return (unit, slots) if slots.sum() <= MAX_LANES else None


def _place(result, mask, unit, slots):
    """Lane and height of every bar, node by node. Nodes grow when tasks need no CPU and more run than there are slots."""
    tasks = result.tasks
    chosen = np.flatnonzero(mask)
    order = chosen[np.lexsort((chosen, tasks.finish[chosen], tasks.start[chosen]))]
    lane = np.zeros(len(tasks), dtype=np.int64)
    need = np.maximum(1, np.ceil(tasks.cpus / unit - 1e-9)).astype(int)
    heights = slots.copy()
    for node in range(len(result.nodes)):
        mine = order[tasks.node[order] == node]
        if len(mine):
            lane[mine] = metrics.lanes(tasks.start[mine], tasks.finish[mine], need[mine], int(slots[node]))
            heights[node] = max(heights[node], int((lane[mine] + need[mine]).max()))
    return order, lane, need, heights


def _draw_lanes(result, mask, plan, end, path):
    unit, slots = plan
    tasks = result.tasks
    order, lane, need, heights = _place(result, mask, unit, slots)
    tops = np.concatenate(([0], np.cumsum(heights + 0.6)))
    scale, unit_name = style.time_unit(end)
    figure, axes = plt.subplots(figsize=(style.WIDTH, float(np.clip(0.9 + 0.2 * tops[-1], 2.4, 13))))
    colours, handles = _bar_colours(tasks, order)
    y = tops[tasks.node[order]] + lane[order]
    left, right = tasks.start[order] / scale, tasks.finish[order] / scale
    right = np.maximum(right, left + end / scale * 4e-4)  # at least a hair wide
    bottom, top = y + 0.06, y + need[order] - 0.06
    corners = np.stack([np.stack([left, bottom], 1), np.stack([left, top], 1), np.stack([right, top], 1),
                        np.stack([right, bottom], 1)], 1)
    wide = np.median(right - left) > end / scale / 250
    axes.add_collection(PolyCollection(corners, facecolors=colours, edgecolors="white" if wide else "none",
                                       linewidths=0.5 if wide else 0))
    _node_bands(axes, result.nodes, tops, heights, end, scale)
    _fault_marks(axes, result.faults, scale, handles)
    axes.set_xlim(0, end / scale)
    axes.set_ylim(tops[-1], -0.3)
    axes.set_xlabel(f"Time since start ({unit_name})")
    axes.set_ylabel("Node (one lane per CPU)" if unit == 1 else f"Node (one lane per {unit:g} CPU)")
    axes.set_title(f"{result.label}: {style.number(len(order))} task runs on {len(result.nodes)} nodes")
    if handles:
        figure.legend(handles=handles, loc="upper right", ncol=min(5, len(handles)))
    return style.save(figure, path), "Every bar is one task; its height is the CPUs it held."


def _bar_colours(tasks, order):
    """A colour per bar: by task name where there are few, failures always in vermilion."""
    status = np.array([name in ("", "OK", "Ok", "ok", "finished", "FINISHED") for name in tasks.status_names])
    good = status[tasks.status[order]] if len(status) else np.ones(len(order), bool)
    groups, counts = np.unique(tasks.group[order], return_counts=True)
    groups = groups[np.argsort(-counts, kind="stable")]
    palette = np.array([style.PALETTE[0]] * (len(tasks.group_names) or 1), dtype=object)
    handles = []
    if 1 < len(groups) <= len(style.PALETTE):
        for i, group in enumerate(groups):
            palette[group] = style.colour(i)
            handles.append(Patch(color=style.colour(i), label=style.shorten(tasks.group_names[group] or "(no name)", 24)))
    colours = palette[tasks.group[order]]
    if not good.all():
        colours = np.where(good, colours, style.FAILED)
        handles.append(Patch(color=style.FAILED, label="failed"))
    return list(colours), handles


def _node_bands(axes, nodes, tops, heights, end, scale):
    """Node names on the left, a quiet background per node, grey where the node was not there."""
    axes.grid(axis="y", visible=False)
    for i in range(len(nodes)):
        bottom, top = tops[i], tops[i] + heights[i]
        axes.axhspan(bottom, top, color="#F4F4F4" if i % 2 == 0 else "#FAFAFA", zorder=0, linewidth=0)
        for begin, finish in ((0, nodes.join[i]), (nodes.leave[i], end)):
            if finish > begin + end * 1e-6:
                axes.fill_between([begin / scale, finish / scale], bottom, top, facecolor="#D9D9D9", zorder=0.5,
                                  linewidth=0, hatch="////", edgecolor="#C4C4C4")
    labels = [style.shorten(_node_name(nodes, i), 18) for i in range(len(nodes))]
    axes.set_yticks(tops[:-1] + heights / 2, labels)
    axes.tick_params(axis="y", length=0)


def _node_name(nodes, i):
    return nodes.names[i] if not nodes.names[i].isdigit() else f"node {nodes.names[i]}"


def _fault_marks(axes, faults, scale, handles):
    for time, _ in faults[:200]:
        axes.axvline(time / scale, color=style.FAILED, linewidth=0.9, linestyle=(0, (2, 2)), zorder=3)
    if faults:
        handles.append(plt.Line2D([], [], color=style.FAILED, linewidth=0.9, linestyle=(0, (2, 2)), label="fault"))


def _draw_map(result, mask, end, path):
    """Nodes down, time across, colour = how busy; rows are grouped by node type and averaged when there are too many."""
    nodes, tasks = result.nodes, result.tasks
    by_gpu = bool(nodes.gpus.sum() > 0 and tasks.gpus[mask].sum() > 0)
    weight, capacity = (tasks.gpus, nodes.gpus) if by_gpu else (tasks.cpus, nodes.cpus)
    order = np.array(sorted(range(len(nodes)), key=lambda i: nodes.types[i]))
    rank = np.empty(len(nodes), dtype=np.int64)
    rank[order] = np.arange(len(nodes))
    per_row = max(1, -(-len(nodes) // MAP_ROWS))
    rows = -(-len(nodes) // per_row)
    row = rank // per_row
    bins = MAP_BINS
    busy = metrics.occupancy(tasks.start[mask], tasks.finish[mask], weight[mask], row[tasks.node[mask]], rows, end, bins)
    if np.isnan(capacity).any():
        capacity = np.full(len(nodes), busy.max() or 1.0)
    there = metrics.occupancy(nodes.join, np.minimum(nodes.leave, end), capacity, row, rows, end, bins)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(there > 1e-9, 100 * busy / there, np.nan)
    scale, unit_name = style.time_unit(end)
    figure, axes = plt.subplots(figsize=(style.WIDTH, float(np.clip(2.2 + rows * 0.012, 3.2, 7.0))))
    axes.set_facecolor("#D9D9D9")
    colours = plt.get_cmap(style.HEAT).copy()
    colours.set_bad("#D9D9D9")
    image = axes.imshow(np.ma.masked_invalid(share), aspect="auto", interpolation="nearest", cmap=colours, vmin=0,
                        vmax=100, extent=(0, end / scale, len(nodes), 0))
    figure.colorbar(image, ax=axes, pad=0.015, fraction=0.05, label=f"{'GPU' if by_gpu else 'CPU'}s busy (%)")
    axes.grid(False)
    _type_marks(axes, nodes, order)
    for time, _ in result.faults[:200]:
        axes.axvline(time / scale, color="white", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_xlabel(f"Time since start ({unit_name})")
    axes.set_ylabel("Node" + (", by type" if len(set(nodes.types)) > 1 else ""))
    axes.set_title(f"{result.label}: {style.number(int(mask.sum()))} task runs on {style.number(len(nodes))} nodes")
    caption = f"Each row is {'one node' if per_row == 1 else f'the mean of {per_row} nodes'}, each column " \
              f"{style.seconds(end / bins)}; grey: not in the cluster" + (" or without GPUs." if by_gpu else ".")
    return style.save(figure, path), caption


def _type_marks(axes, nodes, order):
    """Lines between node types, and their names on the left where there is room."""
    types = [nodes.types[i] for i in order]
    starts = [i for i in range(len(types)) if i == 0 or types[i] != types[i - 1]]
    if len(starts) < 2:
        style.count_axis(axes.yaxis)
        return
    ends = starts[1:] + [len(types)]
    for at in starts[1:]:
        axes.axhline(at, color="white", linewidth=1.0)
    roomy = [(a, b) for a, b in zip(starts, ends) if (b - a) >= len(types) / 40]
    axes.set_yticks([(a + b) / 2 for a, b in roomy],
                    [f"{style.shorten(types[a] or '(no type)', 18)}\n{b - a} nodes" for a, b in roomy])
    axes.tick_params(axis="y", length=0)
