"""What a worker does with a task: finds the function, puts the arguments together, calls, describes what goes wrong.

Called by the extension module; see runtime/python/guest.cc.
"""
from __future__ import annotations

import contextlib
import contextvars
import inspect
import os
import pickle
import sys
import traceback
from typing import Any, Iterator, NoReturn, Optional

import cloudpickle

from . import _core, _functions
from ._errors import MARK
from .exceptions import TaskError


def enter() -> None:
    """Before a worker's first task."""
    from . import _native, _runtime_env
    _runtime_env.enter()
    _native.enter()


class Raised:
    """Stands in a result's place: the task failed with an exception that is not to be retried."""

    def __init__(self, message: str, stack: bytes):
        self.message = message
        self.stack = stack

    def error(self) -> TaskError:
        """What whoever asks for the value is told."""
        from . import _errors
        type_name, _, rest = self.stack.partition(b"\n")
        return _errors.task_error(self.message.encode(), type_name, rest)


#: What CUDA, and what is built on it, look at.
_GPUS = "CUDA_VISIBLE_DEVICES"

#: Name of the task or method that the running code belongs to.
task_name: contextvars.ContextVar[bytes] = contextvars.ContextVar("orrery task", default=b"")


def run(function: int, job: int, name: bytes, given: list, gpus: str, num_returns: int) -> list:
    """Runs one task; the values of its returns. gpus: "0,1", those that belong to it."""
    args, kwargs, retry_on, variables = _arguments(given)
    task_name.set(name)
    if not variables and not gpus:
        return _results(_functions.load(function, job), args, kwargs, retry_on, name, num_returns)
    with _environment(variables, gpus):
        return _results(_functions.load(function, job), args, kwargs, retry_on, name, num_returns)


def _results(code: Any, args: Any, kwargs: Any, retry_on: Any, name: bytes, num_returns: int) -> list:
    try:
        result = code(*args, **kwargs)
        if num_returns > 1 and inspect.isgenerator(result):
            return _filled(result, num_returns, name.decode(), retry_on)
    except Exception as error:
        if retry_on is None or isinstance(error, tuple(retry_on)):
            raise
        return [Raised(*describe(error))] * num_returns
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"{name.decode()} is a coroutine function: tasks are plain functions")
    if num_returns == 1:
        return [result]
    return _split(result, num_returns, name.decode())


def stream(function: int, job: int, name: bytes, given: list, gpus: str) -> Iterator[Any]:
    """Runs a task that is a generator."""
    args, kwargs, retry_on, variables = _arguments(given)
    task_name.set(name)
    with _environment(variables, gpus):
        code = _functions.load(function, job)
        try:
            yield from items_of(code(*args, **kwargs), name.decode())
        except Exception as error:
            if retry_on is None or isinstance(error, tuple(retry_on)):
                raise
            yield Raised(*describe(error))


@contextlib.contextmanager
def _environment(given: Optional[dict[str, str]], gpus: str) -> Iterator[None]:
    """A task's environment variables while it runs, as the process runs one at a time."""
    variables = _variables(given, gpus)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def items_of(result: Any, name: str) -> Iterator[Any]:
    """What a function with num_returns="streaming" has returned, to be iterated over."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"{name} is a coroutine function: tasks are plain functions")
    try:
        return iter(result)
    except TypeError:
        raise TypeError(f"{name} is to be a generator, but returned one {type(result).__qualname__}") from None


def _variables(given: Optional[dict[str, str]], gpus: str) -> dict[str, str]:
    return {**({_GPUS: gpus} if gpus else {}), **(given or {})}


class ActorExit(BaseException):
    """exit_actor was called: the process ends, in order."""


_actor: Any = None
#: Of the actor that this process is: a handle of the extension module that does not keep it, its name, its attempt.
self_handle: Any = None
self_name: Optional[str] = None
self_attempt = 0
OWN_FILES = {__file__}


def create(function: int, job: int, given: list, gpus: str, num_returns: int, is_async: bool, handle: Any,
           name: bytes) -> list:
    """Makes this process the actor of a class."""
    global _actor, self_handle, self_name, self_attempt
    args, kwargs, _, variables = _arguments(given)
    os.environ.update(_variables(variables, gpus))  # before the class is imported
    make = _functions.load(function, job)
    if function == _functions.APPLY:
        make, *args = args
    self_handle, self_name, self_attempt = handle, name.decode(), _core.context()["attempt"]
    task_name.set(b"__init__")
    if is_async:
        from . import _async
        _actor = _async.construct(make, args, kwargs)
    else:
        _actor = make(*args, **kwargs)
    return [None] * num_returns


def invoke(name: str, given: list) -> Any:
    """Calls one method of the actor."""
    args, kwargs, _, _ = _arguments(given)
    if name == "__ray_ready__":
        return True
    if name == "__ray_terminate__":
        raise ActorExit
    task_name.set(name.encode())
    return getattr(_actor, name)(*args, **kwargs)


def call(method: bytes, given: list, num_returns: int) -> list:
    """Runs one method of the actor; the values of its returns."""
    name = method.decode()
    try:
        result = invoke(name, given)
    except SystemExit as leaving:
        leave(leaving)
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"{name} gave a coroutine, but its class has no 'async def': there is no event loop to run it")
    return values_of(result, num_returns, name)


def stream_call(method: bytes, given: list) -> Iterator[Any]:
    """Runs one method of the actor that is a generator."""
    name = method.decode()
    try:
        yield from items_of(invoke(name, given), name)
    except SystemExit as leaving:
        leave(leaving)


def values_of(result: Any, num_returns: int, name: str) -> list:
    """What a method has returned, as values of its refs."""
    if name in ("__ray_ready__", "__ray_terminate__"):
        return [result] * num_returns
    if num_returns == 1:
        return [result]
    if inspect.isgenerator(result):
        return _filled(result, num_returns, name, [])
    return _split(result, num_returns, name)


def leave(leaving: SystemExit) -> NoReturn:
    """sys.exit() in a method: the actor's process ends, as any process would; max_restarts counts."""
    code = leaving.code
    if not isinstance(code, int) and code is not None:
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 0xff)


