"""What orrery raises. Every class derives from OrreryError; Ray's names are kept where the meaning is the same."""
from __future__ import annotations

from typing import Any, Optional

from . import _missing


class OrreryError(Exception):
    """Base of all errors of the runtime."""


class TaskError(OrreryError):
    """A task's code raised. Also an instance of the original exception's class, so that `except ValueError` works.

    cause: the original exception, or None when it could not be pickled.
    type_name: name of its class. traceback: of the worker, as text.
    """

    def __init__(self, message: str, type_name: str = "", traceback: str = "", cause: Optional[BaseException] = None):
        Exception.__init__(self, message)
        # Not by attributes: the original's class may have properties of these names.
        self.__dict__.update(message=message, type_name=type_name, traceback=traceback, cause=cause)
        if cause is not None:
            for name, value in getattr(cause, "__dict__", {}).items():
                self.__dict__.setdefault(name, value)

    def _parts(self) -> tuple[str, str, str, Optional[BaseException]]:
        own = self.__dict__
        return own["message"], own["type_name"], own["traceback"], own["cause"]

    def as_instanceof_cause(self) -> "TaskError":
        """Itself: it is of the original's class already, where that is possible. (In Ray it may not be yet.)"""
        return self

    @property
    def traceback_str(self) -> str:
        """Of the worker; Ray's name for it."""
        return TaskError._parts(self)[2]

    def __str__(self) -> str:
        message, _, traceback, _ = TaskError._parts(self)
        return f"{message}\n{traceback}".rstrip()

    def __reduce__(self) -> Any:
        from . import _errors
        return _errors.make, TaskError._parts(self)


class UnreadableValueError(OrreryError):
    """A value arrived, but code of its class, or the import of its module, failed when it was unpickled; see the
    __cause__."""


class WorkerCrashedError(OrreryError):
    """The worker process ended while it ran the task, and no retries were left."""


class NodeDiedError(OrreryError):
    """The worker's node was declared dead, and no retries were left."""


class ActorError(OrreryError):
    """Base of what becomes of calls whose actor is not there."""


class ActorDiedError(ActorError):
    """The actor has ended: it was killed, its constructor failed, or its process was lost and no restarts were left."""


class ActorUnavailableError(ActorError):
    """The actor was lost, or restarted, while the call was under way, and max_task_retries allowed no further attempt."""


class PlacementGroupRemovedError(OrreryError):
    """The placement group that it was to run in, or that was waited for, has been removed."""


class NotFoundError(OrreryError, ValueError):
    """Nothing of that name."""


class AlreadyExistsError(OrreryError, ValueError):
    """The name is taken."""


class TaskCancelledError(OrreryError):
    """The task was cancelled."""


class GetTimeoutError(OrreryError, TimeoutError):
    """The time given to get() passed. The task goes on."""


class ObjectLostError(OrreryError):
    """Every copy of the value is gone, and it cannot be made again."""


class OwnerDiedError(ObjectLostError):
    """The process that owned the value is gone."""


class ObjectStoreFullError(OrreryError):
    """The node's object store has no room for the value and can make none."""


class OutOfDiskError(OrreryError):
    """Nor has the disk that the store would spill to."""


class TooLargeError(OrreryError):
    """A value exceeds a stated limit, such as the size of a node's object store."""


class PreemptedError(OrreryError):
    """It was ended to make room for a job of higher priority, and max_retries=0 forbids to run it again."""


class InfeasibleError(OrreryError):
    """No node of the cluster could ever hold what the task asks for."""


class RuntimeEnvSetupError(OrreryError):
    """The files that the job's runtime_env names could not be made available to a worker."""


class InvalidArgumentError(OrreryError, ValueError):
    """The caller's input makes no sense; nothing was done."""


class UnavailableError(OrreryError, ConnectionError):
    """The cluster, or this process's connection to it, is not there."""


#: Ray's names for the same.
RayError = OrreryError
RayTaskError = TaskError
RayActorError = ActorError
TaskPlacementGroupRemoved = ActorPlacementGroupRemoved = PlacementGroupRemovedError

__getattr__ = _missing.getter("exceptions", "orrery.exceptions", globals())
