"""Files and variables that the workers of a job have: `init(runtime_env={"working_dir": ".", "py_modules": […]})`.

The driver packs folders into zip files and puts them into the GCS's key-value store, named by their content. The first worker
of a node that needs one unpacks it into the session's folder; it goes with the cluster.
"""
from __future__ import annotations

import difflib
import fcntl
import fnmatch
import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
import types
import uuid
import zipfile
from typing import Any, Iterator, Optional

from . import _core
from .exceptions import RuntimeEnvSetupError

_VARIABLE = "ORRERY_RUNTIME_ENV"
_LARGEST = 100 << 20  # bytes of a package
_CHUNK = 8 << 20  # of one value of the key-value store
_KNOWN = ("env_vars", "excludes", "py_modules", "working_dir")
_RAYS = ("pip", "uv", "conda", "container", "image_uri", "java_jars", "nsight", "config", "eager_install",
         "setup_timeout_seconds", "worker_process_setup_hook", "py_executable", "rocprof_sys", "mpi")


class RuntimeEnv:
    """What init() was given, checked and packed; ValueError or TypeError names what makes no sense."""

    def __init__(self, given: Optional[dict[str, Any]]):
        given = dict(given or {})
        for key in given:
            if key not in _KNOWN:
                raise ValueError(_unknown(key))
        self.env_vars = {str(key): str(value) for key, value in (given.get("env_vars") or {}).items()}
        self._packages: dict[str, bytes] = {}
        self._space = f"packages/{uuid.uuid4().hex}"
        excludes = given.get("excludes") or []
        if isinstance(excludes, str) or not all(isinstance(pattern, str) for pattern in excludes):
            raise TypeError("runtime_env: excludes is a list of patterns, as in a .gitignore file")
        self.working_dir = self._working_dir = ""
        if given.get("working_dir") is not None:
            folder = _folder("working_dir", given["working_dir"])
            self.working_dir, self._working_dir = str(folder), self._add(folder, "", excludes)
        modules = given.get("py_modules") or []
        if isinstance(modules, (str, os.PathLike)):
            raise TypeError("runtime_env: py_modules is a list")
        self._modules = [self._add(path, path.name, excludes) for path in map(_module, modules)]

    def variables(self) -> dict[str, str]:
        """What the environment of the workers says of it."""
        if not self._packages:
            return dict(self.env_vars)
        told = {"space": self._space, "working_dir": self._working_dir, "py_modules": self._modules}
        return {**self.env_vars, _VARIABLE: json.dumps(told)}

    def upload(self) -> None:
        """Once connected, before the first task."""
        for digest, content in self._packages.items():
            chunks = range(0, len(content), _CHUNK)
            for i, at in enumerate(chunks):
                _core.kv_put(self._space, f"{digest}/{i}", content[at:at + _CHUNK])
            _core.kv_put(self._space, digest, str(len(chunks)).encode())
            self._packages[digest] = b""

    def forget(self) -> None:
        """The job has ended: no worker will ask any more."""
        for digest in self._packages:
            count = _core.kv_get(self._space, digest)
            for key in [f"{digest}/{i}" for i in range(int(count or 0))] + [digest]:
                _core.kv_delete(self._space, key)

    def _add(self, path: pathlib.Path, top: str, excludes: list[str]) -> str:
        content = path.read_bytes() if path.suffix in (".zip", ".whl") and path.is_file() else _packed(path, top, excludes)
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        self._packages[digest] = content
        return digest


def variables_of_call(given: Optional[dict[str, Any]]) -> dict[str, str]:
    """What the runtime_env of one task or actor asks for."""
    for key, value in (given or {}).items():
        if key in _KNOWN and key != "env_vars":
            raise ValueError(f"runtime_env of a task or actor has env_vars only: {key} belongs to the whole job, init(runtime_env=…)")
        if key not in _KNOWN:
            raise ValueError(_unknown(key))
        if not isinstance(value, dict):
            raise TypeError(f"runtime_env: env_vars is a dict, not {type(value).__qualname__}")
    return {str(key): str(value) for key, value in (given or {}).get("env_vars", {}).items()}


