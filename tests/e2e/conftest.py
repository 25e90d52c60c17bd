"""Sandbox hosts for end-to-end tests: one sandbox per test session (and per xdist worker), hosts by the second."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stock as stocks
from place import Place

from dgops import settings as settings_room
from dgops.errors import DgopsError
from dgops.sandbox import hosts, teardown
from dgops.sandbox.containers import engine, rootfs
from dgops.sandbox.spec import HostSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.sandbox.hosts import SandboxHost
    from dgops.settings import Settings

ENTER = Path(__file__).parent / "alone" / "enter.sh"


@dataclass(frozen=True)
class Project:
    """A folder with a dgops.toml, state and sandbox of its own."""

    root: Path
    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """The environment for commands in this project; the base images' cache is the user's own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DGOPS_")}
        return {
            **kept,
            "DGOPS_STATE": str(self.settings.state),
            "DGOPS_CACHE": str(self.settings.cache),
            "NO_COLOR": "1",
        }

    def dgops(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the command line in this project."""
        argv = [sys.executable, "-c", "from dgops.cli.main import main; main()", *arguments]
        return subprocess.run(
            argv, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )


def make_project(root: Path) -> Project:
    """Make a project in an empty folder."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dgops.toml").write_text("")
    settings = settings_room.load(start=root, options={"state": str(root / ".dgops")})
    return Project(root, settings)


@pytest.fixture(scope="session")
def containers() -> None:
    """Skip where sandbox hosts cannot be had, naming what is missing."""
    try:
        engine.require_root()
        engine.program()
    except DgopsError as error:
        pytest.skip(f"{error.message}; {error.hint}")


@pytest.fixture(scope="session")
def project(containers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project whose sandbox this session's hosts stand in."""
    made = make_project(tmp_path_factory.mktemp("project"))
    yield made
    teardown.down(made.settings)


@pytest.fixture
def make_pod(project: Project) -> Iterator[Callable[..., SandboxHost]]:
    """Return `make_pod(name="", distro="bookworm", kind="pod", **spec)`: a fresh host, taken away after the test."""
    made: list[str] = []

    def make(name: str = "", distro: str = "bookworm", kind: str = "pod", **spec: object) -> SandboxHost:
        made.append(name or f"{kind}{next(_numbers)}")
        return hosts.up([HostSpec(made[-1], kind, distro, **spec)], project.settings)[0]  # type: ignore[arg-type]

    yield make
    for name in made:
        hosts.remove(name, project.settings)


@pytest.fixture(scope="session")
def shared_pods(project: Project) -> Callable[[str], SandboxHost]:
    """Return `shared_pods(distro)`: one pod per distro for the whole session; leave it as you found it."""

    def get(distro: str = "bookworm") -> SandboxHost:
        return hosts.up([HostSpec(f"shared-{distro}", "pod", distro)], project.settings)[0]

    return get


@pytest.fixture(scope="session")
def stock(containers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stocks.Stock]:
    """The stock of ready pods: `stock.give(place, **spec)` starts one, `pod`, as if the place had deployed it."""
    with stocks.shared(stocks.folder_of(tmp_path_factory.getbasetemp())) as found:
        yield found


@pytest.fixture(scope="session")
def ready(stock: stocks.Stock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with one deployed pod, `pod`, for all of this worker's tests that only work on it; leave it ready."""
    found = Place(tmp_path_factory.mktemp("ready"))
    try:
        stock.give(found)
        yield found
    finally:
        found.down()


@pytest.fixture(scope="session")
def alone(
    containers: None, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return `alone(script)`: runs a script of alone/ on a machine of its own, where nobody else's hosts are."""
    made = make_project(tmp_path_factory.mktemp("alone"))
    # There is no network in there to build it from.
    rootfs.build(rootfs.recipe_for("bookworm"), made.settings.cache / "rootfs", lambda _line: None)

    def run(script: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        argv = [str(ENTER), sys.executable, str(ENTER.parent / script)]
        return subprocess.run(
            argv, cwd=made.root, env=made.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


def ssh(host: SandboxHost, *command: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """Run a command on a host by the very command line that `sandbox up` prints."""
    argv = [*host.ssh[:1], "-F", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", *host.ssh[1:], *command]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="session", name="ssh")
def ssh_fixture() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return `ssh(host, *command, timeout=20)`."""
    return ssh


_numbers = itertools.count(1)
