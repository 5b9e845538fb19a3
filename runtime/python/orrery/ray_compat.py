"""Ray's names, for programs that say `import orrery.ray_compat as ray`: what orrery lacks is named when it is used."""
from __future__ import annotations

from typing import Any

from . import *  # noqa: F401,F403
from . import exceptions  # noqa: F401

#: What Ray's module has and this one has not, and what to do instead.
NOT_SUPPORTED = {
    "timeline": "use `orrery live run`, which writes timeline.json",
    "data": "Ray Data is not part of orrery",
    "train": "Ray Train is not part of orrery",
    "tune": "Ray Tune is not part of orrery",
    "serve": "Ray Serve is not part of orrery",
    "rllib": "RLlib is not part of orrery",
}


def __getattr__(name: str) -> Any:
    if name in NOT_SUPPORTED:
        raise AttributeError(f"orrery.ray_compat has no '{name}': {NOT_SUPPORTED[name]} (docs/python.md)")
    raise AttributeError(f"orrery.ray_compat has no '{name}' (docs/python.md lists what there is)")
