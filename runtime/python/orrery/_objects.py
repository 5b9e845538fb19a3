"""get, wait, put, cancel, and refs that can be awaited."""
from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
import types
from typing import Any, Optional, Sequence, Union

from . import _core, _generators, _session
from ._core import ObjectRef
from ._execute import Raised
from ._generators import DynamicObjectRefGenerator, ObjectRefGenerator
from .exceptions import GetTimeoutError

_FOREVER = -1


def _nanoseconds(timeout: Optional[float]) -> int:
    if timeout is None:
        return _FOREVER
    if timeout < 0:
        raise ValueError("timeout is not negative")
    return int(timeout * 1e9)


def _checked(value: Any) -> Any:
    if type(value) is Raised:
        raise value.error()
    return value


def get(refs: Union[ObjectRef, Sequence[ObjectRef]], *, timeout: Optional[float] = None) -> Any:
    """Waits for the value of a ref, or the values of a list of refs, in order; raises what became of a failed task.

    timeout: seconds; GetTimeoutError when they pass first. Arrays lie in shared memory and are read-only.
    """
    if type(refs) is ObjectRef:
        items = getattr(refs, "items", None)
        if items is not None:
            return _dynamic(refs, items, timeout)
        return _checked(_core.get((refs,), _nanoseconds(timeout))[0])
    if not isinstance(refs, (list, tuple)):
        raise TypeError(f"get takes an ObjectRef or a list of them, not {type(refs).__qualname__}")
    _check_refs("get", refs)
    _session.ensure()
    if not refs:
        return []
    if _generators.any_dynamic and any(hasattr(ref, "items") for ref in refs):
        return [get(ref, timeout=timeout) for ref in refs]
    return [_checked(value) for value in _core.get(refs, _nanoseconds(timeout))]


def _dynamic(end: ObjectRef, items: DynamicObjectRefGenerator, timeout: Optional[float]) -> DynamicObjectRefGenerator:
    """The items of a call with num_returns="dynamic", when it has ended; the last one tells what it failed with."""
    if not _core.wait([end], 1, _nanoseconds(timeout)):
        raise GetTimeoutError(f"the generator had not ended within {timeout} s")
    return items


def _check_refs(what: str, refs: Sequence[Any]) -> None:
    for ref in refs:
        if not isinstance(ref, ObjectRef):
            raise TypeError(f"{what} takes ObjectRefs, not {type(ref).__qualname__}: {ref!r}")


def wait(refs: Sequence[ObjectRef], *, num_returns: int = 1, timeout: Optional[float] = None,
         fetch_local: bool = True) -> tuple[list[ObjectRef], list[ObjectRef]]:
    """Waits until `num_returns` of the refs have a value or an error, or `timeout` seconds have passed: (ready, others).

    An ObjectRefGenerator is ready when it has another item, or has ended."""
    del fetch_local  # a value is fetched by get
    if isinstance(refs, ObjectRef):
        raise TypeError("wait takes a list of ObjectRefs, not one")
    refs = list(refs)
    awaited = [ref._pending() if isinstance(ref, ObjectRefGenerator) else ref for ref in refs]
    _check_refs("wait", awaited)
    if len(set(refs)) != len(refs):
        raise ValueError("wait takes each ref once")
    if not 0 < num_returns <= len(refs):
        raise ValueError(f"num_returns is from 1 to the number of refs ({len(refs)}), not {num_returns}")
    chosen = set(_core.wait(awaited, num_returns, _nanoseconds(timeout))[:num_returns])
    return ([ref for i, ref in enumerate(refs) if i in chosen], [ref for i, ref in enumerate(refs) if i not in chosen])


def put(value: Any) -> ObjectRef:
    """Stores a value without a task; pass its ref to several tasks, pickled once."""
    if isinstance(value, ObjectRef):
        raise TypeError("put of an ObjectRef: the ref itself can be passed on")
    _session.ensure()
    return _core.put(value)


def cancel(ref: ObjectRef, *, force: bool = False, recursive: bool = True) -> None:
    """Asks that the task of `ref` does not go on; KeyboardInterrupt is raised in it when it runs. force: its worker is
    killed. recursive: also the tasks that it submitted. Its value becomes TaskCancelledError unless it ends first."""
    if isinstance(ref, ObjectRefGenerator):
        ref = ref.completed()
    if not isinstance(ref, ObjectRef):
        raise TypeError(f"cancel takes an ObjectRef, not {type(ref).__qualname__}")
    _core.cancel(ref, force, recursive)


class _Awaiter:
    """One thread that waits for all refs that are awaited, and completes their futures."""

    _SLICE_NS = 5_000_000  # a ref that comes while others are waited for waits this long at most

    def __init__(self) -> None:
        self._wanted = threading.Condition()
        self._futures: dict[ObjectRef, list[concurrent.futures.Future]] = {}
        self._thread: Optional[threading.Thread] = None

    def future(self, ref: ObjectRef) -> concurrent.futures.Future:
        """Completed with the value or the error of `ref`."""
        future: concurrent.futures.Future = concurrent.futures.Future()
        with self._wanted:
            self._futures.setdefault(ref, []).append(future)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="orrery-await", daemon=True)
                self._thread.start()
            self._wanted.notify()
        return future

    def _run(self) -> None:
        while True:
            with self._wanted:
                while not self._futures:
                    self._wanted.wait()
                refs = list(self._futures)
            try:
                ready = [refs[i] for i in _core.wait(refs, 1, self._SLICE_NS)]
            except Exception as error:  # the session has ended
                self._fail(error)
                continue
            for ref in ready:
                with self._wanted:
                    futures = self._futures.pop(ref)
                self._complete(ref, futures)

    @staticmethod
    def _complete(ref: ObjectRef, futures: list) -> None:
        try:
            value = _checked(_core.get((ref,), _FOREVER)[0])
        except BaseException as error:  # pylint: disable=broad-except
            outcome: Any = error
            for future in futures:
                if future.set_running_or_notify_cancel():
                    future.set_exception(outcome)
            return
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_result(value)

    def _fail(self, error: Exception) -> None:
        with self._wanted:
            futures, self._futures = self._futures, {}
        for waiting in futures.values():
            for future in waiting:
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)


_awaiter = _Awaiter()


def _future(ref: ObjectRef) -> concurrent.futures.Future:
    """A concurrent.futures.Future of the value."""
    return _awaiter.future(ref)


def _await(ref: ObjectRef) -> Any:
    return asyncio.wrap_future(_awaiter.future(ref)).__await__()


def as_completed(refs: Sequence[ObjectRef], timeout: Optional[float] = None) -> Any:
    """Refs of a list as their values come."""
    end = None if timeout is None else time.monotonic() + timeout
    others = list(refs)
    while others:
        left = None if end is None else max(0.0, end - time.monotonic())
        ready, others = wait(others, timeout=left)
        if not ready:
            raise TimeoutError(f"{len(others)} refs were not ready within {timeout} s")
        yield from ready


ObjectRef.__class_getitem__ = classmethod(types.GenericAlias)  # "ObjectRef[int]", in annotations
ObjectRef.future = _future
ObjectRef.__await__ = _await