def _unknown(key: str) -> str:
    if key in _RAYS:
        return f"runtime_env: orrery does not know {key!r}; there are: {', '.join(_KNOWN)}"
    near = difflib.get_close_matches(key, _KNOWN, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"runtime_env has no {key!r}; {hint}there are: {', '.join(_KNOWN)}"


def _folder(what: str, given: Any) -> pathlib.Path:
    if not isinstance(given, (str, os.PathLike)):
        raise TypeError(f"runtime_env: {what} is the path of a folder, not {type(given).__qualname__}")
    if "://" in str(given):
        raise ValueError(f"runtime_env: {what} is a folder or a .zip file of this machine, not {given!r}")
    path = pathlib.Path(given).resolve()
    if not path.is_dir() and not (path.is_file() and path.suffix == ".zip"):
        raise ValueError(f"runtime_env: {what}: there is no folder or .zip file {str(given)!r}")
    return path


def _module(given: Any) -> pathlib.Path:
    if isinstance(given, types.ModuleType):
        return pathlib.Path(next(iter(getattr(given, "__path__", [])), None) or given.__file__ or "").resolve()
    path = pathlib.Path(given).resolve() if isinstance(given, (str, os.PathLike)) else None
    if path is None:
        raise TypeError(f"runtime_env: py_modules takes paths and modules, not {type(given).__qualname__}")
    if not path.is_dir() and not (path.is_file() and path.suffix in (".py", ".zip", ".whl")):
        raise ValueError(f"runtime_env: py_modules: there is no folder, .py, .zip or .whl file {str(given)!r}")
    return path


def _packed(path: pathlib.Path, top: str, excludes: list[str]) -> bytes:
    """A zip file that is the same for the same files. `top`: the folder inside that they are in."""
    buffer, sizes = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, name in _files(path, top, excludes):
            sizes.append((file.stat().st_size, name))
            if sum(size for size, _ in sizes) > _LARGEST:
                largest = ", ".join(f"{name} ({size >> 20} MiB)" for size, name in sorted(sizes, reverse=True)[:5])
                raise ValueError(f"runtime_env: {path} has more than {_LARGEST >> 20} MiB; the largest files so far: "
                                 f"{largest}. Name what workers do not need in excludes, or in its .gitignore")
            info = zipfile.ZipInfo(name)  # of 1980, so that only contents count
            info.external_attr = (file.stat().st_mode & 0o777) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())
    return buffer.getvalue()


def _files(path: pathlib.Path, top: str, excludes: list[str]) -> Iterator[tuple[pathlib.Path, str]]:
    if path.is_file():
        yield path, path.name
        return
    patterns = list(excludes)
    ignored = path / ".gitignore"
    if ignored.is_file():
        patterns = ignored.read_text().splitlines() + patterns
    for folder, folders, names in os.walk(path):
        here = pathlib.Path(folder).relative_to(path)
        folders[:] = sorted(name for name in folders if name not in (".git", "__pycache__")
                            and not _excluded(str(here / name), True, patterns))
        for name in sorted(names):
            file = pathlib.Path(folder, name)
            if file.is_file() and not _excluded(str(here / name), False, patterns):
                yield file, str(pathlib.PurePosixPath(top, here, name))


def _excluded(name: str, is_folder: bool, patterns: list[str]) -> bool:
    """By the rules of .gitignore: the last pattern that fits decides; "!" brings back, "/" at the end is for folders, "/"
    elsewhere binds it to the top."""
    excluded = False
    for line in patterns:
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.startswith("!")
        pattern = pattern[wanted:]
        if pattern.endswith("/"):
            if not is_folder:
                continue
            pattern = pattern[:-1]
        bound = "/" in pattern
        pattern = pattern.lstrip("/")
        subject = name if bound else name.rpartition("/")[2]
        if fnmatch.fnmatchcase(subject, pattern):
            excluded = not wanted
    return excluded


# ---- in workers ----

def enter() -> None:
    """Before the first task: the job's files are unpacked, found by imports, and the working directory is theirs."""
    text = os.environ.get(_VARIABLE)
    if not text:
        return
    told = json.loads(text)
    try:
        folders = [_unpacked(told["space"], digest) for digest in told["py_modules"]]
        if told["working_dir"]:
            folders.insert(0, _unpacked(told["space"], told["working_dir"]))
            os.chdir(folders[0])
    except (OSError, zipfile.BadZipFile) as error:
        raise RuntimeEnvSetupError(f"the job's files could not be unpacked: {error}") from error
    sys.path[:0] = folders


def _unpacked(space: str, digest: str) -> str:
    """The folder of a package on this node, which the first that asks makes."""
    base = pathlib.Path(_core.session_folder(), "packages")
    base.mkdir(mode=0o700, exist_ok=True)
    target, unfinished = base / digest, base / f"{digest}.part"
    with open(base / f"{digest}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            shutil.rmtree(unfinished, ignore_errors=True)  # of a worker that was killed
            _extract(_fetched(space, digest), unfinished)
            unfinished.rename(target)
    return str(target)


def _fetched(space: str, digest: str) -> bytes:
    count = _core.kv_get(space, digest)
    chunks = [_core.kv_get(space, f"{digest}/{i}") for i in range(int(count or 0))]
    content = b"".join(chunk or b"" for chunk in chunks)
    if hashlib.blake2b(content, digest_size=16).hexdigest() != digest:
        raise RuntimeEnvSetupError(f"the cluster does not have the job's package {digest}: has its driver ended?")
    return content


def _extract(content: bytes, folder: pathlib.Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        folder.mkdir(mode=0o700)
        for info in archive.infolist():
            path = archive.extract(info, folder)  # which takes no name out of the folder
            if info.external_attr >> 16 and not info.is_dir():
                os.chmod(path, (info.external_attr >> 16) & 0o777)
