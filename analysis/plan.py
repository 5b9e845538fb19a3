"""What `orrery plan --out` leaves: cost against the value of each SLO, for every point that was run."""
import json
import pathlib

from .errors import AnalysisError


def is_plan(folder):
    return (pathlib.Path(folder) / "plan.json").is_file()


def load_plan(folder):
    """plan.json, checked as far as the picture needs it."""
    path = pathlib.Path(folder) / "plan.json"
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path}: cannot be read: {error}") from error
    missing = [key for key in ("slos", "evaluated", "answer", "lower_bound") if not isinstance(plan, dict) or key not in plan]
    if missing:
        raise AnalysisError(f"{path}: there is no '{missing[0]}'; `orrery plan --out` writes this file")
    if not plan["evaluated"]:
        raise AnalysisError(f"{path}: no point was evaluated")
    return plan


def pareto_front(points, at_most=True):
    """Indices of the (cost, value) pairs that no other beats in both, by cost. `at_most`: smaller values are better."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], points[i][1] if at_most else -points[i][1]))
    front = []
    for i in order:
        value = points[i][1]
        if not front or (value < points[front[-1]][1] if at_most else value > points[front[-1]][1]):
            front.append(i)
    return front


def name_of(point, varying):
    """What sets the point apart: "count=3", without the part of the keys that all share."""
    return ", ".join(f"{key.rsplit('.', 1)[-1]}={point[key]}" for key in varying)


def draw_plan(plan, path):
    """One panel per SLO; returns (path, caption)."""
    from . import style  # matplotlib is slow to load: not for bad input
    slos = plan["slos"]
    figure, axes = style.plt.subplots(len(slos), 1, sharex=True, squeeze=False, figsize=(style.WIDTH, 3.4 * len(slos) + 0.9))
    for axis, slo in zip(axes[:, 0], slos):
        _draw_panel(axis, plan, slo, style)
    axes[-1, 0].set_xlabel("Cost per hour" if "CPUs, where" not in plan.get("objective", "") else
                           "Cost per hour (CPUs, where no node type has a price)")
    axes[0, 0].set_title(" ")  # room for the legend
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncol=len(labels), bbox_to_anchor=(0.995, 1.0))
    return style.save(figure, path), plan.get("explanation", "")


def _draw_panel(axis, plan, slo, style):
    rows = [row for row in plan["evaluated"] if row["slo"].get(slo["slo"]) is not None and not row.get("trouble")]
    points = [(row["cost"], row["slo"][slo["slo"]]) for row in rows]
    for good, colour, marker, label in ((True, style.PALETTE[2], "o", "meets every SLO"), (False, style.FAILED, "x", "does not")):
        some = [p for row, p in zip(rows, points) if row["ok"] == good]
        _mark(axis, [p[0] for p in some], [p[1] for p in some], marker, color=colour, markersize=6, label=label, zorder=3)
    front = pareto_front(points, slo["at_most"])
    axis.step([points[i][0] for i in front], [points[i][1] for i in front], where="post", color=style.MUTED, linewidth=1.2,
              label="Pareto front", zorder=2)
    axis.axhline(slo["limit"], color=style.PALETTE[0], linestyle="--", linewidth=1.2, label="limit")
    _draw_bound(axis, plan["lower_bound"].get("flow_cost_per_hour"), [p[0] for p in points], style)
    answer = plan["answer"]
    if answer is not None:
        at = (answer["cost"], answer["slo"][slo["slo"]])
        _mark(axis, *at, "*", color=style.PALETTE[1], markersize=15, markeredgecolor=style.INK, label="answer", zorder=4)
        varying = [key for key in answer["point"] if len({str(row["point"].get(key)) for row in plan["evaluated"]}) > 1]
        axis.annotate(style.shorten(name_of(answer["point"], varying), 60), at, xytext=(-12, 10), textcoords="offset points",
                      ha="right", fontsize=9)
    _scale(axis, [p[1] for p in points] + [slo["limit"]])
    axis.set_ylabel(slo["slo"])


def _mark(axis, *points, **look):
    """Markers on the edge are drawn whole. The layout must not make room for them: two panels would have none left."""
    for line in axis.plot(*points, clip_on=False, **look):
        line.set_in_layout(False)


def _draw_bound(axis, bound, costs, style):
    """A line, unless it would lie so far off that the points had no room."""
    if bound is None or not costs:
        return
    look = {"color": style.PALETTE[5], "linestyle": ":", "linewidth": 1.6}
    if bound >= min(costs) - (max(costs) - min(costs)):
        axis.axvline(bound, label="flow bound", **look)
    else:
        axis.plot([], [], label=f"flow bound: {bound:.4g}, further left", **look)


def _scale(axis, values):
    """Logarithmic when that shows more: values over two decades. What is zero then lies on the axis's lower end."""
    positive = [v for v in values if v > 0]
    if positive and max(positive) > 100 * min(positive):
        axis.set_yscale("symlog", linthresh=max(min(positive), max(positive) * 1e-6))
    axis.set_ylim(bottom=0 if min(values) >= 0 else None)
