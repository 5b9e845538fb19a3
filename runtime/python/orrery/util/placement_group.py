"""Placement groups: resources that are reserved together, on one node or several (ray.util.placement_group)."""
from __future__ import annotations

from typing import Any, Optional, Union

from .. import _core, _session
from .._objects import ObjectRef
from .._remote import remote

VALID_STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")


class PlacementGroup:
    """A handle: a value that tasks may take. remove_placement_group, or the end of the job, ends the group."""

    def __init__(self, key: tuple[int, int, int], bundles: Optional[list[dict[str, float]]] = None):
        self._key = tuple(key)
        self._bundles = bundles

    @property
    def id(self) -> str:
        owner, index, _ = self._key
        return f"group-{owner >> 32}.{owner & 0xffffffff}.{index}"

    @property
    def bundle_count(self) -> int:
        return self._key[2]

    @property
    def bundle_specs(self) -> list[dict[str, float]]:
        """What each bundle asks for; known to handles of the process that made the group, and their copies."""
        return [dict(bundle) for bundle in self._bundles or []]

    def wait(self, timeout_seconds: Union[float, int, None] = 30) -> bool:
        """Whether all bundles are reserved within that time. None: waits for ever.

        Raises PlacementGroupRemovedError for a group that is gone.
        """
        _session.ensure()
        return _core.wait_group(self._key, -1 if timeout_seconds is None else int(timeout_seconds * 1e9))

    def ready(self) -> ObjectRef:
        """A ref that is ready when the group is: its value is this handle."""
        from .scheduling_strategies import PlacementGroupSchedulingStrategy
        return _ready.options(scheduling_strategy=PlacementGroupSchedulingStrategy(self)).remote(self)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, PlacementGroup) and self._key[:2] == other._key[:2]

    def __hash__(self) -> int:
        return hash(self._key[:2])

    def __repr__(self) -> str:
        return f"PlacementGroup({self.id}, {self.bundle_count} bundles)"

    def __reduce__(self) -> tuple:
        return PlacementGroup, (self._key, self._bundles)


@remote(num_cpus=0)
def _ready(group: PlacementGroup) -> PlacementGroup:
    return group


def placement_group(bundles: list[dict[str, float]], strategy: str = "PACK", name: str = "",
                    lifetime: Optional[str] = None) -> PlacementGroup:
    """Asks for bundles of resources, all or none. Returns at once: wait() and ready() tell when they are reserved.

    bundles: e.g. [{"CPU": 2}, {"CPU": 1, "GPU": 1}]. strategy: PACK, SPREAD, STRICT_PACK or STRICT_SPREAD.
    lifetime: "detached" outlives the job.
    """
    if not isinstance(bundles, list) or not all(isinstance(bundle, dict) for bundle in bundles):
        raise ValueError('bundles is a list of dictionaries, such as [{"CPU": 1}]')
    if strategy not in VALID_STRATEGIES:
        raise ValueError(f"strategy is one of {', '.join(VALID_STRATEGIES)}, not {strategy!r}")
    if lifetime not in (None, "detached"):
        raise ValueError(f"lifetime is None or 'detached', not {lifetime!r}")
    amounts = [{key: float(value) for key, value in bundle.items()} for bundle in bundles]
    _session.ensure()
    return PlacementGroup(_core.create_group(amounts, strategy, name, _session.namespace() if name else "", lifetime == "detached"), amounts)


def remove_placement_group(group: PlacementGroup) -> None:
    """Gives the resources back; tasks and actors inside are killed. Harmless for a group that is gone."""
    _session.ensure()
    _core.remove_group(group._key)


def get_placement_group(placement_group_name: str) -> PlacementGroup:
    """The group of that name in this job. Raises NotFoundError."""
    if not placement_group_name:
        raise ValueError("a placement group is found by its name")
    _session.ensure()
    return PlacementGroup(_core.find_group(placement_group_name, _session.namespace()))


def placement_group_table(group: PlacementGroup) -> dict[str, Any]:
    """State, node of each bundle (None: it has none now), and why the group is not created."""
    _session.ensure()
    state, nodes, why = _core.group_status(group._key)
    return {
        "placement_group_id": group.id,
        "state": state,
        "bundles_to_node_id": {i: f"node-{node}" if node else None for i, node in enumerate(nodes)},
        "bundles": dict(enumerate(group.bundle_specs)),
        "why": why,
    }


def get_current_placement_group() -> Optional[PlacementGroup]:
    """The group that captures what this task submits, or None."""
    key = _core.current_group()
    return None if key is None else PlacementGroup(key)
