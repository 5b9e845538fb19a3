"""What a program may ask about the cluster and about itself."""
from __future__ import annotations

from typing import Any, Optional

from . import _core, _session


def nodes() -> list[dict[str, Any]]:
    """Every node of the cluster that is known, with Ray's keys."""
    _session.ensure()
    return [{
        "NodeID": f"node-{node['node']}",
        "Alive": node["alive"],
        "NodeName": node["name"],
        "NodeManagerHostname": node["hostname"],
        "IsHeadNode": node["head"],
        "Resources": node["total"],
        "Labels": node["labels"],
    } for node in _core.nodes()]


def _sum(which: str) -> dict[str, float]:
    _session.ensure()
    total: dict[str, float] = {}
    for node in _core.nodes():
        if node["alive"]:
            for name, amount in node[which].items():
                total[name] = total.get(name, 0.0) + amount
    return total


def cluster_resources() -> dict[str, float]:
    """Resources of all living nodes."""
    return _sum("total")


def available_resources() -> dict[str, float]:
    """Those that nobody uses; as fresh as the nodes' last reports."""
    return _sum("available")


class RuntimeContext:
    """Who the running code is."""

    def get_job_id(self) -> str:
        """Of the job this driver or worker belongs to."""
        return f"job-{_core.context()['job']}"

    def get_node_id(self) -> str:
        """Of the node this process runs on."""
        return f"node-{_core.context()['node']}"

    def get_worker_id(self) -> str:
        """Of this process."""
        return f"worker-{_core.context()['worker']:x}"

    def get_task_id(self) -> Optional[str]:
        """Of the running task; None in the driver."""
        return _core.context()["task"]

    def get_task_attempt(self) -> int:
        """0 the first time, then one more for each retry."""
        return _core.context()["attempt"]

    def get_accelerator_ids(self) -> dict[str, list[str]]:
        """GPUs that belong to the running task."""
        return {"GPU": [str(gpu) for gpu in _core.context()["gpu_ids"]]}


def get_runtime_context() -> RuntimeContext:
    """Who the running code is."""
    _session.ensure()
    return RuntimeContext()


def get_gpu_ids() -> list[int]:
    """GPUs that belong to the running task."""
    return list(_core.context()["gpu_ids"])
