"""Ray's names, for programs that say `import orrery.ray_compat as ray`: what orrery lacks is named when it is used."""
from __future__ import annotations

from . import *  # noqa: F401,F403
from . import _missing

__getattr__ = _missing.getter("", "orrery.ray_compat", globals())
