"""One self-contained HTML page: figures side by side, checks, pictures."""
import base64
import html
import math

from . import metrics, style
from .gantt import draw_gantt
from .objects import draw_objects
from .plots import draw_allocation, draw_load, draw_wait

_CSS = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #222; background: #fff; margin: 2rem auto; padding: 0 1.5rem;
       max-width: 1280px; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.sub, figcaption { color: #666; margin: .2rem 0; font-size: .9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .8rem; border-bottom: 1px solid #e4e4e4; text-align: right; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #999; }
tr.group td { color: #666; font-size: .85rem; padding-top: .9rem; border-bottom: 1px solid #bbb; }
td.text { text-align: left; white-space: normal; } .ok { color: #00745a; } .bad { color: #b54a00; font-weight: 600; }
code { font-size: .9em; } .scroll { overflow-x: auto; }
figure { margin: 1.2rem 0; } img { max-width: 100%; height: auto; }
.top { display: flex; flex-wrap: wrap; gap: 0 2.5rem; } section { min-width: 0; }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1rem; } .side figure { margin: 0; }
details { margin-top: 1rem; } summary { cursor: pointer; }
"""


def write_report(results, out, image_format="png"):
    """Draws every picture that the data allows into `out` and writes report.html there; returns its path."""
    out.mkdir(parents=True, exist_ok=True)
    figures = _draw_all(results, out, image_format)
    title = ", ".join(dict.fromkeys(_text(r.summary.get("scenario")) or r.label for r in results))
    parts = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width, initial-scale=1">',
             f"<title>Orrery: {_escape(title)}</title><style>{_CSS}</style></head><body>",
             f"<h1>{_escape(title)}</h1>", f'<p class="sub">{_escape(_subtitle(results))}</p>',
             '<div class="top"><section><h2>Results</h2>', _summary_table(results), "</section><section><h2>Checks</h2>",
             _checks(results), "</section></div>"]
    for heading, pictures in figures:
        parts.append(f"<h2>{_escape(heading)}</h2>")
        parts.append('<div class="side">' if len(pictures) > 1 else "<div>")
        parts += [_picture(path, caption, heading) for path, caption in pictures]
        parts.append("</div>")
    parts += [_columns(results), "</body></html>\n"]
    page = out / "report.html"
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def _draw_all(results, out, kind):
    """[(heading, [(path, caption)])], without what has no data."""
    sections = []
    drawn = [draw_allocation(results, out / f"allocation.{kind}")]
    sections.append(("GPU allocation as demand arrives", drawn))
    sections.append(("Utilisation and queue", [draw_load(results, out / f"load.{kind}")]))
    sections.append(("Objects", [draw_objects(results, out / f"objects.{kind}")]))
    sections.append(("Wait times", [draw_wait(results, out / f"wait.{kind}")]))
    timed = [r for r in results if r.tasks is not None]
    ends = [r.end for r in timed if r.end > 0]
    shared = max(ends) if ends and max(ends) < 3 * min(ends) else None  # one time axis, where that wastes no space
    gantts = []
    for result in timed:
        suffix = "" if len(results) == 1 else "-" + result.label.replace("/", "-")
        gantts.append(draw_gantt(result, shared or result.end, out / f"gantt{suffix}.{kind}"))
    sections.append(("What ran where", gantts))
    return [(h, [p for p in pictures if p]) for h, pictures in sections if any(pictures)]


def _escape(value):
    return html.escape(str(value))


def _text(value):
    return "" if value is None else str(value)


def _subtitle(results):
    worlds = {"sim": "simulated", "live": "live, real processes"}
    return " · ".join(f"{r.label}: {worlds.get(r.summary.get('world'), _text(r.summary.get('world')) or 'unknown world')}, "
                      f"seed {_text(r.summary.get('seed')) or '–'}" for r in results)


def _get(summary, dotted):
    for key in dotted.split("."):
        if not isinstance(summary, dict) or summary.get(key) is None:
            return None
        summary = summary[key]
    return summary


def _percent(value):
    return f"{100 * value:.2f} %"


_ROWS = [
    ("Run", [("World", "world", str), ("Scenario", "scenario", str), ("Seed", "seed", str), ("Digest", "digest", str),
             ("Simulated or real time", "sim_seconds", style.seconds), ("Wall time", "wall_seconds", style.seconds),
             ("Events", "events", style.number), ("Messages", "messages", style.number)]),
    ("Tasks", [("Submitted", "tasks.submitted", style.number), ("Finished", "tasks.finished", style.number),
               ("Failed", "tasks.failed", style.number), ("Retried", "tasks.retried", style.number)]),
    ("Time", [("Makespan", "makespan_s", style.seconds), ("Recorded makespan", "recorded_makespan_s", style.seconds),
              ("Bound: critical path", "bounds.critical_path_s", style.seconds),
              ("Bound: work / capacity", "bounds.work_s", style.seconds), ("Utilisation", "utilization", _percent),
              ("Wait, mean", "wait_s.mean", style.seconds), ("Wait, median", "wait_s.p50", style.seconds),
              ("Wait, 95th percentile", "wait_s.p95", style.seconds), ("Wait, 99th percentile", "wait_s.p99", style.seconds),
              ("Wait, longest", "wait_s.max", style.seconds), ("Turnaround, mean", "turnaround_s.mean", style.seconds),
              ("Turnaround, 99th percentile", "turnaround_s.p99", style.seconds)]),
    ("Objects", [("Created", "objects.created", style.number), ("Lost", "objects.lost", style.number),
                 ("Made again", "objects.rebuilt", style.number), ("Left behind", "objects.leaked", style.number),
                 ("Transfers", "transfers.count", style.number), ("Bytes moved", "transfers.bytes", style.size),
                 ("Bound: bytes moved", "bounds.transfer_lower_bound_bytes", style.size),
                 ("Saved by placement", "transfers.saved_by_locality_bytes", style.size),
                 ("Written to disk", "spill.bytes_written", style.size), ("Read from disk", "spill.bytes_read", style.size)]),
    ("Packing", [("GPU allocation at 100 % arrived", "gpu_allocation_percent.at_100", lambda v: f"{v:.2f} %"),
                 ("GPU allocation at 130 % arrived", "gpu_allocation_percent.at_130", lambda v: f"{v:.2f} %")]),
]
_COMPARED = {"Makespan", "Utilisation", "Wait, mean", "Wait, median", "Wait, 95th percentile", "Wait, 99th percentile",
             "Turnaround, mean", "Bytes moved", "Written to disk", "Read from disk", "GPU allocation at 100 % arrived",
             "GPU allocation at 130 % arrived"}


def summary_rows(results):
    """[(group, [(name, [text per result], ratio text)])]; rows that no result has are left out."""
    groups = []
    for group, rows in _ROWS:
        kept = []
        for name, key, form in rows:
            values = [_get(r.summary, key) for r in results]
            if all(v is None for v in values):
                continue
            cells = ["–" if v is None else _form(form, v) for v in values]
            kept.append((name, cells, _ratio(name, values)))
        if group == "Time":
            kept += _littles_rows(results)
        if group == "Objects" and not any(_get(r.summary, "objects.created") for r in results):
            continue
        if kept:
            groups.append((group, kept))
    return groups


def _form(form, value):
    try:
        return form(value)
    except (TypeError, ValueError):
        return str(value)


def _ratio(name, values):
    if len(values) != 2 or name not in _COMPARED:
        return ""
    a, b = values
    if not all(isinstance(v, (int, float)) for v in values) or a == 0 or math.isnan(a) or math.isnan(b):
        return ""
    ratio = b / a
    return f"× {style.number(ratio)}" if ratio >= 1000 else f"× {ratio:.3g}"


def _littles_rows(results):
    laws = [metrics.littles_law(r.tasks, r.end) if r.tasks is not None else None for r in results]
    if not any(laws):
        return []
    measured = ["–" if law is None else f"{law.measured:.4g} tasks" for law in laws]
    predicted = ["–" if law is None else f"{law.predicted:.4g} tasks" for law in laws]
    return [("Mean queue, L", measured, ""), ("Little's law, λW", predicted, "")]


def text_table(results):
    """The same figures and checks for a terminal."""
    header = [""] + [r.label for r in results] + (["second / first"] if len(results) == 2 else [])
    lines = [header]
    for _, rows in summary_rows(results):
        lines += [[name] + cells + ([ratio] if len(results) == 2 else []) for name, cells, ratio in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths)))).rstrip()
            for line in lines]
    text.insert(1, "-" * (sum(widths) + 2 * len(widths) - 2))
    for result in results:
        for check in result.summary.get("checks") or []:
            verdict = "ok      " if check.get("ok") else "VIOLATED"
            text.append(f"{verdict}  {result.label}: {check.get('name', '')} ({check.get('detail', '')})")
    return "\n".join(text)


def _summary_table(results):
    two = len(results) == 2
    head = "".join(f"<th>{_escape(r.label)}</th>" for r in results)
    lines = ['<div class="scroll"><table><thead><tr><th></th>' + head + ("<th>second / first</th>" if two else "") +
             "</tr></thead><tbody>"]
    width = len(results) + 1 + two
    for group, rows in summary_rows(results):
        lines.append(f'<tr class="group"><td colspan="{width}">{group}</td></tr>')
        for name, cells, ratio in rows:
            tag = "code" if name == "Digest" else "span"
            data = "".join(f"<td><{tag}>{_escape(c)}</{tag}></td>" for c in cells)
            lines.append(f"<tr><td>{_escape(name)}</td>{data}{f'<td>{ratio}</td>' if two else ''}</tr>")
    return "\n".join(lines) + "</tbody></table></div>"


def _checks(results):
    lines = []
    for result in results:
        for check in result.summary.get("checks") or []:
            verdict = '<td class="ok">✓ holds</td>' if check.get("ok") else '<td class="bad">✗ violated</td>'
            lines.append(f'<tr><td>{_escape(result.label)}</td><td class="text">{_escape(check.get("name", ""))}</td>{verdict}'
                         f'<td class="text">{_escape(check.get("detail", ""))}</td></tr>')
    if not lines:
        return "<p>None was asked for.</p>"
    return ('<div class="scroll"><table><thead><tr><th>result</th><th style="text-align:left">check</th><th>verdict</th>'
            '<th style="text-align:left">detail</th></tr></thead><tbody>' + "\n".join(lines) + "</tbody></table></div>")


def _picture(path, caption, heading):
    mime = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    data = base64.b64encode(path.read_bytes()).decode()
    return (f'<figure><img alt="{_escape(heading)}" src="data:{mime};base64,{data}">'
            f"<figcaption>{_escape(caption)}</figcaption></figure>")


def _columns(results):
    """What the columns of the CSV files mean, where the folder says so."""
    files = next((r.columns for r in results if r.columns), None)
    if not files:
        return ""
    lines = []
    for file, columns in sorted(files.items()):
        if isinstance(columns, dict):
            lines += [f"<tr><td>{_escape(file)}</td><td class='text'><code>{_escape(name)}</code></td>"
                      f"<td class='text'>{_escape(_meaning(meaning))}</td></tr>" for name, meaning in columns.items()]
    if not lines:
        return ""
    return "<details><summary>Columns of the CSV files</summary><table>" + "\n".join(lines) + "</table></details>"


def _meaning(value):
    return ", ".join(str(v) for v in value.values() if v) if isinstance(value, dict) else value
