"""Makes result folders for tests: a first-come-first-served cluster of CPU slots, computed here, written as the worlds do.

    python3 synthetic.py OUT --nodes 3 --tasks 400 [--cpus 4] [--seed 1] [--world sim] [--gpus 0] [--types 1]
"""
import argparse
import heapq
import json
import pathlib

import numpy as np

HEADER = ("task_id,name,job,attempts,node,worker,cpus,gpus,submit_time_s,start_time_s,finish_time_s,wait_time_s,"
          "run_time_s,turnaround_time_s,bounded_slowdown,status")


def simulate(nodes, cpus, tasks, seed, load=0.85, slow=1.0):
    """(submit, start, finish, node) of one-CPU tasks on nodes × cpus slots."""
    rng = np.random.default_rng(seed)
    run = rng.lognormal(0.0, 1.0, tasks) * slow
    mean = float(np.exp(0.5)) * slow
    wave = 1 + 0.5 * np.sin(np.linspace(0, 6 * np.pi, tasks))
    submit = np.cumsum(rng.exponential(mean / (nodes * cpus * load), tasks) * wave)
    free = [(0.0, int(i)) for i in rng.permutation(nodes * cpus)]
    heapq.heapify(free)
    start, slot = np.empty(tasks), np.empty(tasks, dtype=np.int64)
    for i, (at, length) in enumerate(zip(submit.tolist(), run.tolist())):
        when, where = heapq.heappop(free)
        start[i], slot[i] = max(at, when) + 1e-4, where
        heapq.heappush(free, (start[i] + length, where))
    return submit, start, start + run, slot // cpus


def write_result(out, nodes=3, tasks=400, cpus=4, seed=1, world="sim", gpus=0, types=1, slow=1.0, faults=(), objects=False):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    submit, start, finish, node = simulate(nodes, cpus, tasks, seed, slow=slow)
    names = ["decode", "train", "score"]
    with open(out / "tasks.csv", "w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        rows = zip(submit.tolist(), start.tolist(), finish.tolist(), node.tolist())
        for i, (a, b, c, n) in enumerate(rows):
            status = "WorkerDied" if i % 97 == 96 else "Ok"
            file.write(f"1.1.{i + 1},{names[i * 7 % 3]},1,1,{n + 1},{n + 1}.1,1,{gpus / max(1, cpus):g},{a:.9g},{b:.9g},{c:.9g},"
                       f"{b - a:.9g},{c - b:.9g},{c - a:.9g},{max(1.0, (c - a) / max(c - b, 10)):.6g},{status}\n")
    end = float(finish.max())
    with open(out / "nodes.csv", "w", encoding="utf-8") as file:
        file.write("node_id,name,type,cpus,gpus,memory_bytes,join_time_s,leave_time_s,busy_cpu_seconds,utilization\n")
        for n in range(nodes):
            busy = float((finish - start)[node == n].sum())
            file.write(f"{n + 1},node-{n + 1},type-{'abcdefgh'[n * types // nodes]},{cpus},{gpus},1073741824,0,,{busy:.9g},"
                       f"{busy / end / cpus:.6g}\n")
    if objects:
        write_objects(out, end)
    if faults:
        (out / "faults.csv").write_text("time_s,fault\n" + "".join(f"{t},{name}\n" for t, name in faults))
    write_summary(out, world, seed, submit, start, finish, nodes * cpus)
    return out


def write_objects(out, end):
    """Two nodes: one makes an object of 1 MiB, sends it to the other, and spills it."""
    size = 1 << 20
    (out / "store.csv").write_text("time_s,node,memory_bytes,disk_bytes\n"
                                   f"{end * 0.1:.9g},1,{size},0\n{end * 0.5:.9g},2,{size},0\n{end * 0.6:.9g},1,0,{size}\n{end * 0.9:.9g},1,0,0\n")
    (out / "transfers.csv").write_text("object_id,from_node,to_node,size_bytes,start_time_s,finish_time_s,status\n"
                                       f"1.1.1.0,1,2,{size},{end * 0.4:.9g},{end * 0.5:.9g},Ok\n")


def write_summary(out, world, seed, submit, start, finish, slots):
    wait, turnaround = np.sort(start - submit), finish - submit
    quantiles = {f"p{q}": float(np.quantile(wait, q / 100)) for q in (50, 95, 99)}
    summary = {
        "world": world, "scenario": "synthetic", "seed": seed, "digest": "5f0c2d9a77e1b340", "events": len(wait) * 11,
        "messages": len(wait) * 8, "sim_seconds": float(finish.max()), "wall_seconds": 1.25,
        "tasks": {"submitted": len(wait), "finished": len(wait), "failed": 0, "retried": 0},
        "makespan_s": float(finish.max()), "wait_s": {"mean": float(wait.mean()), **quantiles, "max": float(wait[-1])},
        "turnaround_s": {"mean": float(turnaround.mean()), "p99": float(np.quantile(turnaround, 0.99))},
        "utilization": float((finish - start).sum() / finish.max() / slots),
        "checks": [{"name": "every task ends once", "ok": True, "detail": f"{len(wait)} tasks"},
                   {"name": "p99 wait below 5 s", "ok": quantiles["p99"] < 5, "detail": f"{quantiles['p99']:.3g} s"}],
        "bounds": {"critical_path_s": 21.0, "work_s": float((finish - start).sum() / slots)},
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1))


def write_allocation(out, policies=("fgd", "best_fit", "gpu_packing", "dot_product", "random"), seeds=10):
    """A packing run: allocation follows demand, then levels off, at a height of its own per policy."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    lines = ["policy,seed,arrived_percent,gpu_allocation_percent"]
    for rank, policy in enumerate(policies):
        for seed in range(1, seeds + 1):
            limit = 95.4 - 1.9 * rank + 0.2 * np.sin(seed * 12.9898 + rank)
            for arrived in np.linspace(0, 130, 400):
                allocated = limit * (-np.expm1(-((arrived / limit) ** 12))) ** (1 / 12)
                lines.append(f"{policy},{seed},{arrived:.4f},{allocated:.4f}")
    (out / "allocation.csv").write_text("\n".join(lines) + "\n")
    (out / "summary.json").write_text(json.dumps({
        "world": "sim", "scenario": "openb", "seed": 1, "digest": "00ff", "gpu_allocation_percent":
        {"at_100": 95.2, "at_130": 95.4}, "checks": []}))
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    for option, default in (("nodes", 3), ("tasks", 400), ("cpus", 4), ("seed", 1), ("gpus", 0), ("types", 1)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--world", default="sim")
    write_result(**vars(parser.parse_args()))
