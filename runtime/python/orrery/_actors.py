"""Classes as actors: `@remote` on a class, handles, methods, names, kill."""
from __future__ import annotations

import difflib
import inspect
import types
from typing import Any, Callable, Optional, Union

from . import _core, _functions, _generators, _options, _runtime_env, _session
from ._execute import exit_actor  # noqa: F401  (orrery.actor.exit_actor, as in Ray)

#: What an actor may ask for; the meaning is Ray's. num_cpus None: a free CPU when it starts, none held afterwards.
_DEFAULTS: dict[str, Any] = {
    "num_cpus": None,
    "num_gpus": 0,
    "memory": 0,
    "resources": {},
    "accelerator_type": None,
    "scheduling_strategy": "DEFAULT",
    "label_selector": {},
    "fallback_strategy": [],
    "name": "",
    "namespace": "",
    "get_if_exists": False,
    "lifetime": "non_detached",
    "max_restarts": 0,
    "max_task_retries": 0,
    "max_pending_calls": -1,
    "max_concurrency": None,  # 1; 1000 when a method is a coroutine
    "concurrency_groups": {},
    "allow_out_of_order_execution": False,
    "runtime_env": None,
}
_ASYNC_CONCURRENCY = 1000
_NOT_YET: set[str] = set()
_RETURNS = "__orrery_num_returns__"
_GROUP = "__orrery_concurrency_group__"
_LIMIT = "__orrery_generator_backpressure__"
_MOST_CALLS = 1_000_000
_BUILT_IN = {"__ray_ready__": 1, "__ray_terminate__": 1}


def method(*, num_returns: Union[int, str, None] = None, concurrency_group: str = "",
           _generator_backpressure_num_objects: Optional[int] = None,
           enable_task_events: bool = True) -> Callable[[Callable], Callable]:
    """Decorates a method of an actor class: its calls return that many refs ("streaming": a generator of them), and run in
    that concurrency group."""
    del enable_task_events  # orrery has none that could be turned off
    if num_returns is not None:
        _generators.checked_returns(num_returns)
    limit = _generators.checked_backpressure(_generator_backpressure_num_objects)

    def mark(function: Callable) -> Callable:
        setattr(function, _RETURNS, _generators.default_returns(function) if num_returns is None else num_returns)
        setattr(function, _LIMIT, limit)
        setattr(function, _GROUP, concurrency_group)
        return function
    return mark


def checked_options(given: dict[str, Any]) -> dict[str, Any]:
    """The given options, complete; ValueError names what makes no sense."""
    options = _options.checked(given, _DEFAULTS, _NOT_YET)
    if options["lifetime"] not in ("detached", "non_detached"):
        raise ValueError(f"lifetime is 'detached' or 'non_detached', not {options['lifetime']!r}")
    if (options["get_if_exists"] or options["namespace"]) and not options["name"]:
        raise ValueError("get_if_exists and namespace are for actors with a name")
    for key in ("max_restarts", "max_task_retries"):
        if options[key] < -1:
            raise ValueError(f"{key} is a number >= 0, or -1 for ever")
    limits = {f"concurrency_groups[{name!r}]": limit for name, limit in options["concurrency_groups"].items()}
    if options["max_concurrency"] is not None:
        limits["max_concurrency"] = options["max_concurrency"]
    for key, limit in limits.items():
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= _MOST_CALLS:
            raise ValueError(f"{key} is a number from 1 to {_MOST_CALLS}, not {limit!r}")
    return options


def _groups_of(cls: type, options: dict[str, Any]) -> list[tuple[str, int, list[str]]]:
    """The concurrency groups: name, limit, and the methods that run there unless a call says otherwise."""
    methods: dict[str, list[str]] = {name: [] for name in options["concurrency_groups"]}
    for name, function in inspect.getmembers(cls, callable):
        group = getattr(function, _GROUP, "")
        if group and group not in methods:
            raise ValueError(f"{cls.__qualname__}.{name} is to run in the concurrency group {group!r}, which the option "
                             f"concurrency_groups does not have; it has: {', '.join(methods) or 'none'}")
        if group:
            methods[group].append(name)
    return [(name, limit, methods[name]) for name, limit in options["concurrency_groups"].items()]


def _is_async(cls: type) -> bool:
    return any(inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
               for _, function in inspect.getmembers(cls, callable))


def _native(cls: type, options: dict[str, Any]) -> dict[str, Any]:
    cpus = options["num_cpus"]
    asyncio = _is_async(cls)
    return {
        **_options.needs(options),
        "num_cpus": None if cpus is None else float(cpus),
        "namespace": options["namespace"] or (_session.namespace() if options["name"] else ""),
        "get_if_exists": bool(options["get_if_exists"]),
        "detached": options["lifetime"] == "detached",
        "max_restarts": int(options["max_restarts"]),
        "max_task_retries": int(options["max_task_retries"]),
        "max_pending_calls": int(options["max_pending_calls"]) or -1,
        "max_concurrency": options["max_concurrency"] or (_ASYNC_CONCURRENCY if asyncio else 1),
        "concurrency_groups": _groups_of(cls, options),
        "allow_out_of_order_execution": bool(options["allow_out_of_order_execution"]),
        "asyncio": asyncio,
    }


#: num_returns of a method, and of a generator the bound on items that have not been taken.
_Returns = tuple[Union[int, str], Optional[int]]


def _methods_of(cls: type) -> dict[str, _Returns]:
    """Names of the methods, with what their calls return."""
    methods = {}
    for name, function in inspect.getmembers(cls, callable):
        if name.startswith("__") and name != "__call__":
            continue
        methods[name] = getattr(function, _RETURNS, _generators.default_returns(function)), getattr(function, _LIMIT, None)
    return methods


