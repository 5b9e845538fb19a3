"""Who may include whom: DESIGN's table of the house, as data."""
import re

_SEAM = {"runtime/common", "runtime/env", "runtime/messages"}
_COMPONENT = _SEAM | {"runtime/scheduling"}
_COMPONENTS = {"runtime/scheduling", "runtime/gcs", "runtime/node_manager", "runtime/object_store", "runtime/autoscaler",
               "runtime/core_worker"}
_RUNTIME = _SEAM | _COMPONENTS | {"runtime/transport", "runtime/storage", "runtime/providers", "runtime/config", "runtime/api", "runtime/main",
                                   "runtime/python"}
_DECIDING = _SEAM | _COMPONENTS
_SIM = {"sim/scenario", "sim/platform", "sim/faults", "sim/workload", "sim/checkers", "sim/explore", "sim/record"}

# folder -> project folders it may include, besides itself.
ALLOWED = {
    "runtime/common": set(),
    "runtime/env": {"runtime/common"},
    "runtime/messages": {"runtime/common", "runtime/env"},
    "runtime/scheduling": {"runtime/common"},
    "runtime/gcs": _COMPONENT,
    "runtime/autoscaler": _COMPONENT,
    "runtime/core_worker": _COMPONENT,
    "runtime/object_store": _SEAM,
    "runtime/node_manager": _COMPONENT | {"runtime/object_store"},
    "runtime/transport": _SEAM,
    "runtime/storage": _SEAM | {"runtime/transport"},
    "runtime/providers": _SEAM | {"runtime/transport"},
    # Files that people write: read by the command and by scenarios, never by what decides.
    "runtime/config": {"runtime/common", "runtime/scheduling", "runtime/autoscaler"},
    "runtime/api": _RUNTIME - {"runtime/main"},
    "runtime/python": _RUNTIME - {"runtime/main"},
    "runtime/main": _RUNTIME,
    "sim/engine": _DECIDING,
    # Read by the live replayer too, which must not load SimGrid: they know nothing of the engine.
    "sim/scenario": _DECIDING | {"runtime/config"},
    "sim/record": _DECIDING | {"sim/scenario"},
    "sim/workload": _DECIDING | {"sim/scenario"},
    "sim/replay": _RUNTIME - {"runtime/main"} | {"sim/scenario", "sim/record", "sim/workload"},
    "sim/platform": _DECIDING | {"sim/engine", "sim/scenario", "sim/record", "sim/workload"},
    "sim/faults": _DECIDING | {"sim/engine", "sim/scenario", "sim/record", "sim/workload", "sim/platform"},
    "sim/checkers": _DECIDING | {"sim/engine", "sim/scenario", "sim/record", "sim/workload", "sim/platform"},
    "sim/explore": _DECIDING | _SIM | {"sim/engine"},
    "sim/main": _DECIDING | _SIM | {"sim/engine", "runtime/config"},
}
# The engine's public headers; its others are its own.
ENGINE_PUBLIC = {"sim/engine/engine.h", "sim/engine/types.h", "sim/engine/digest.h", "sim/engine/event_log.h"}
ENGINE_FRIENDS = {"sim/engine", "sim/platform"}

# Packages with one home. (prefix of the include, folders that may, in headers too)
PACKAGES = [
    ("simgrid", {"sim/engine", "sim/platform"}, True),
    ("asio", {"runtime/transport", "runtime/main", "runtime/api", "runtime/providers"}, True),
    ("yaml-cpp", {"runtime/config"}, False),
    ("nlohmann", {"runtime/transport", "runtime/providers", "runtime/config", "sim/record", "sim/scenario", "sim/main", "sim/replay", "runtime/main"}, False),
    ("CLI/", {"runtime/main", "sim/main", "sim/replay"}, False),
    ("libfccp", {"sim/scenario"}, False),
    ("boost/", {"sim/scenario", "sim/workload", "sim/engine"}, False),
    ("sqlite3", {"runtime/storage"}, False),
    ("tsl/", {"runtime/common"}, True),
]


def check_includes(source):
    """Yields (line, rule, message)."""
    if source.path.split("/")[0] not in ("runtime", "sim"):
        return
    folder = source.folder
    for line, path, system in source.includes():
        yield from _check_package(source, line, path, folder)
        target = "/".join(path.split("/")[:2])
        if system or path.split("/")[0] not in ("runtime", "sim", "tests"):
            continue
        if path.startswith("tests/"):
            yield line, "include", "the product does not include tests"
        elif folder not in ALLOWED:
            yield line, "include", f"folder {folder} is not in the table of tests/tidy/rules_includes.py: add its rule"
        elif target != folder and target not in ALLOWED[folder]:
            may = ", ".join(sorted(ALLOWED[folder])) or "the standard library alone"
            yield line, "include", f"{folder} must not include {target} (it may: {may})"
        elif target == "sim/engine" and folder not in ENGINE_FRIENDS and path not in ENGINE_PUBLIC:
            yield line, "include", f"{path} is inside the engine; include one of {', '.join(sorted(ENGINE_PUBLIC))}"


def _check_package(source, line, path, folder):
    for prefix, homes, headers in PACKAGES:
        if not path.startswith(prefix):
            continue
        if folder not in homes:
            yield line, "package", f"<{path}> belongs in {' or '.join(sorted(homes))} only"
        elif not headers and source.path.endswith(".h"):
            yield line, "package", f"<{path}> is slow to compile: include it in .cc files, hide it behind a struct here"


def check_links(source):
    """CMake link lists obey the same table."""
    match = re.fullmatch(r"(runtime|sim)/(\w+)/CMakeLists.txt", source.path)
    if not match:
        return
    folder = f"{match.group(1)}/{match.group(2)}"
    for found in re.finditer(r"orrery::(\w+)", source.text):
        target = next((f"{top}/{found.group(1)}" for top in ("runtime", "sim") if f"{top}/{found.group(1)}" in ALLOWED), None)
        if target and target != folder and target not in ALLOWED.get(folder, set()):
            yield source.line_of(found.start()), "link", f"{folder} must not link {target}"
    for found in re.finditer(r"PkgConfig::SIMGRID", source.text):
        if folder not in ("sim/engine", "sim/platform"):
            yield source.line_of(found.start()), "link", "only sim/engine and sim/platform link SimGrid"
