"""Orrery's Python API: tasks and objects on a cluster, with the names and the behaviour of Ray's core API.

    import orrery as ray
    ray.init()

    @ray.remote
    def square(x):
        return x * x

    print(ray.get([square.remote(i) for i in range(4)]))
"""
import cloudpickle

from . import _actors as actor
from . import _missing, exceptions
from ._actors import ActorClass, ActorHandle, exit_actor, get_actor, kill, method
from ._cluster import (available_resources, cluster_resources, get_gpu_ids, get_runtime_context, nodes)
from ._generators import DynamicObjectRefGenerator, ObjectRefGenerator
from ._native import cpp_function
from ._objects import ObjectRef, as_completed, cancel, get, put, wait
from ._remote import NodeAffinitySchedulingStrategy, RemoteFunction, remote
from ._session import Context, init, is_initialized, shutdown
from . import util  # needs what is above

__version__ = "0.1.0"
__all__ = [
    "ActorClass", "ActorHandle", "Context", "DynamicObjectRefGenerator", "NodeAffinitySchedulingStrategy", "ObjectRef",
    "ObjectRefGenerator", "RemoteFunction", "actor", "as_completed", "available_resources", "cancel",
    "cloudpickle", "cluster_resources", "cpp_function", "exceptions", "exit_actor", "get", "get_actor", "get_gpu_ids", "get_runtime_context", "init", "is_initialized", "kill", "method",
    "nodes", "put", "remote", "shutdown", "util", "wait",
]
__getattr__ = _missing.getter("", "orrery", globals())