class ActorMethod:
    """A method of an actor: `.remote(…)` calls it and returns an ObjectRef at once."""

    def __init__(self, handle: "ActorHandle", name: str, returns: _Returns, group: str = ""):
        self._handle = handle
        self._name = name
        self._num_returns, self._limit = returns
        self._native = _generators.native(*returns)
        self._group = group

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Its ObjectRef, a list of them when num_returns is more than 1, None when it is 0, an ObjectRefGenerator when it
        is "streaming"."""
        refs = self._handle._core.call(self._name, *self._native, self._group, args, kwargs)
        if self._num_returns == 1:
            return refs[0]
        return _generators.result(refs, self._num_returns)

    def options(self, *, num_returns: Union[int, str, None] = None, name: str = "",
                concurrency_group: Optional[str] = None, _generator_backpressure_num_objects: Optional[int] = None,
                enable_task_events: bool = True) -> "ActorMethod":
        """The same method with another number of returns, or in another of its actor's concurrency groups."""
        del name, enable_task_events  # calls go by the name of their method
        count = self._num_returns if num_returns is None else _generators.checked_returns(num_returns)
        limit = _generators.checked_backpressure(_generator_backpressure_num_objects)
        return ActorMethod(self._handle, self._name, (count, self._limit if limit is None else limit),
                           self._group if concurrency_group is None else concurrency_group)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"a method of an actor cannot be called directly: use .{self._name}.remote(...)")


class ActorHandle:
    """Names an actor. Its methods are attributes. The actor ends when its last handle is gone, unless it is detached;
    a handle from get_actor does not keep it."""

    __class_getitem__ = classmethod(types.GenericAlias)  # "ActorHandle[Counter]", in annotations

    def __init__(self, core: Any, methods: Optional[dict[str, _Returns]]):
        self._core = core
        self._methods = methods  # None: found by name, so that only the actor itself knows

    def __getattr__(self, name: str) -> ActorMethod:
        if name in _BUILT_IN:
            return ActorMethod(self, name, (1, None))
        if name.startswith("__") and name != "__call__":
            raise AttributeError(name)
        if self._methods is None:
            return ActorMethod(self, name, (1, None))
        if name in self._methods:
            return ActorMethod(self, name, self._methods[name])
        near = difflib.get_close_matches(name, self._methods, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise AttributeError(f"the actor class {self._core.class_name} has no method {name}{hint}")

    @property
    def _actor_id(self) -> str:
        return self._core.id()

    def __dir__(self) -> list[str]:
        return sorted(self._methods or ())

    def __repr__(self) -> str:
        return f"Actor({self._core.class_name}, {self._core.id()})"

    def __hash__(self) -> int:
        return hash(self._core.id())

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, ActorHandle) and self._core.id() == other._core.id()

    def __reduce__(self) -> Any:
        return _restore, (self._core.encode(), self._core.class_hash, self._core.class_name, self._methods)


def _restore(data: bytes, class_hash: int, class_name: str, methods: Optional[dict[str, _Returns]]) -> ActorHandle:
    return ActorHandle(_core.restore_actor(data, class_hash, class_name), methods)


class ActorClass:
    """A class whose instances are actors: `Counter.remote(1)` starts one and returns its handle at once."""

    def __init__(self, cls: type, options: dict[str, Any]):
        self._cls = cls
        self._options = checked_options(options)
        self._methods = _methods_of(cls)
        variables = _runtime_env.variables_of_call(self._options["runtime_env"])
        self._besides = (None, variables) if variables else None
        self._native: Optional[dict[str, Any]] = None  # the options as the extension module takes them
        self._session = 0
        self._hash = 0
        self.__name__, self.__qualname__, self.__doc__ = cls.__name__, cls.__qualname__, cls.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"actors cannot be instantiated directly: use {self._cls.__name__}.remote(...)")

    def options(self, **options: Any) -> "ActorClass":
        """The same class with other options."""
        return ActorClass(self._cls, {**self._options, **options})

    def remote(self, *args: Any, **kwargs: Any) -> ActorHandle:
        """Starts an actor. With a name: waits until it is known to be free, and raises when it is not."""
        if self._session != _session.number or not self._session:
            _session.ensure()
            self._hash = _functions.export(self._cls, self._options["lifetime"] == "detached")
            self._session = _session.number
            self._native = None
        if self._hash == _functions.APPLY:
            args = (self._cls, *args)
        if self._native is None:
            self._native = _native(self._cls, self._options)
        core = _core.create_actor(self._hash, self._cls.__qualname__, self._native, args, kwargs, self._besides)
        return ActorHandle(core, self._methods)

    def __reduce__(self) -> Any:
        return ActorClass, (self._cls, self._options)


def get_actor(name: str, namespace: Optional[str] = None) -> ActorHandle:
    """A living actor by its name, of this job's namespace unless another is given; NotFoundError (a ValueError)."""
    if not isinstance(name, str) or not name:
        raise ValueError("get_actor takes the name that the actor was given")
    _session.ensure()
    return ActorHandle(_core.find_actor(name, namespace or _session.namespace()), None)


def kill(actor: ActorHandle, *, no_restart: bool = True) -> None:
    """Ends the actor's process at once. no_restart: for good; otherwise max_restarts counts."""
    if not isinstance(actor, ActorHandle):
        raise TypeError(f"kill takes an actor's handle, not {type(actor).__qualname__}; cancel() stops tasks")
    actor._core.kill(no_restart)
