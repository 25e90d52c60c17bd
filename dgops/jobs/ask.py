"""The question for an output's files, asked of a host page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError
from dgops.jobs.job import work_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.jobs.job import Output
    from dgops.jobs.link import Link

LONG = 600.0
MOST_PAGES = 1000


@dataclass(frozen=True)
class Ask:
    """Whose outputs are asked for: the folder of jobs on the host, the jobs' user there, the job."""

    link: Link
    base: str
    user: str
    job: str

    def whole(self, output: Output) -> dict[str, tuple[int, int]]:
        """Return size and time of change of an output's files that nobody writes to just now."""
        root, name = place_of(self.base, self.job, output.path)
        found: dict[str, tuple[int, int]] = {}
        for answer in self._pages(output, {"op": "list", "root": root, "paths": [name]}):
            for key, row in answer["files"].items():
                if isinstance(row, list) and len(row) == 2:
                    found[key] = (row[0], row[1])
        return found

    def digested(self, output: Output, only: Sequence[str] | None) -> Iterator[dict[str, Any]]:
        """Yield the host's answers, with size and sha256 of an output's files, or of those named."""
        root, name = place_of(self.base, self.job, output.path)
        yield from self._pages(output, {"op": "digest", "root": root, "paths": [name] if only is None else list(only)})

    def _pages(self, output: Output, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        after = ""
        for _ in range(MOST_PAGES):
            asked = {**request, "user": self.user, "after": after}
            answer, _ = self.link.exchange("files", asked, timeout=LONG)
            if not isinstance(answer.get("files"), dict):
                raise RemoteError(f"{self.link.host.name} answered the question for {output.path} with something else")
            yield answer
            more = answer.get("more")
            if not isinstance(more, str) or not more:
                return
            after = more


def place_of(base: str, job: str, path: str) -> tuple[str, str]:
    """Return the folder on the host and the name below it that an output is asked for by."""
    if not path.startswith("/"):
        return work_path(base, job), path.strip("/")
    folder, _, name = path.rstrip("/").rpartition("/")
    return folder or "/", name
