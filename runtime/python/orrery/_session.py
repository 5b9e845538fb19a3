"""The driver's session: its begin, its end, and what belongs to it."""
from __future__ import annotations

import atexit
import os
import pathlib
import sys
import threading
from typing import Any, Optional, Sequence

from . import _core, _functions, _logs, _runtime_env

#: Counts sessions of this process; 0: none is open. Workers have the one they were started for.
number = 0
_last_number = 0
_follower: Optional[_logs.Follower] = None
_environment: Optional[_runtime_env.RuntimeEnv] = None
_namespace = ""
_lock = threading.Lock()
_NAMESPACE = "ORRERY_NAMESPACE"
#: Arguments of Ray's init() that change nothing here: there is no dashboard, and logs are files.
_WITHOUT_EFFECT = {"include_dashboard", "dashboard_host", "dashboard_port", "configure_logging", "logging_level",
                   "logging_format", "logging_config"}
_exit_status = 0


def init(address: Optional[str] = None, *, num_cpus: Optional[float] = None, num_gpus: Optional[float] = None,
         resources: Optional[dict[str, float]] = None, runtime_env: Optional[dict[str, Any]] = None,
         ignore_reinit_error: bool = False, log_to_driver: bool = True, job_name: str = "",
         namespace: Optional[str] = None, object_store_memory: Optional[int] = None, labels: Optional[dict[str, str]] = None,
         settings: Optional[dict[str, str]] = None, code_search_path: Optional[Sequence[str]] = None,
         priority: int = 0, weight: float = 1.0, **others: Any) -> "Context":
    """Connects this process to a cluster, as a driver.

    address: "host:port" of the head, "auto" for one that must be there, "local" for a cluster of one's own. Without it:
    $ORRERY_ADDRESS, else the cluster that runs on this machine, else one is started for this program and ends with it.
    num_cpus, num_gpus, resources, object_store_memory (bytes), labels: of a cluster of one's own. namespace: where the names
    of this job's actors and placement groups are, unless they say otherwise; by default one of the job alone. runtime_env: for the workers: {"env_vars": {…},
    "working_dir": folder, "py_modules": [folders, files or modules], "excludes": [patterns]}; the files go to every node.
    log_to_driver: what workers print is printed here, too. settings: of the runtime, e.g. {"task_max_retries": "0"}.
    code_search_path: libraries whose C++ functions cpp_function calls. priority, weight: of this job, where the cluster's setting job_scheduling is "priority" or "fair_share".
    """
    unknown = sorted(name for name, value in others.items() if name not in _WITHOUT_EFFECT and value not in (None, False))
    if unknown:
        raise TypeError(f"init() of orrery does not know {', '.join(unknown)}")
    with _lock:
        if _core.connected():
            if ignore_reinit_error:
                return Context()
            raise RuntimeError("orrery is connected already: call shutdown() first, or pass ignore_reinit_error=True")
        _use_own_command()
        name = _logs.name_of_job()
        environment = _runtime_env.RuntimeEnv(runtime_env)
        from . import _native
        libraries = _native.checked(code_search_path, environment.working_dir)
        variables = {**environment.variables(), **libraries, **_search_path(), **_logs.variables(name)}
        if namespace:
            variables[_NAMESPACE] = namespace
        given = {
            "address": "" if address in (None, "auto") else address,
            "name": job_name or os.path.basename(sys.argv[0] or "python"),
            "priority": int(priority),
            "weight": float(weight),
            "num_cpus": -1.0 if num_cpus is None else float(num_cpus),
            "num_gpus": float(num_gpus or 0),
            "resources": {key: float(value) for key, value in (resources or {}).items()},
            "object_store_memory": int(object_store_memory or 0),
            "labels": {str(key): str(value) for key, value in (labels or {}).items()},
            "settings": {key: str(value) for key, value in (settings or {}).items()},
        }
        program = str(pathlib.Path(__file__).with_name("_worker.py"))
        _core.connect(given, sys.executable, ["-P", program], variables)
        _opened(name if log_to_driver else None, environment, namespace or "")
        environment.upload()
    return Context()


def _opened(log_name: Optional[str], environment: Optional[_runtime_env.RuntimeEnv] = None, namespace: str = "") -> None:
    global number, _last_number, _follower, _environment, _namespace
    _environment, _namespace = environment, namespace
    _last_number += 1
    number = _last_number
    if log_name:
        _follower = _logs.Follower(_core.session_folder(), log_name)


def namespace() -> str:
    """What init() was given, in the job's workers, too; "": each job has a namespace of its own."""
    return os.environ.get(_NAMESPACE, "") if "ORRERY_WORKER_ID" in os.environ else _namespace


def _search_path() -> dict[str, str]:
    entries = [os.path.abspath(entry) for entry in sys.path]  # "" is the driver's folder
    return {"ORRERY_PYTHON_PATH": os.pathsep.join(entries)}


def _use_own_command() -> None:
    """The `orrery` command that was built or installed with this package."""
    package = pathlib.Path(__file__).parent
    for home in (package, package.parent.parent):
        if (home / "bin" / "orrery").exists():
            os.environ.setdefault("ORRERY_HOME", str(home))
            return


def ensure() -> None:
    """A first call without init() connects as init() does; workers are connected."""
    if not _core.connected():
        init()
    elif not number:
        _opened(None)


def is_initialized() -> bool:
    """A session is open in this process."""
    return _core.connected()


def shutdown() -> None:
    """Ends the session; a cluster that was started for it ends, too. Does nothing when none is open."""
    global number, _follower, _environment
    with _lock:
        if not _core.connected() or "ORRERY_WORKER_ID" in os.environ:
            return
        environment, _environment = _environment, None
        try:
            if environment and not _functions.lasting:  # else an actor that outlives the job needs it
                environment.forget()
            _functions.forget(erase=True)
        except Exception:
            _functions.forget(erase=False)  # the cluster is gone
        follower, _follower, number = _follower, None, 0
        if follower:
            follower.stop()
        _core.disconnect(_exit_status)


class Context:
    """What init() returns: where the cluster is. Ends the session when used in a `with` statement."""

    @property
    def address_info(self) -> dict[str, str]:
        """The head's address and the folder of the session's files."""
        return {"address": _core.gcs_address(), "gcs_address": _core.gcs_address(),
                "session_dir": _core.session_folder()}

    def disconnect(self) -> None:
        """shutdown()."""
        shutdown()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        shutdown()

    def __repr__(self) -> str:
        return f"Context(address={_core.gcs_address()!r})"


def _note_failure(kind: type, error: BaseException, trace: Any, former: Any = sys.excepthook) -> None:
    global _exit_status
    _exit_status = 1
    former(kind, error, trace)


def forget_parent() -> None:
    """In a child that was forked: the parent's session is not the child's, which may open one of its own."""
    global number, _follower
    number, _follower = 0, None
    _functions.forget(erase=False)
    _core.after_fork()


if "ORRERY_WORKER_ID" not in os.environ:
    atexit.register(shutdown)
    sys.excepthook = _note_failure
    os.register_at_fork(after_in_child=forget_parent)
