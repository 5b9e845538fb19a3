"""Values for the option scheduling_strategy, named as in ray.util.scheduling_strategies."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .._remote import NodeAffinitySchedulingStrategy

if TYPE_CHECKING:
    from .placement_group import PlacementGroup

__all__ = ["NodeAffinitySchedulingStrategy", "PlacementGroupSchedulingStrategy"]


class PlacementGroupSchedulingStrategy:
    """Run inside a placement group: in that bundle, or (-1) in the first that has room.

    With placement_group_capture_child_tasks, what the task or actor submits is in the group, too, unless it names a
    strategy itself.
    """

    def __init__(self, placement_group: "PlacementGroup", placement_group_bundle_index: int = -1,
                 placement_group_capture_child_tasks: bool = False):
        count = placement_group.bundle_count
        if not -1 <= placement_group_bundle_index < count:
            raise ValueError(f"{placement_group!r} has no bundle {placement_group_bundle_index}: its {count} count from 0")
        self.placement_group = placement_group
        self.placement_group_bundle_index = placement_group_bundle_index
        self.placement_group_capture_child_tasks = bool(placement_group_capture_child_tasks)
