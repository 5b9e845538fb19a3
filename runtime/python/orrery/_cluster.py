"""What a program may ask about the cluster and about itself."""
from __future__ import annotations

from typing import Any, Optional

from . import _core, _execute, _session
from ._actors import ActorHandle


def nodes() -> list[dict[str, Any]]:
    """Every node of the cluster that is known, with Ray's keys."""
    _session.ensure()
    return [{
        "NodeID": f"node-{node['node']}",
        "Alive": node["alive"],
        "alive": node["alive"],
        "NodeName": node["name"],
        "NodeManagerAddress": node["address"].rpartition(":")[0],
        "NodeManagerPort": int(node["address"].rpartition(":")[2].partition("/")[0]),  # behind it: which life of it
        "NodeManagerHostname": node["hostname"],
        "IsHeadNode": node["head"],
        "Resources": node["total"],
        "Labels": node["labels"],
    } for node in _core.nodes()]


def get_node_ip_address() -> str:
    """Where this process's node is reached by the others."""
    own = get_runtime_context().get_node_id()
    return next(node["NodeManagerAddress"] for node in nodes() if node["NodeID"] == own)


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
    """Who the running code is. What Ray also has as attributes (job_id, node_id, …) is here, too."""

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

    def get_task_name(self) -> str:
        """Of the running task, or "Class.method" in an actor; "" in the driver."""
        name = _execute.task_name.get().decode()
        return name if _execute.self_handle is None else f"{_execute.self_handle.class_name}.{name}"

    def get_actor_id(self) -> Optional[str]:
        """Of the actor whose method runs, or None."""
        return _core.context()["actor"]

    def get_actor_name(self) -> Optional[str]:
        """The name the actor was given ("": none), or None outside of actors."""
        return _execute.self_name

    @property
    def current_actor(self) -> ActorHandle:
        """A handle of this actor, for others to call it. Does not keep it."""
        if _execute.self_handle is None:
            raise RuntimeError("current_actor is for methods of actors")
        return ActorHandle(_execute.self_handle, None)

    @property
    def was_current_actor_reconstructed(self) -> bool:
        """This process is not the actor's first one."""
        if _execute.self_handle is None:
            raise RuntimeError("was_current_actor_reconstructed is for methods of actors")
        return _execute.self_attempt > 0

    def get_placement_group_id(self) -> Optional[str]:
        """Of the placement group that the task or actor runs in, or None."""
        return _core.context()["group"]

    @property
    def should_capture_child_tasks_in_placement_group(self) -> bool:
        """What this task submits runs in its placement group."""
        return _core.current_group() is not None

    @property
    def namespace(self) -> str:
        """Where the names of this job's actors are looked for, unless a call says otherwise."""
        return _session.namespace() or self.get_job_id()

    @property
    def gcs_address(self) -> str:
        """host:port of the head."""
        return _core.gcs_address()

    def is_canceled(self) -> bool:
        """The running task was asked to stop: long computations look now and then."""
        return _core.cancelled()

    def get_accelerator_ids(self) -> dict[str, list[str]]:
        """GPUs that belong to the running task."""
        return {"GPU": [str(gpu) for gpu in _core.context()["gpu_ids"]]}

    job_id = property(get_job_id)
    node_id = property(get_node_id)
    worker_id = property(get_worker_id)
    task_id = property(get_task_id)
    actor_id = property(get_actor_id)
    current_placement_group_id = property(get_placement_group_id)


def get_runtime_context() -> RuntimeContext:
    """Who the running code is."""
    _session.ensure()
    return RuntimeContext()


def get_gpu_ids() -> list[int]:
    """GPUs that belong to the running task."""
    return list(_core.context()["gpu_ids"])
