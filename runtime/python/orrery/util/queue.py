"""A queue that tasks, actors and drivers share (ray.util.queue): first in, first out, kept by an async actor."""
from __future__ import annotations

import asyncio
from queue import Empty, Full
from typing import Any, Iterable, Optional

from .. import _actors
from .._objects import get
from .._remote import remote

__all__ = ["Empty", "Full", "Queue"]


class Queue:
    """Handles may be passed to tasks and actors; all are of one queue, which ends with the last of them.

    `maxsize` 0: any number of items. `actor_options`: those of the actor that keeps the items.
    """

    def __init__(self, maxsize: int = 0, actor_options: Optional[dict] = None):
        self.maxsize = max(0, maxsize)
        self.actor = remote(_QueueActor).options(**(actor_options or {})).remote(self.maxsize)

    def __len__(self) -> int:
        return self.size()

    def size(self) -> int:
        """How many items there are now."""
        return get(self.actor.qsize.remote())

    qsize = size

    def empty(self) -> bool:
        """Whether there is no item now."""
        return self.size() == 0

    def full(self) -> bool:
        """Whether there is no room now."""
        return 0 < self.maxsize <= self.size()

    def put(self, item: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Adds an item. Full when there was no room within `timeout` seconds, or (not block) at once."""
        if not get(self.actor.put.remote(item, _limit(block, timeout))):
            raise Full

    async def put_async(self, item: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """put() for coroutines."""
        if not await self.actor.put.remote(item, _limit(block, timeout)):
            raise Full

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Takes the oldest item. Empty when there was none within `timeout` seconds, or (not block) at once."""
        return _one(get(self.actor.get.remote(_limit(block, timeout))))

    async def get_async(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """get() for coroutines."""
        return _one(await self.actor.get.remote(_limit(block, timeout)))

    def put_nowait(self, item: Any) -> None:
        """put() that does not wait."""
        self.put(item, block=False)

    def get_nowait(self) -> Any:
        """get() that does not wait."""
        return self.get(block=False)

    def put_nowait_batch(self, items: Iterable[Any]) -> None:
        """Adds all of them, or raises Full and adds none."""
        items = list(items)
        if not get(self.actor.put_all.remote(items)):
            raise Full(f"Cannot add {len(items)} items to queue of size {self.size()} and maxsize {self.maxsize}.")

    def get_nowait_batch(self, num_items: int) -> list:
        """Takes so many, or raises Empty and takes none."""
        if not isinstance(num_items, int) or num_items < 0:
            raise ValueError("'num_items' must be a nonnegative integer")
        items = get(self.actor.get_all.remote(num_items))
        if items is None:
            raise Empty(f"Cannot get {num_items} items from queue of size {self.size()}.")
        return items

    def shutdown(self, force: bool = False, grace_period_s: int = 5) -> None:
        """Ends the queue for all who have it; the items are lost. force: whoever waits in it gets ActorDiedError now,
        otherwise after `grace_period_s` seconds, unless all calls have ended before."""
        if not force:
            from .._objects import wait
            wait([self.actor.__ray_terminate__.remote()], timeout=grace_period_s)
        _actors.kill(self.actor)


def _limit(block: bool, timeout: Optional[float]) -> Optional[float]:
    if block and timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
    return timeout if block else 0


def _one(items: list) -> Any:
    if not items:
        raise Empty
    return items[0]


class _QueueActor:
    """Keeps the items. A timeout of None: for ever; of 0: does not wait."""

    def __init__(self, maxsize: int):
        self.queue: asyncio.Queue = asyncio.Queue(maxsize)

    def qsize(self) -> int:
        """How many there are."""
        return self.queue.qsize()

    async def put(self, item: Any, timeout: Optional[float]) -> bool:
        """Whether there was room."""
        try:
            if timeout == 0:
                self.queue.put_nowait(item)
            else:
                await asyncio.wait_for(self.queue.put(item), timeout)
        except (asyncio.QueueFull, asyncio.TimeoutError):
            return False
        return True

    async def get(self, timeout: Optional[float]) -> list:
        """The oldest, or none."""
        try:
            if timeout == 0:
                return [self.queue.get_nowait()]
            return [await asyncio.wait_for(self.queue.get(), timeout)]
        except (asyncio.QueueEmpty, asyncio.TimeoutError):
            return []

    def put_all(self, items: list) -> bool:
        """Adds all, or none."""
        if 0 < self.queue.maxsize < self.queue.qsize() + len(items):
            return False
        for item in items:
            self.queue.put_nowait(item)
        return True

    def get_all(self, count: int) -> Optional[list]:
        """Takes so many, or none."""
        if self.queue.qsize() < count:
            return None
        return [self.queue.get_nowait() for _ in range(count)]
