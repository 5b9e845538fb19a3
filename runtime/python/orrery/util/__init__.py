"""What Ray keeps in ray.util: actor pools, queues, placement groups and scheduling strategies."""
from .. import _missing
from .._cluster import get_node_ip_address
from .._objects import as_completed
from . import accelerators, queue, scheduling_strategies
from .actor_pool import ActorPool
from .placement_group import (PlacementGroup, get_current_placement_group, get_placement_group, placement_group,
                              placement_group_table, remove_placement_group)

__all__ = [
    "ActorPool", "PlacementGroup", "accelerators", "as_completed", "get_node_ip_address", "get_current_placement_group", "get_placement_group", "placement_group",
    "placement_group_table", "queue", "remove_placement_group", "scheduling_strategies",
]
__getattr__ = _missing.getter("util", "orrery.util", globals())
