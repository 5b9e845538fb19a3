"""C++ functions by name: `cpp_function("Plus").remote(1, 2)`; the libraries are those of init(code_search_path=[…])."""
from __future__ import annotations

import difflib
import os
from typing import Any, Optional, Sequence

from . import _core
from ._remote import RemoteFunction
from .exceptions import NotFoundError

_VARIABLE = "ORRERY_CODE_PATH"


class NativeFunction:
    """Calls a C++ function of the libraries that this process has loaded."""

    def __init__(self, name: str):
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **unknown: Any) -> Any:
        if unknown:
            raise TypeError(f"{self.__name__} is a C++ function: its arguments have no names, so not {', '.join(unknown)}=…")
        try:
            return _core.call_native(self.__name__, *args)
        except KeyError:
            raise _not_found(self.__name__) from None


def _not_found(name: str) -> NotFoundError:
    there = _core.native_names()
    near = difflib.get_close_matches(name, there, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    libraries = ", ".join(sorted(there)) or "none: name their libraries in init(code_search_path=[…])"
    return NotFoundError(f"no library exposes a C++ function {name!r}{hint} There are: {libraries}")


def cpp_function(name: str) -> RemoteFunction:
    """The C++ function that a library of the job has exposed under that name (orrery/expose.h), as a remote function."""
    if not isinstance(name, str) or not name:
        raise TypeError("cpp_function takes the name that a C++ function was exposed under")
    there = _core.native_names()
    if there and name not in there:
        raise _not_found(name)
    return RemoteFunction(NativeFunction(name), {})


def checked(paths: Optional[Sequence[str]], working_dir: str) -> dict[str, str]:
    """Loads the libraries into the driver, so that what is wrong with them is known at once; what workers are told.

    A library inside of working_dir goes to every node with it; others must be at the same place on each.
    """
    if isinstance(paths, (str, os.PathLike)):
        raise TypeError("code_search_path is a list of paths")
    told = []
    _core.forget_libraries()  # of a former session
    for path in map(os.path.abspath, paths or ()):
        if not os.path.isfile(path):
            raise ValueError(f"code_search_path: there is no file {path!r}")
        _core.load_library(path)
        inside = working_dir and os.path.commonpath([path, working_dir]) == working_dir
        told.append(os.path.relpath(path, working_dir) if inside else path)
    return {_VARIABLE: os.pathsep.join(told)} if told else {}


def enter() -> None:
    """In a worker, before its first task and in its working directory."""
    for path in filter(None, os.environ.get(_VARIABLE, "").split(os.pathsep)):
        _core.load_library(os.path.abspath(path))
