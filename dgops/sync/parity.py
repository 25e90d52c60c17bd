"""Whether both sides are equal: the git trees of the mapped folders alone, home's and the host's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.git.entry import tree_id
from dgops.sync.names import under

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dgops.git.entry import Entry


@dataclass(frozen=True)
class Parity:
    """The two trees; `blind` are home's paths that could not be compared."""

    local_tree: str
    host_tree: str
    blind: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the trees are equal, nothing left out."""
        return self.local_tree == self.host_tree


def judge(home: Mapping[str, Entry], host: Mapping[str, Entry], unseen: Collection[str]) -> Parity:
    """Compare the two sides; what could not be looked at on the host is not there for the comparison."""
    blind = {path for path in home if under(path, unseen)}
    looked = {path: entry for path, entry in host.items() if path not in blind}
    ours = tree_id(home)
    return Parity(ours, ours if looked == home else tree_id(looked), tuple(sorted(blind)))
