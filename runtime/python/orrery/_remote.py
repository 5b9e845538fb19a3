"""Functions as tasks: `@remote`, `.remote()` and `.options()`."""
from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Optional, Union

from . import _core, _functions, _generators, _options, _runtime_env, _session
from ._actors import ActorClass

#: What a task may ask for; the meaning is Ray's.
_DEFAULTS: dict[str, Any] = {
    "num_cpus": 1,
    "num_gpus": 0,
    "memory": 0,
    "resources": {},
    "accelerator_type": None,
    "num_returns": None,  # 1; "streaming" of a generator
    _generators.BACKPRESSURE: None,
    "max_retries": None,
    "retry_exceptions": False,
    "scheduling_strategy": "DEFAULT",
    "label_selector": {},
    "fallback_strategy": [],
    "runtime_env": None,
    "name": "",
}
_NOT_YET = {"max_calls"}


class NodeAffinitySchedulingStrategy:
    """Run on one node. soft: elsewhere when it is dead or can never fit."""

    def __init__(self, node_id: Union[str, int], soft: bool = False):
        self.node_id = int(str(node_id).rpartition("-")[2])
        self.soft = soft


def checked_options(given: dict[str, Any]) -> dict[str, Any]:
    """The given options, complete; ValueError or TypeError names what makes no sense."""
    options = _options.checked(given, _DEFAULTS, _NOT_YET)
    if options["num_returns"] is not None:
        _generators.checked_returns(options["num_returns"])
    _generators.checked_backpressure(options[_generators.BACKPRESSURE])
    return options


def _native(options: dict[str, Any]) -> dict[str, Any]:
    """The options as the extension module takes them."""
    return {
        **_options.needs(options),
        "num_cpus": float(options["num_cpus"]),
        "max_retries": options["max_retries"],
        "retry_exceptions": bool(options["retry_exceptions"]),
    }


class RemoteFunction:
    """A function whose calls run as tasks: `f.remote(1)` returns an ObjectRef at once."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]):
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__}: async functions cannot be tasks; methods of actors can")
        self._function = function
        self._options = checked_options(options)
        retry = self._options["retry_exceptions"]
        self._session = 0
        self._task: Any = None
        self._by_value = False
        count = self._options["num_returns"]
        self._count = _generators.default_returns(function) if count is None else count
        retry_on: Optional[list] = None if isinstance(retry, bool) else list(retry)
        if retry is False and isinstance(self._count, int) and inspect.isgeneratorfunction(function):
            retry_on = []  # what it raises is for those refs that it has not come to
        variables = _runtime_env.variables_of_call(self._options["runtime_env"])
        self._besides = None if retry_on is None and not variables else (retry_on, variables)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"a remote function cannot be called directly: use {self._function.__name__}.remote(...)")

    def options(self, **options: Any) -> "RemoteFunction":
        """The same function with other options."""
        given = {**self._options, **options}
        return RemoteFunction(self._function, given)

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Submits a task; its ObjectRef, a list of them when num_returns is more than 1, None when it is 0, an
        ObjectRefGenerator when it is "streaming"."""
        if self._session != _session.number or not self._session:
            self._prepare()
        if self._by_value:
            args = (self._function, *args)
        refs = self._task.submit(args, kwargs, self._besides)
        if self._count == 1:
            return refs[0]
        return _generators.result(refs, self._count)

    def _prepare(self) -> None:
        _session.ensure()
        function = _functions.export(self._function)
        self._by_value = function == _functions.APPLY
        options = _native(self._options)
        options["name"] = options["name"] or self._function.__qualname__
        returns = _generators.native(self._count, _generators.checked_backpressure(self._options[_generators.BACKPRESSURE]))
        self._task = _core.Task(function, options["name"], options, *returns)
        self._session = _session.number

    def __reduce__(self) -> Any:
        return RemoteFunction, (self._function, self._options)


def remote(*args: Any, **options: Any) -> Any:
    """Makes a function or a class remote: `@remote`, `@remote(num_cpus=2)` or `remote(function)`."""
    if len(args) == 1 and not options and callable(args[0]):
        return _make(args[0], {})
    if args:
        raise TypeError("remote takes options by name only: @remote(num_cpus=2)")
    return lambda target: _make(target, options)


def _make(target: Any, options: dict[str, Any]) -> Union[RemoteFunction, ActorClass]:
    if inspect.isclass(target):
        return ActorClass(target, options)
    if isinstance(target, (RemoteFunction, ActorClass)):
        raise TypeError(f"{target.__name__} is remote already; use .options() for other options")
    if not callable(target):
        raise TypeError(f"remote is for functions and classes, not for {target!r}")
    return RemoteFunction(target, options)
