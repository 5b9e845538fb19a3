"""Values as bytes: pickle protocol 5 with the buffers beside the pickle; cloudpickle for code and what holds code."""
from __future__ import annotations

import pickle
import sys
from typing import Any

import cloudpickle

from . import _core
from .exceptions import UnreadableValueError


def dumps(value: Any) -> tuple[bytes, list]:
    """The pickle of `value` and its out-of-band buffers, in order."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        if _is_array(value):
            return pickle.dumps(value, protocol=5, buffer_callback=buffers.append), buffers
        return cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append), buffers
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise _explained(value, error) from error


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def _explained(value: Any, error: BaseException) -> BaseException:
    kind = type(value).__qualname__
    text = f"orrery cannot send this {kind} to another process: {error}"
    if isinstance(error, RecursionError) or "deep recursion" in str(error):
        return RecursionError(f"{text} (it is nested too deeply to be pickled)")
    return TypeError(text)


def unreadable(error: BaseException) -> UnreadableValueError:
    """What whoever unpickles a value is told when that raises `error`."""
    told = UnreadableValueError(f"a value that arrived cannot be unpickled here: {type(error).__qualname__}: {error}")
    told.__cause__ = error
    return told


def restore_ref(data: bytes) -> _core.ObjectRef:
    """Stands in pickles for the ref that `data` describes: whoever unpickles it holds a reference of its own."""
    return _core.restore_ref(data)
