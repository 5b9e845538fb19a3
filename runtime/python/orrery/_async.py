"""Actors with coroutines among their methods: all methods run on one event loop, which has a thread of its own.

Called by the extension module (runtime/python/guest.cc) and by _execute.
"""
from __future__ import annotations

import asyncio
import collections.abc
import concurrent.futures
import inspect
import threading
from typing import Any, AsyncIterator, Iterator, Optional, Sequence

from . import _execute

_execute.OWN_FILES.add(__file__)
_loop: Optional[asyncio.AbstractEventLoop] = None
_running: dict[str, asyncio.Task] = {}
_waiting = concurrent.futures.ThreadPoolExecutor(1000, "orrery-yield")  # one for each call of the actor, at most


def construct(cls: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Starts the loop and makes the actor on it, so that its constructor may use the loop, or be a coroutine. Waits."""
    global _loop
    _loop = asyncio.new_event_loop()
    threading.Thread(target=_serve, args=(_loop,), name="orrery-asyncio", daemon=True).start()
    made: concurrent.futures.Future = concurrent.futures.Future()

    async def make_it() -> None:
        try:
            if inspect.iscoroutinefunction(getattr(cls, "__init__", None)):
                actor = cls.__new__(cls, *args, **kwargs)
                await actor.__init__(*args, **kwargs)
            else:
                actor = cls(*args, **kwargs)
            made.set_result(actor)
        except BaseException as error:  # pylint: disable=broad-except
            made.set_exception(error)
    asyncio.run_coroutine_threadsafe(make_it(), _loop)
    return made.result()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def start(call: Any) -> None:
    """Has a call (a LaterCall) run on the loop. Any thread."""
    assert _loop is not None
    _loop.call_soon_threadsafe(_begin, call)


def cancel(key: str) -> None:
    """Cancels the coroutine of a call, unless it has ended. Any thread."""
    assert _loop is not None
    _loop.call_soon_threadsafe(_cancel, key)


def _begin(call: Any) -> None:
    assert _loop is not None
    task = _loop.create_task(_Steps(_run(call), call))
    _running[call.key] = task
    task.add_done_callback(lambda done: _end(call, done))


def _cancel(key: str) -> None:
    if key in _running:
        _running[key].cancel()


async def _run(call: Any) -> tuple[list, Optional[BaseException]]:
    try:
        name = call.method.decode()
        result = _execute.invoke(name, call.arguments())
        if call.streaming:
            await _stream(call, result)
            return [None], None
        if inspect.isawaitable(result):
            result = await result
        return _execute.values_of(result, call.num_returns, name), None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # pylint: disable=broad-except
        return [], error  # raised, some of these would end the loop


async def _stream(call: Any, result: Any) -> None:
    """Hands over what a generator yields, item by item; threads wait where that has to be waited for."""
    if inspect.isawaitable(result):
        result = await result
    if not inspect.isasyncgen(result):
        result = _as_async(_execute.items_of(result, call.method.decode()))
    loop = asyncio.get_running_loop()
    async for item in result:
        if not await loop.run_in_executor(_waiting, call.yield_item, item):
            await result.aclose()
            return


async def _as_async(items: Iterator[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def _end(call: Any, task: asyncio.Task) -> None:
    del _running[call.key]
    values, error = ([], asyncio.CancelledError("the task was cancelled")) if task.cancelled() else task.result()
    if error is None:
        try:
            return call.finish(values)
        except BaseException as unpicklable:  # pylint: disable=broad-except
            error = unpicklable
    if isinstance(error, _execute.ActorExit):
        return call.exit()
    if isinstance(error, SystemExit):
        _execute.leave(error)
    return call.fail(*_execute.describe(error))


class _Steps(collections.abc.Coroutine):
    """A coroutine during each of whose steps this thread is known to run a certain call."""

    __slots__ = ("_coroutine", "_call")

    def __init__(self, coroutine: Any, call: Any):
        self._coroutine = coroutine
        self._call = call

    def send(self, value: Any) -> Any:
        self._call.enter()
        try:
            return self._coroutine.send(value)
        finally:
            self._call.leave()

    def throw(self, *error: Any) -> Any:
        self._call.enter()
        try:
            return self._coroutine.throw(*error)
        finally:
            self._call.leave()

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> "_Steps":
        return self
