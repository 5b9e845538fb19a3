"""From the runtime's errors to Python's, with the remote traceback and the original exception."""
from __future__ import annotations

import pickle
from typing import Any

from . import exceptions

#: Between the text of a failed task's traceback and its pickled exception.
MARK = b"\n\0orrery exception\0"

_CLASSES = {
    "WorkerDied": exceptions.WorkerCrashedError,
    "NodeDied": exceptions.NodeDiedError,
    "OwnerDied": exceptions.OwnerDiedError,
    "ObjectLost": exceptions.ObjectLostError,
    "ActorDied": exceptions.ActorDiedError,
    "ActorUnavailable": exceptions.ActorUnavailableError,
    "PlacementGroupRemoved": exceptions.PlacementGroupRemovedError,
    "Preempted": exceptions.PreemptedError,
    "NotFound": exceptions.NotFoundError,
    "AlreadyExists": exceptions.AlreadyExistsError,
    "Cancelled": exceptions.TaskCancelledError,
    "TimedOut": exceptions.GetTimeoutError,
    "Unavailable": exceptions.UnavailableError,
    "Infeasible": exceptions.InfeasibleError,
    "StoreFull": exceptions.ObjectStoreFullError,
    "DiskFull": exceptions.OutOfDiskError,
    "TooLarge": exceptions.TooLargeError,
    "InvalidArgument": exceptions.InvalidArgumentError,
}


def runtime_error(code: str, message: bytes) -> exceptions.OrreryError:
    """The exception for a StatusCode by its name."""
    return _CLASSES.get(code, exceptions.OrreryError)(message.decode(errors="replace"))


def task_error(message: bytes, type_name: bytes, stack: bytes) -> exceptions.TaskError:
    """The exception of a task whose code failed; its class is also that of the original where that is possible."""
    text, _, pickled = stack.partition(MARK)
    cause = None
    if pickled:
        try:
            cause = pickle.loads(pickled)
        except Exception as unreadable:  # its class may exist in the worker only
            text += f"\n(the exception itself cannot be unpickled here: {unreadable!r})".encode()
    return make(message.decode(errors="replace"), type_name.decode(errors="replace"), text.decode(errors="replace"),
                cause)


def make(message: str, type_name: str, traceback: str, cause: Any) -> exceptions.TaskError:
    """A TaskError that is caught by `except` clauses of its cause's class, too (as Ray's)."""
    cls: type = exceptions.TaskError
    if isinstance(cause, BaseException) and not isinstance(cause, exceptions.TaskError):
        cls = _dual_class(type(cause))
    error = _empty(cls, cause) or exceptions.TaskError.__new__(exceptions.TaskError)
    exceptions.TaskError.__init__(error, message, type_name, traceback, cause)
    if isinstance(cause, BaseException):
        error.__cause__ = cause
    return error


def _empty(cls: type, cause: Any) -> Any:
    """An instance of the class that has not been initialised, or None: some classes insist on arguments."""
    for args in ((), getattr(cause, "args", ())):
        try:
            return cls.__new__(cls, *args)
        except Exception:
            continue
    return None


_dual_classes: dict[type, type] = {}


def _dual_class(cause: type) -> type:
    if not issubclass(cause, Exception):
        return exceptions.TaskError
    if cause not in _dual_classes:
        try:
            _dual_classes[cause] = type(
                f"TaskError({cause.__name__})", (exceptions.TaskError, cause),
                {"__init__": exceptions.TaskError.__init__, "__module__": "orrery.exceptions",
                 "__reduce__": exceptions.TaskError.__reduce__})
        except TypeError:  # incompatible layouts
            _dual_classes[cause] = exceptions.TaskError
    return _dual_classes[cause]
