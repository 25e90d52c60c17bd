"""What all sandboxes of one machine share: who is there, one lock, one mount namespace, firewall chains."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.files import write_json
from dgops.sandbox import locks
from dgops.sandbox.containers import engine as engines
from dgops.sandbox.containers import firewall, namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.sandbox.containers.engine import Engine
    from dgops.sandbox.layout import Layout


def silent(_line: str) -> None:
    """Report nothing."""


RUN = Path("/run/dgops-sandbox")
IMAGES = "localhost/dgops-sandbox"
_WAIT = 900


@contextmanager
def at_work(layout: Layout, report: Callable[[str], None] = silent) -> Iterator[Engine]:
    """Have this sandbox for ourselves, registered, with an engine that works; whoever else wants it waits."""
    engines.require_root()
    program = engines.program()
    with ExitStack() as stack:
        while True:
            descriptor = stack.enter_context(locks.hold(_tenant(layout), _WAIT, report))
            with locks.hold(RUN / "lock", _WAIT):
                # The last sandbox to leave may have taken the folder away between the two locks.
                if locks.is_current(descriptor, _tenant(layout)):
                    engine = _enter(layout, program)
                    break
            stack.close()
        engine.await_orphans()
        yield engine


def _enter(layout: Layout, program: str) -> Engine:
    before = RUN / "firewall.json"
    if not before.is_file():
        write_json(before, sorted(firewall.all_chains()))
    _tenant(layout).write_text(f"{layout.folder}\n")
    return engines.find(program, RUN, _calls(layout))


def require_root() -> None:
    """Refuse where containers with a network of their own cannot be made."""
    engines.require_root()


def look(layout: Layout) -> Engine | None:
    """Return an engine to look with while others work, or None where this sandbox has not been up since boot."""
    if not is_registered(layout):
        return None
    program = engines.program()
    with locks.hold(RUN / "lock", _WAIT):
        return engines.find(program, RUN, _calls(layout)) if is_registered(layout) else None


def has_traces() -> bool:
    """Tell whether anything that sandboxes share is left on this machine, and may be taken away by us."""
    return RUN.exists() and os.geteuid() == 0


def is_registered(layout: Layout) -> bool:
    """Tell whether this sandbox has anything on the machine since it started."""
    return _tenant(layout).is_file() and bool(_tenant(layout).read_text())


def leave(layout: Layout, engine: Engine | None) -> list[str]:
    """Sign the sandbox out; the last one takes what was shared along. Returns who else is still there."""
    with locks.hold(RUN / "lock", _WAIT):
        _tenant(layout).unlink(missing_ok=True)
        others = [path for path in (RUN / "tenants").glob("*") if _is_alive(path, engine)]
        if others:
            _calls(layout).unlink(missing_ok=True)
            return [path.read_text().strip() for path in others]
        if engine:
            _remove_images(engine)
        # Containers that are nobody's sandbox may stand on the same chains.
        if (RUN / "firewall.json").is_file() and not (engine and engine.call("ps", "--quiet").strip()):
            firewall.drop_since(json.loads((RUN / "firewall.json").read_text()))
        namespace.remove(RUN)
        shutil.rmtree(RUN)
    return []


def image_name(suite: str, digest: str) -> str:
    """Return the name of the image that a recipe's file system is imported as."""
    return f"{IMAGES}:{suite}-{digest}"


def _tenant(layout: Layout) -> Path:
    return RUN / "tenants" / layout.identity


def _calls(layout: Layout) -> Path:
    folder = RUN / "calls"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / layout.identity


def _is_alive(tenant: Path, engine: Engine | None) -> bool:
    """Tell whether another sandbox is at work or still has containers; a dead one is forgotten."""
    if locks.is_held(tenant):
        return True
    if engine and tenant.read_text() and engine.names("container", f"dgops-{tenant.name}-"):
        return True
    tenant.unlink(missing_ok=True)
    return False


def _remove_images(engine: Engine) -> None:
    listed = engine.call("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for image in listed:
        if image.startswith(f"{IMAGES}:"):
            engine.attempt("rmi", image)
