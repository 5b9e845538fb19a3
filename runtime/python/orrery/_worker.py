"""The program of a worker process: started by the node manager, in the driver's folder, with the driver's search path.

It is a fork server first: the interpreter and this package are loaded once per job and node, and each worker is a copy.

Run as a script with `python -P`, so that no file of the user's folder can take the place of a module of Python's before
the worker stands.
"""
import gc
import os
import signal
import sys


def main() -> int:
    """Serves until the node manager ends this process; the exit code."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from orrery import _core, _execute, _logs, _session
    sys.path.pop(0)
    driver = [entry for entry in os.environ.get("ORRERY_PYTHON_PATH", "").split(os.pathsep) if entry]
    sys.path[:] = driver + [entry for entry in sys.path if entry not in driver]  # imports find what the driver's find
    sys.argv = ["orrery-worker"]
    gc.freeze()  # what is here now stays: collections in the workers need not touch, and so copy, its pages
    worker = _core.serve_forks()
    os.environ.pop("ORRERY_FORK_SERVER", None)
    os.environ["ORRERY_WORKER_ID"] = worker
    sys.stdout.reconfigure(line_buffering=True)
    _logs.announce()
    signal.signal(signal.SIGINT, _execute.on_interrupt)
    os.register_at_fork(after_in_child=_session.forget_parent)
    return _core.serve()


if __name__ == "__main__":
    # Unpickled code looks for its module's names in __main__: this script's own must not be found there.
    sys.modules["orrery._worker_main"] = sys.modules["__main__"]
    sys.modules["__main__"] = type(sys)("__main__")
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
