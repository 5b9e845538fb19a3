"""What tasks and actors may ask for alike: resources and placement, checked and as the extension module takes them."""
from __future__ import annotations

import difflib
from typing import Any


#: Options of Ray's that change nothing here: there are no task events, and nobody reads the rest.
_WITHOUT_EFFECT = {"enable_task_events", "_metadata", "_labels"}


def checked(given: dict[str, Any], defaults: dict[str, Any], not_yet: set[str]) -> dict[str, Any]:
    """The given options, complete; ValueError names what makes no sense."""
    given = {key: value for key, value in given.items() if key not in _WITHOUT_EFFECT}
    for key, value in given.items():
        if key in not_yet and not value:
            continue
        if key in not_yet:
            raise ValueError(f"the option {key} is not supported by orrery yet")
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"there is no option {key}; {hint}there are: {', '.join(sorted(defaults))}")
    options = {**defaults, **{key: value for key, value in given.items() if value is not None}}
    for key in ("num_cpus", "num_gpus", "memory"):
        if options[key] is not None and options[key] < 0:
            raise ValueError(f"{key} is not negative")
    for key in ("CPU", "GPU", "memory"):
        if key in options["resources"]:
            raise ValueError(f"resources does not hold {key}: there is an option of its own for that")
    return options


def needs(options: dict[str, Any]) -> dict[str, Any]:
    """Resources and placement, but num_cpus, as the extension module takes them."""
    strategy = options["scheduling_strategy"]
    affinity = strategy if hasattr(strategy, "node_id") else None
    group = strategy if hasattr(strategy, "placement_group_bundle_index") else None
    if affinity is None and group is None and strategy not in ("DEFAULT", "SPREAD"):
        raise ValueError("scheduling_strategy is 'DEFAULT', 'SPREAD', a NodeAffinitySchedulingStrategy or a "
                         f"PlacementGroupSchedulingStrategy, not {strategy!r}")
    resources = {key: float(value) for key, value in options["resources"].items()}
    if options["accelerator_type"]:  # as in Ray: a trace of the resource that such nodes have
        resources[f"accelerator_type:{options['accelerator_type']}"] = 0.001
    return {
        "num_gpus": float(options["num_gpus"]),
        "memory": int(options["memory"]),
        "resources": resources,
        "name": options["name"],
        "spread": strategy == "SPREAD",
        "node": None if affinity is None else affinity.node_id,
        "soft": affinity is not None and affinity.soft,
        "group": None if group is None else group.placement_group._key,
        "bundle": -1 if group is None else group.placement_group_bundle_index,
        "capture": group is not None and group.placement_group_capture_child_tasks,
        "labels": _selector(options["label_selector"]),
        "fallbacks": [_fallback(one) for one in options["fallback_strategy"]],
    }


def _selector(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value if isinstance(value, str) else list(value) for key, value in given.items()}


def _fallback(given: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(given, dict) or set(given) != {"label_selector"}:
        raise ValueError(f'fallback_strategy is a list of {{"label_selector": {{...}}}}, which does not fit {given!r}')
    return _selector(given["label_selector"])
