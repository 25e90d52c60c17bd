"""The programs that roles feed to a host's Python or shell, loaded for tests without leaving bytecode beside them."""

import sys
import types
from pathlib import Path

ROLES = Path(__file__).parents[3] / "roles"


def load(path):
    """Return a program below roles/ as a module."""
    source = ROLES / path
    module = types.ModuleType(source.stem)
    module.__file__ = str(source)
    # Dataclasses look their module up by name.
    sys.modules[source.stem] = module
    exec(compile(source.read_text(), source, "exec"), module.__dict__)
    return module
