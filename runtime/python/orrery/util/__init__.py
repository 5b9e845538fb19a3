"""What Ray keeps in ray.util: actor pools, queues, placement groups and scheduling strategies."""
from .. import _missing
from . import queue, scheduling_strategies
from .actor_pool import ActorPool
from .placement_group import (PlacementGroup, get_current_placement_group, get_placement_group, placement_group,
                              placement_group_table, remove_placement_group)

__all__ = [
    "ActorPool", "PlacementGroup", "get_current_placement_group", "get_placement_group", "placement_group",
    "placement_group_table", "queue", "remove_placement_group", "scheduling_strategies",
]
__getattr__ = _missing.getter("util", "orrery.util", globals())