def exit_actor() -> None:
    """Within a method: ends this actor for good; the caller of the method gets ActorDiedError."""
    if _actor is None:
        raise RuntimeError("exit_actor is for methods of actors")
    raise ActorExit


def _arguments(given: list) -> tuple:
    """Positional and named ones, the exception classes that are retried, and environment variables (or None)."""
    if not given:
        return (), {}, None, None
    args, kwargs, *rest = given[0]
    places = rest[0] if rest else ()
    for place, value in zip(places, given[1:]):
        if isinstance(value, Raised):
            raise value.error()
        if isinstance(place, int):
            args[place] = value
        else:
            kwargs[place] = value
    retry_on, variables = (rest[1] if len(rest) > 1 else None) or (None, None)
    return args, kwargs, retry_on, variables


def _filled(items: Iterator[Any], num_returns: int, name: str, retry_on: Any) -> list:
    """The values of a generator's refs. What it raises fails those that it has not come to, unless it is to be retried."""
    values: list = []
    try:
        for item in items:
            values.append(item)
            if len(values) > num_returns:
                raise ValueError(f"{name} has num_returns={num_returns} but yielded more values")
        if len(values) < num_returns:
            raise ValueError(f"{name} has num_returns={num_returns} but yielded {len(values)} values")
        return values
    except Exception as error:
        if retry_on is None or isinstance(error, tuple(retry_on)):
            raise
        if len(values) >= num_returns:  # no ref is left that could tell it
            traceback.print_exc()
        return [*values, *[Raised(*describe(error))] * num_returns][:num_returns]


def _split(result: Any, num_returns: int, name: str) -> list:
    try:
        values = list(result)
    except TypeError:
        raise TypeError(f"{name} has num_returns={num_returns} but returned one {type(result).__qualname__}") from None
    if len(values) != num_returns:
        raise ValueError(f"{name} has num_returns={num_returns} but returned {len(values)} values")
    return values


#: Bytes of a text, and of a pickled exception: a failure travels in messages, which are not made for more.
_LONGEST_TEXT = 64 << 10
_LARGEST_PICKLE = 1 << 20


def describe(error: BaseException) -> tuple[str, bytes]:
    """One line about an exception, and: its class's name, the worker's traceback, the pickled exception."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, TaskError):  # of a child: its type and place matter, this task is only on the way
        message, name, text, original = TaskError._parts(error)
        text += "\nand from there:\n" + _trace(error, chain=False)
    else:
        message, text, original = f"{name}: {_text(error)}", _trace(error), error
    stack = f"{name}\n{_shortened(text)}".encode(errors="replace")
    return _shortened(message), stack + _pickled(original)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as worse:
        return f"(str() of it raised {type(worse).__qualname__})"


def _trace(error: BaseException, chain: bool = True) -> str:
    here = error.__traceback__
    while here is not None and here.tb_frame.f_code.co_filename in OWN_FILES:  # our own frames tell the user nothing
        here = here.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, here, chain=chain))
    except Exception:
        return "".join(traceback.format_tb(here))


def _pickled(error: Any) -> bytes:
    if error is None:
        return b""
    try:
        error = error.with_traceback(None)
        pickled = cloudpickle.dumps(error)
        if len(pickled) > _LARGEST_PICKLE:
            return f"\n(the exception itself is too large to travel: {len(pickled)} bytes)".encode()
        pickle.loads(pickled)  # many exceptions pickle, but cannot be made again
        return MARK + pickled
    except BaseException as why:  # pylint: disable=broad-except
        return f"\n(the exception itself cannot be pickled: {why})".encode(errors="replace")


def on_interrupt(*_: Any) -> None:
    """SIGINT in a worker: raised in the task that was cancelled, and nowhere else."""
    if _core.cancelled():
        raise KeyboardInterrupt("the task was cancelled")
