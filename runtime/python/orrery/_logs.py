"""What workers print arrives at the driver, each line with the worker's process id in front.

A worker links its log file under the job's own name; the driver follows the files of its name. Workers on other machines
keep their logs there.
"""
from __future__ import annotations

import os
import pathlib
import sys
import threading

_VARIABLE = "ORRERY_PYTHON_LOGS"
_POLL_SECONDS = 0.1


def announce() -> None:
    """In a worker: gives the driver this process's log, where there is one."""
    name, folder = os.environ.get(_VARIABLE), os.environ.get("ORRERY_SESSION_DIR")
    try:
        log = os.readlink("/proc/self/fd/1")
        if name and folder and log.startswith("/"):
            os.symlink(log, os.path.join(folder, "logs", f"{name}-{os.getpid()}"))
    except OSError:
        pass  # a worker without its output at the driver is still a worker


class Follower:
    """Copies new lines of the job's workers to the driver's stderr, until stopped."""

    def __init__(self, folder: str, name: str):
        self._folder, self._name = pathlib.Path(folder) / "logs", name
        self._read: dict[pathlib.Path, int] = {}
        self._rest: dict[pathlib.Path, bytes] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orrery-logs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Copies what is there, and removes the links."""
        self._stop.set()
        self._thread.join()
        for link in self._read:
            link.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            self._copy()
        self._copy()

    def _copy(self) -> None:
        for link in self._folder.glob(self._name + "-*"):
            pid = link.name.rpartition("-")[2]
            try:
                with open(link, "rb") as log:
                    log.seek(self._read.get(link, 0))
                    text = log.read(1 << 20)
            except OSError:
                continue
            self._read[link] = self._read.get(link, 0) + len(text)
            *lines, self._rest[link] = (self._rest.get(link, b"") + text).split(b"\n")
            for line in lines:
                if not line.endswith(b"ends: the node manager ends it"):
                    print(f"(pid={pid}) {line.decode(errors='replace')}", file=sys.stderr, flush=True)


def name_of_job() -> str:
    """A name for this driver's logs that no other driver has."""
    return f"job-{os.getpid()}-{os.urandom(4).hex()}"


def variables(name: str) -> dict[str, str]:
    """What a worker's environment must say."""
    return {_VARIABLE: name}
