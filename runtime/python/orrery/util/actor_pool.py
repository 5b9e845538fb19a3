"""A pool of actors that share work (ray.util.ActorPool)."""
from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Optional

from .._objects import ObjectRef, get, wait


class ActorPool:
    """Hands each piece of work to an actor that is idle, and keeps what is left until one is.

    `fn(actor, value)` makes the call and returns its ref:

        pool = ActorPool([Worker.remote() for _ in range(4)])
        list(pool.map(lambda worker, n: worker.square.remote(n), range(100)))
    """

    def __init__(self, actors: Iterable[Any]):
        self._idle = list(actors)
        self._busy: dict[ObjectRef, tuple[int, Any]] = {}  # the number of the work, and its actor
        self._refs: dict[int, ObjectRef] = {}              # by number; those whose result was not given out
        self._waiting: list[tuple[Callable[[Any, Any], ObjectRef], Any]] = []
        self._submitted = 0
        self._next = 0

    def submit(self, fn: Callable[[Any, Any], ObjectRef], value: Any) -> None:
        """Adds a piece of work; begins it when an actor is idle."""
        if not self._idle:
            self._waiting.append((fn, value))
            return
        actor = self._idle.pop()
        ref = fn(actor, value)
        self._busy[ref] = (self._submitted, actor)
        self._refs[self._submitted] = ref
        self._submitted += 1

    def has_next(self) -> bool:
        """Whether results are to come."""
        return bool(self._refs) or bool(self._waiting)

    def get_next(self, timeout: Optional[float] = None, ignore_if_timedout: bool = False) -> Any:
        """The next result in the order of submission. StopIteration when there is none, TimeoutError when it is late."""
        if not self.has_next():
            raise StopIteration("No more results to get")
        while self._next not in self._refs and self._next < self._submitted:
            self._next += 1  # given out by get_next_unordered
        if self._next not in self._refs:
            raise ValueError("the pool has no actors: what was submitted waits for push()")
        ref = self._refs[self._next]
        return self._take(ref, timeout, ignore_if_timedout)

    def get_next_unordered(self, timeout: Optional[float] = None, ignore_if_timedout: bool = False) -> Any:
        """The result of whichever piece of work ends first."""
        if not self.has_next():
            raise StopIteration("No more results to get")
        if not self._refs:
            raise ValueError("the pool has no actors: what was submitted waits for push()")
        ready, _ = wait(list(self._refs.values()), num_returns=1, timeout=timeout)
        return self._take(ready[0] if ready else None, 0 if timeout is not None else None, ignore_if_timedout)

    def map(self, fn: Callable[[Any, Any], ObjectRef], values: Iterable[Any]) -> Iterator[Any]:
        """The results for all values, in their order."""
        return self._map(fn, values, self.get_next)

    def map_unordered(self, fn: Callable[[Any, Any], ObjectRef], values: Iterable[Any]) -> Iterator[Any]:
        """The results for all values, as they come."""
        return self._map(fn, values, self.get_next_unordered)

    def has_free(self) -> bool:
        """Whether an actor is idle and nothing waits."""
        return bool(self._idle) and not self._waiting

    def pop_idle(self) -> Optional[Any]:
        """Takes an idle actor out of the pool; None when there is none."""
        return self._idle.pop() if self.has_free() else None

    def push(self, actor: Any) -> None:
        """Adds an actor."""
        if actor in self._idle or any(actor == busy for _, busy in self._busy.values()):
            raise ValueError("Actor already belongs to current ActorPool")
        self._free(actor)

    def _map(self, fn: Callable[[Any, Any], ObjectRef], values: Iterable[Any], take: Callable[[], Any]) -> Iterator[Any]:
        while self.has_next():  # results of earlier work would be taken for these
            try:
                self.get_next(timeout=0, ignore_if_timedout=True)
            except TimeoutError:
                pass
        for value in values:
            self.submit(fn, value)

        def results() -> Iterator[Any]:
            while self.has_next():
                yield take()
        return results()

    def _take(self, ref: Optional[ObjectRef], timeout: Optional[float], drop: bool) -> Any:
        ready = [] if ref is None else wait([ref], timeout=timeout)[0]
        if not ready and not drop:
            raise TimeoutError("Timed out waiting for result")
        if not ready:
            ref = ref or next(iter(self._refs.values()))
        assert ref is not None
        number, actor = self._busy.pop(ref)
        del self._refs[number]
        if number == self._next:
            self._next += 1
        self._free(actor)
        if not ready:
            raise TimeoutError("Timed out waiting for result, which is dropped")
        return get(ref)

    def _free(self, actor: Any) -> None:
        self._idle.append(actor)
        if self._waiting:
            self.submit(*self._waiting.pop(0))
