"""Pictures that lay several results over one another. Each returns (path, caption), or None when there is no data."""
import numpy as np

from . import metrics, style
from .style import plt

BINS = 600


def draw_load(results, path):
    """Utilisation, queue length and running tasks over time."""
    results = [r for r in results if r.tasks is not None and len(r.tasks) and r.end > 0]
    if not results:
        return None
    longest = max(r.end for r in results)
    scale, unit = style.time_unit(longest)
    has_gpu = any(metrics.utilization_series(r, "gpus", r.end, 1) and r.tasks.gpus.sum() > 0 for r in results)
    panels = ["cpus"] + (["gpus"] if has_gpu else []) + ["queue", "running"]
    figure, axes = plt.subplots(len(panels), 1, sharex=True, figsize=(style.WIDTH, 2.0 * len(panels) + 0.5))
    for axis, panel in zip(axes, panels):
        for i, result in enumerate(results):
            (_draw_utilization if panel in ("cpus", "gpus") else _draw_count)(axis, result, i, panel, scale)
        axis.set_ylim(bottom=0)
    axes[-1].set_xlabel(f"Time since start ({unit})")
    axes[-1].set_xlim(0, longest / scale)
    axes[0].set_title("Utilisation, queue and running tasks over time")
    figure.align_ylabels(axes)
    if len(results) > 1:
        _legend_above(figure, axes[0])
    caption = f"Means over {style.seconds(longest / BINS)}; the pale band spans the lowest and highest value in each step."
    return style.save(figure, path), caption


def _legend_above(figure, axis):
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncol=min(4, len(labels)), bbox_to_anchor=(0.995, 1.0))


def _draw_utilization(axis, result, i, resource, scale):
    series = metrics.utilization_series(result, resource, result.end, BINS)
    axis.plot([], [], color=style.colour(i), linestyle=style.dashes(i), label=result.label)
    if series is not None:
        axis.plot(series[0] / scale, 100 * series[1], color=style.colour(i), linestyle=style.dashes(i))
    axis.set_ylabel("CPUs busy" if resource == "cpus" else "GPUs busy")
    style.percent_axis(axis.yaxis)
    axis.set_yticks([0, 25, 50, 75, 100])
    axis.set_ylim(0, 104)


def _draw_count(axis, result, i, what, scale):
    tasks = result.tasks
    begin, finish = (tasks.submit, tasks.start) if what == "queue" else (tasks.start, tasks.finish)
    series = metrics.count_series(begin, finish, result.end, BINS)
    axis.fill_between(series.time / scale, series.low, series.high, color=style.colour(i), alpha=0.18, linewidth=0)
    axis.plot(series.time / scale, series.mean, color=style.colour(i), linestyle=style.dashes(i))
    axis.set_ylabel("Tasks waiting" if what == "queue" else "Tasks running")
    style.count_axis(axis.yaxis)


def draw_wait(results, path):
    """Distribution of wait times: cumulative and histogram, on a log axis when waits span more than two decades."""
    waits = []
    for i, result in enumerate(results):
        if result.tasks is not None:
            wait = np.sort(result.tasks.wait[~np.isnan(result.tasks.wait)])
            if len(wait):
                waits.append((i, result.label, np.maximum(wait, 0)))
    if not waits:
        return None
    positive = np.concatenate([w[w > 0] for _, _, w in waits])
    if not len(positive):
        return None
    high = float(positive.max())
    low = max(float(np.quantile(positive, 0.001)), high * 1e-9)
    logarithmic = high > 100 * low
    scale, unit = (1.0, "s") if logarithmic else style.time_unit(high)
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.9))
    _wait_cdf(left, waits, low, high, scale, logarithmic)
    _wait_histogram(right, waits, low, high, scale, logarithmic)
    for axis in (left, right):
        axis.set_xlabel(f"Wait time, submission to start ({unit})")
        if logarithmic:
            axis.set_xscale("log")
            axis.set_xlim(low * 0.8, high * 1.25)
        else:
            axis.set_xlim(0, high * 1.03 / scale)
    zero = [f"{label}: {100 * np.mean(w < low):.3g} % of tasks wait less than {style.seconds(low)}"
            for _, label, w in waits if logarithmic and (w < low).any()]
    caption = "Dots mark the median, 95th and 99th percentile." + (" Left of the axis: " + "; ".join(zero) + "." if zero else "")
    return style.save(figure, path), caption


