"""Result folders: what the simulated and the live world both write, read into arrays."""
import json
import pathlib
from dataclasses import dataclass, field

import numpy as np

from .errors import AnalysisError, nearest
from .objects import Objects, read_objects
from .table import read_table


@dataclass
class Tasks:
    """One entry per task. Times in seconds since the run's start; NaN where it never happened."""
    submit: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    wait: np.ndarray
    cpus: np.ndarray
    gpus: np.ndarray
    node: np.ndarray          # index into Result.nodes, -1: never placed
    status_names: list
    status: np.ndarray        # index into status_names
    group_names: list         # task names (function names), for colours
    group: np.ndarray

    def __len__(self):
        return len(self.submit)


@dataclass
class Nodes:
    """One entry per node. leave is +inf while the node stayed."""
    names: list
    types: list
    cpus: np.ndarray
    gpus: np.ndarray
    join: np.ndarray
    leave: np.ndarray
    utilization: np.ndarray

    def __len__(self):
        return len(self.names)


@dataclass
class Allocation:
    """Points of allocation curves: one row per (policy, seed, arrived)."""
    arrived: np.ndarray
    allocated: np.ndarray
    policy_names: list
    policy: np.ndarray
    seed: np.ndarray


@dataclass
class Result:
    path: pathlib.Path
    label: str
    summary: dict
    tasks: Tasks = None
    nodes: Nodes = None
    allocation: Allocation = None
    objects: Objects = None
    faults: list = field(default_factory=list)   # (time in s, text)
    columns: dict = field(default_factory=dict)

    @property
    def end(self):
        """When the last thing happened, in seconds."""
        times = [float(self.summary.get("makespan_s") or 0)]
        if self.tasks is not None and len(self.tasks):
            for column in (self.tasks.submit, self.tasks.finish):
                known = column[~np.isnan(column)]
                times.append(float(known.max()) if len(known) else 0.0)
        return max(times)


def load_result(path, label=None):
    """Reads one folder. summary.json and one of tasks.csv and allocation.csv must be there."""
    path = pathlib.Path(path)
    if not path.is_dir():
        siblings = [p.name for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
        what = "is not a folder" if path.exists() else "no such result folder"
        raise AnalysisError(f"{path}: {what}{nearest(path.name, siblings)}")
    result = Result(path, label or path.name, _read_json(path, "summary.json"))
    if (path / "columns.json").exists():
        result.columns = _read_json(path, "columns.json")
    if (path / "nodes.csv").exists():
        result.nodes = _read_nodes(path / "nodes.csv")
    if (path / "tasks.csv").exists():
        result.tasks, result.nodes = _read_tasks(path / "tasks.csv", result.nodes)
    if (path / "allocation.csv").exists():
        result.allocation = _read_allocation(path / "allocation.csv")
    result.objects = read_objects(path)
    if (path / "faults.csv").exists():
        result.faults = _read_faults(path / "faults.csv")
    if result.tasks is None and result.allocation is None:
        raise AnalysisError(f"{path}: neither tasks.csv nor allocation.csv is there{_present(path, 'tasks.csv')}")
    return result


def load_results(paths):
    """Reads several folders; labels are the shortest path endings that tell them apart."""
    parts = [pathlib.Path(p).resolve().parts for p in paths]
    depth = 1
    while depth < max(len(p) for p in parts) and len({p[-depth:] for p in parts}) < len(parts):
        depth += 1
    return [load_result(path, "/".join(p[-depth:])) for path, p in zip(paths, parts)]


def _present(path, wanted):
    files = sorted(p.name for p in path.iterdir() if p.is_file())
    return nearest(wanted, files) + f" (the folder holds: {', '.join(files) or 'nothing'})"


def _read_json(path, name):
    file = path / name
    if not file.exists():
        raise AnalysisError(f"{path}: {name} is missing{_present(path, name)}")
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AnalysisError(f"{file}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise AnalysisError(f"{file}: expected a JSON object")
    return value


def _read_nodes(path):
    table = read_table(path)
    table.require("node_id", "cpus")
    leave = table.numbers("leave_time_s")
    return Nodes(names=[v.decode() for v in table.texts("node_id")],
                 types=[v.decode() for v in table.texts("type")],
                 cpus=table.numbers("cpus", 0.0), gpus=table.numbers("gpus", 0.0),
                 join=table.numbers("join_time_s", 0.0), leave=np.where(np.isnan(leave), np.inf, leave),
                 utilization=table.numbers("utilization"))


def _read_tasks(path, nodes):
    table = read_table(path)
    table.require("task_id", "node", "submit_time_s", "start_time_s", "finish_time_s")
    names, codes = table.categories("node")
    if nodes is None:
        nodes = _guess_nodes(names)
    position = {name: i for i, name in enumerate(nodes.names)}
    unknown = [n for n in names if n and n not in position]
    if unknown:
        raise AnalysisError(f"{path}: node '{unknown[0]}' is not in nodes.csv{nearest(unknown[0], nodes.names)}")
    node = np.array([position.get(n, -1) for n in names] or [-1])[codes] if table.rows else np.zeros(0, int)
    submit, start = table.numbers("submit_time_s"), table.numbers("start_time_s")
    wait = table.numbers("wait_time_s") if "wait_time_s" in table else start - submit
    status_names, status = table.categories("status")
    group_names, group = table.categories("name")
    tasks = Tasks(submit=submit, start=start, finish=table.numbers("finish_time_s"), wait=wait,
                  cpus=table.numbers("cpus", 0.0), gpus=table.numbers("gpus", 0.0), node=node,
                  status_names=status_names, status=status, group_names=group_names, group=group)
    return tasks, nodes


def _guess_nodes(names):
    """Without nodes.csv: the nodes that tasks ran on, capacities unknown (NaN)."""
    names = [n for n in names if n]
    unknown = np.full(len(names), np.nan)
    return Nodes(names, [""] * len(names), unknown, np.zeros(len(names)), np.zeros(len(names)),
                 np.full(len(names), np.inf), unknown)


def _read_allocation(path):
    table = read_table(path)
    table.require("arrived_percent", "gpu_allocation_percent")
    policy_names, policy = table.categories("policy")
    return Allocation(table.numbers("arrived_percent"), table.numbers("gpu_allocation_percent"), policy_names, policy,
                      table.numbers("seed", 0.0))


def _read_faults(path):
    table = read_table(path)
    time = next((n for n in ("time_s", "fire_time_s", "start_time_s") if n in table), None)
    if time is None:
        return []
    name = next((n for n in ("fault", "name", "kind", "type") if n in table), None)
    texts = [v.decode("utf-8", "replace") for v in table.texts(name)] if name else ["fault"] * table.rows
    return [(t, text) for t, text in zip(table.numbers(time), texts) if not np.isnan(t)]
