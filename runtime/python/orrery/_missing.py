"""Ray's names that orrery has not, and what is said to a program that uses one. docs/python.md lists the same ones."""
from __future__ import annotations

import difflib
from typing import Any, Callable

_LIBRARY = "a library of Ray's, not part of orrery"
_IDS = "ids are strings in orrery (get_runtime_context, ObjectRef.hex)"
_DEBUGGER = "orrery has no debugger of its own"
_LOGGING = "orrery writes the log files of its processes by itself"

#: Of Ray's package, by what stands behind the module's name; each with the reason, or what to use instead.
NAMES: dict[str, dict[str, str]] = {
    "": {
        **dict.fromkeys(("air", "dag", "data", "experimental", "llm", "rllib", "serve", "train", "tune", "workflow"),
                        _LIBRARY),
        **dict.fromkeys(("ActorClassID", "ActorID", "ClusterID", "FunctionID", "JobID", "NodeID", "ObjectID",
                         "PlacementGroupID", "TaskID", "UniqueID", "WorkerID"), _IDS),
        **dict.fromkeys(("client", "ClientBuilder"), "programs join by init(address=…) from a machine of the cluster"),
        **dict.fromkeys(("java_function", "java_actor_class", "Language"), "orrery has no Java"),
        **dict.fromkeys(("SCRIPT_MODE", "WORKER_MODE", "RESTORE_WORKER_MODE", "SPILL_WORKER_MODE"),
                        "processes of orrery have no modes that a program could ask for"),
        **dict.fromkeys(("state", "worker"), "get_runtime_context, nodes and `orrery status` tell what is public"),
        "autoscaler": "`orrery request-resources` keeps resources, `orrery explain autoscaler` tells of its doings",
        "cluster_utils": "`orrery start` and `orrery live run` start clusters of several nodes on one machine",
        "cpp_actor_class": "cpp_function calls C++ functions; C++ actors are made and called in C++",
        "dashboard": "`orrery status`, `orrery memory` and `python3 -m analysis` show what there is to see",
        "internal": "what is internal in Ray has no counterpart",
        "job_config": "init() takes what there is",
        "job_submission": "a job is a program that calls init(): run it on a machine of the cluster",
        "LoggingConfig": _LOGGING,
        "runtime_env": "init() takes runtime_env as a dict",
        "timeline": "`orrery live run` writes timeline.json",
        "widgets": "orrery prints text",
    },
    "util": {
        **dict.fromkeys(("collective", "dask", "horovod", "iter", "joblib", "lightgbm",
                         "multiprocessing", "sgd", "spark", "tracing", "xgboost"), _LIBRARY),
        **dict.fromkeys(("connect", "disconnect", "client"), "programs join by init(address=…)"),
        **dict.fromkeys(("pdb", "rpdb", "ray_debugpy", "debugpy"), _DEBUGGER),
        **dict.fromkeys(("log_once", "disable_log_once_globally", "enable_periodic_logging"), _LOGGING),
        **dict.fromkeys(("register_serializer", "deregister_serializer"), "use copyreg or __reduce__"),
        "get_node_instance_id": "use nodes()",
        "map_unordered": "use as_completed, or ActorPool.map_unordered",
        "inspect_serializability": "the error of a call names what cannot be pickled",
        "list_named_actors": "get_actor finds an actor by its name",
        "metrics": "orrery has no metrics of programs",
        "state": "use `orrery status` and `orrery memory`",
    },
    "exceptions": {
        **dict.fromkeys(("CrossLanguageError", "AuthenticationError", "LocalRayletDiedError", "RaySystemError", "RpcError"),
                        "orrery raises UnavailableError, or OrreryError itself"),
        **dict.fromkeys(("ObjectReconstructionFailedError", "ObjectFetchTimedOutError", "ObjectFreedError",
                         "ReferenceCountingAssertionError"), "orrery raises ObjectLostError"),
        **dict.fromkeys(("TaskUnschedulableError", "ActorUnschedulableError"), "orrery raises InfeasibleError"),
        **dict.fromkeys(("ActorAlreadyExistsError",), "orrery raises AlreadyExistsError, which is a ValueError"),
        **dict.fromkeys(("ActorHandleNotFoundError",), "orrery raises NotFoundError, which is a ValueError"),
        **dict.fromkeys(("UnserializableException", "UserCodeException"), "orrery raises TaskError, with the text"),
        **dict.fromkeys(("RayChannelError", "RayChannelTimeoutError", "RayCgraphCapacityExceeded", "RayDirectTransportError"),
                        "orrery has no channels"),
        "AsyncioActorExit": "exit_actor raises something of its own",
        "ObjectRefStreamEndOfStreamError": "the end of a generator is StopIteration",
        "StreamingGeneratorReplayInconsistentError": "orrery takes from a repeated generator what is missing",
        "OufOfBandObjectRefSerializationException": "orrery raises TypeError",
        "OutOfMemoryError": "orrery does not end workers for the memory they use",
        "PendingCallsLimitExceeded": "a get of the call's ref raises UnavailableError",
        "PlasmaObjectNotAvailable": "orrery waits, or raises GetTimeoutError",
    },
}


def getter(module: str, shown: str, present: dict[str, Any]) -> Callable[[str], Any]:
    """The __getattr__ of a module that stands for Ray's of that name ("" for `ray`). It raises an AttributeError that
    names what is missing and, if Ray has it, says what there is instead.

    shown: what the program calls the module. present: the module's globals.
    """
    def missing(name: str) -> Any:
        why = NAMES[module].get(name)
        if why is None:
            near = [] if name.startswith("_") else difflib.get_close_matches(name, present, 1)
            why = f"did you mean {near[0]}?" if near else "nor has Ray, as far as orrery knows"
        raise AttributeError(f"{shown} has no '{name}': {why} (docs/python.md lists what there is)")
    return missing