def _wait_cdf(axis, waits, low, high, scale, logarithmic):
    for i, label, wait in waits:
        picks = np.unique(np.concatenate((np.linspace(0, len(wait) - 1, 1500), len(wait) - np.geomspace(1, len(wait), 300)))
                          .astype(int))
        x, y = wait[picks], 100.0 * (picks + 1) / len(wait)
        x = np.concatenate((x, [high * 2]))
        axis.step(np.maximum(x, low * 0.1 if logarithmic else 0) / scale, np.append(y, 100.0), where="post",
                  color=style.colour(i), linestyle=style.dashes(i), label=label)
        for percent in (50, 95, 99):
            value = wait[min(len(wait) - 1, int(np.ceil(percent / 100 * len(wait))) - 1)]
            if value >= low or not logarithmic:
                axis.plot(value / scale, percent, "o", markersize=4.5, color=style.colour(i))
    axis.set_ylim(0, 102)
    axis.set_ylabel("Tasks that waited at most this long")
    axis.set_title("Wait time, cumulative")
    style.percent_axis(axis.yaxis)
    if len(waits) > 1:
        axis.legend(loc="upper left")


def _wait_histogram(axis, waits, low, high, scale, logarithmic):
    edges = np.geomspace(low, high * (1 + 1e-9), 49) if logarithmic else np.linspace(0, high * (1 + 1e-9), 49)
    for i, label, wait in waits:
        counts = np.histogram(wait, bins=edges)[0] * 100.0 / len(wait)
        axis.stairs(counts, edges / scale, fill=len(waits) == 1, color=style.colour(i), linestyle=style.dashes(i),
                    linewidth=1.4, label=label, alpha=1.0 if len(waits) > 1 else 0.85)
    axis.set_ylabel("Tasks in each of 48 steps")
    axis.set_title("Wait time, histogram" + (" (steps of equal ratio)" if logarithmic else ""))
    style.percent_axis(axis.yaxis)
    axis.set_ylim(bottom=0)


def draw_allocation(results, path):
    """GPU allocation against arrived demand, one line per policy (mean of its seeds, band = lowest to highest)."""
    curves, grid = [], np.linspace(0, 130, 521)
    holders = [r for r in results if r.allocation is not None and len(r.allocation.arrived)]
    for result in holders:
        for name, mean, low, high, seeds in metrics.allocation_curves(result.allocation, grid):
            label = name if len(holders) == 1 else f"{result.label}: {name}" if name else result.label
            curves.append((label or result.label, mean, low, high, seeds))
    if not curves:
        return None
    curves.sort(key=lambda c: -np.nan_to_num(c[1][-1]))
    figure, (whole, close) = plt.subplots(1, 2, figsize=(style.WIDTH, 4.3), gridspec_kw={"width_ratios": [1, 1.25]})
    for axis in (whole, close):
        axis.plot([0, 100], [0, 100], color="#AAAAAA", linewidth=1, linestyle=":", zorder=1)
        for i, (label, mean, low, high, _) in enumerate(curves):
            axis.fill_between(grid, low, high, color=style.colour(i), alpha=0.15, linewidth=0)
            axis.plot(grid, mean, color=style.colour(i), linestyle=style.dashes(i), label=_curve_label(label, grid, mean))
        axis.set_xlabel("GPU demand arrived (% of capacity)")
    whole.set_xlim(0, 130)
    whole.set_ylim(0, 102)
    whole.set_ylabel("GPUs allocated (% of capacity)")
    whole.set_title("GPU allocation")
    whole.annotate("everything placed", (48, 51), rotation=45, rotation_mode="anchor", ha="center", color=style.MUTED,
                   fontsize=8, transform_rotates_text=True)
    _zoom(close, curves, grid)
    seeds = sorted({c[4] for c in curves})
    caption = f"Mean of {' or '.join(map(str, seeds))} seed{'s' if seeds != [1] else ''} per policy; the pale band spans " \
              "the seeds. The dotted line is demand; the gap below it is capacity lost to fragmentation."
    return style.save(figure, path), caption


def _curve_label(label, grid, mean):
    """The name with the values that the literature quotes: "fgd: 95.23 | 95.39"."""
    values = [np.interp(at, grid, mean) for at in (100, 130)]
    return f"{style.shorten(label)}: " + " | ".join("–" if np.isnan(v) else f"{v:.2f}" for v in values)


def _zoom(axis, curves, grid):
    view = grid >= 80
    known = [c[1][view][~np.isnan(c[1][view])] for c in curves]
    known = [k for k in known if len(k)]
    axis.set_xlim(80, 130)
    if known:
        bottom = min(k.min() for k in known)
        axis.set_ylim(max(0, np.floor(bottom) - 1), min(100.5, max(k.max() for k in known) + 1.5))
    axis.set_title("The same, from 80 % demand on")
    axis.legend(loc="lower right", title="% allocated at 100 % | 130 % demand", title_fontsize=8, alignment="left")
