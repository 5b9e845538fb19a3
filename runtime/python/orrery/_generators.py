"""Generators: tasks and methods that yield; what they yield is handed out ref by ref, while they go on."""
from __future__ import annotations

import asyncio
import inspect
from typing import Any, Iterable, Iterator, Optional, Union

from . import _core
from ._core import ObjectRef

STREAMING, DYNAMIC = "streaming", "dynamic"
#: The option by which a generator pauses while that many of its items have not been taken; Ray's name.
BACKPRESSURE = "_generator_backpressure_num_objects"
_FOREVER = -1
#: Some call of this process had num_returns="dynamic".
any_dynamic = False


class ObjectRefGenerator:
    """The items of a generator, in order: iterate over it, or `async for` in a coroutine, or pass it to wait().

    Each step waits until the next item is there and gives its ref; get() of a ref raises what the generator failed with.
    Without it the items that were not taken are let go, and the generator is closed at its next yield.
    """

    def __init__(self, end: ObjectRef):
        self._stream = _core.Stream(end)

    def __iter__(self) -> "ObjectRefGenerator":
        return self

    def __next__(self) -> ObjectRef:
        return self._stream.next(_FOREVER)

    def __aiter__(self) -> "ObjectRefGenerator":
        return self

    async def __anext__(self) -> ObjectRef:
        loop = asyncio.get_running_loop()
        pending = self._pending()
        # Only waits: an item must not get lost when this coroutine is cancelled meanwhile.
        while not await loop.run_in_executor(None, _core.wait, [pending], 1, 50_000_000):
            pass
        try:
            return self._stream.next(_FOREVER)
        except StopIteration:
            raise StopAsyncIteration from None

    def completed(self) -> ObjectRef:
        """A ref that has its value when the generator has ended; get() of it raises what it failed with."""
        return self._stream.end

    def _pending(self) -> ObjectRef:
        return self._stream.pending()

    def __repr__(self) -> str:
        return f"ObjectRefGenerator({self._stream.end.hex()})"

    def __reduce__(self) -> Any:
        raise TypeError("an ObjectRefGenerator stays with the process that started it: pass the refs that it gives")


class DynamicObjectRefGenerator:
    """What get() gives for a call with num_returns="dynamic": the refs of all items. The last one tells what the generator
    raised, if it did. May be passed on."""

    def __init__(self, refs: Iterable[ObjectRef]):
        self._items = refs
        self._refs: Optional[list[ObjectRef]] = None

    def _all(self) -> list[ObjectRef]:
        if self._refs is None:
            self._refs = list(self._items)
            self._items = iter(self._refs)
        return self._refs

    def __iter__(self) -> Iterator[ObjectRef]:
        return iter(self._all())

    def __next__(self) -> ObjectRef:
        self._all()
        return next(self._items)

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"DynamicObjectRefGenerator({self._all()!r})"

    def __reduce__(self) -> Any:
        return DynamicObjectRefGenerator, (self._all(),)


def checked_returns(count: Any) -> Union[int, str]:
    """num_returns, if it makes sense; else ValueError."""
    if count in (STREAMING, DYNAMIC):
        return count
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"num_returns is a number >= 0, 'streaming' or 'dynamic', not {count!r}")
    return count


def checked_backpressure(limit: Any) -> Optional[int]:
    """The bound on items that have not been taken, or None."""
    if limit is None or limit == -1:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit < 1 << 31:
        raise ValueError(f"{BACKPRESSURE} is a number >= 1, or -1 for no bound, not {limit!r}")
    return limit


def default_returns(function: Any) -> Union[int, str]:
    """As in Ray, generators are streaming unless they say otherwise."""
    yields = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    return STREAMING if yields else 1


def native(count: Union[int, str], limit: Optional[int]) -> tuple[int, Optional[int]]:
    """The number of refs, and for a generator the bound (0: none), as the extension module takes them."""
    return (1, limit or 0) if isinstance(count, str) else (max(1, count), None)


def result(refs: list, count: Union[int, str]) -> Any:
    """What .remote() gives for the refs of a call."""
    if count == STREAMING:
        return ObjectRefGenerator(refs[0])
    if count == DYNAMIC:
        global any_dynamic
        any_dynamic = True
        refs[0].items = DynamicObjectRefGenerator(ObjectRefGenerator(refs[0]))
        return refs[0]
    return refs if count else None
