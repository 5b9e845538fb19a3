"""Functions travel once: pickled, under the hash of the pickle, in the GCS's key-value store, in a space of the job."""
from __future__ import annotations

import hashlib
import pickle
from typing import Any, Callable

from . import _core

#: The function of tasks whose own function holds refs: it travels as the first argument, and dies with the task.
APPLY = int.from_bytes(b"apply   ", "little")

_LASTING = 0  # no job's number

_loaded: dict[int, Callable[..., Any]] = {}
_exported: dict[int, str] = {}  # hash to key, of this session
#: Actors of this session may outlive it.
lasting = False


def _space(job: int) -> str:
    return f"functions/{job}"


def _key(function: int) -> str:
    return f"{function:016x}"


def export(function: Callable[..., Any], for_ever: bool = False) -> int:
    """Makes `function` (or class) known to the job's workers; its hash, or APPLY when it must travel with each call.

    for_ever: it is kept when the job has ended, for an actor that outlives it.
    """
    global lasting
    try:
        code, holds_refs = _core.pickle_function(function)
    except Exception as error:
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"orrery cannot send the function {name} to workers: {error}. What it refers to outside of "
                        "itself is sent with it; make such things inside the function, or pass them") from error
    if holds_refs:
        return APPLY
    digest = int.from_bytes(hashlib.blake2b(code, digest_size=8).digest(), "little")
    if for_ever:
        lasting = True
        _core.kv_put(_space(_LASTING), _key(digest), code)
    elif digest not in _exported:
        _core.kv_put(_space(_core.context()["job"]), _key(digest), code)
        _exported[digest] = _key(digest)
    return digest


def load(function: int, job: int) -> Callable[..., Any]:
    """The function of a hash; in workers."""
    found = _loaded.get(function)
    if found is None:
        found = _loaded[function] = _fetch(function, job)
    return found


def _fetch(function: int, job: int) -> Callable[..., Any]:
    if function == APPLY:
        return _apply
    code = _core.kv_get(_space(job), _key(function)) or _core.kv_get(_space(_LASTING), _key(function))
    if code is None:
        raise RuntimeError(f"the cluster does not know the function {_key(function)}")
    return pickle.loads(code)


def _apply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def forget(erase: bool) -> None:
    """The session ends. `erase`: its functions in the GCS, too, as no worker will ask any more."""
    if erase and _exported:
        job = _core.context()["job"]
        for key in _exported.values():
            _core.kv_delete(_space(job), key)
    _exported.clear()
    global lasting
    lasting = False
