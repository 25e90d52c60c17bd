"""01_scrape: every image of the source, its bytes untouched under a safe name, with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.dataset import names, pictures
from dgops.dataset.manifest import Item
from dgops.dataset.sources import source as sources
from dgops.dataset.sources.source import Candidate
from dgops.dataset.stage import Stage
from dgops.dataset.tally import in_and_out
from dgops.files import write_json

if TYPE_CHECKING:
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Work

SOURCE = "folder"


def parameters(options: Options) -> dict[str, Any]:
    """Return the source's files with the digests of their bytes: they are this stage's inputs."""
    found = sources.load(SOURCE, options).survey()
    return {"source": SOURCE, "files": [[one.path, one.sha256, one.reason, one.detail] for one in found]}


def make(work: Work) -> list[Item]:
    """Copy what is an image, judged by its first bytes and not by its name."""
    source = sources.load(SOURCE, work.options)
    candidates = [Candidate(*one) for one in work.parameters["files"]]
    stems = names.safe_stems([one.path for one in candidates])
    (work.folder / "images").mkdir()
    items, provenance = [], {}
    for candidate in candidates:
        item = Item(stems[candidate.path], candidate.path, candidate.sha256)
        if candidate.reason:
            items.append(Item(item.name, item.source, reason=candidate.reason, detail=candidate.detail))
            continue
        data = source.read(candidate)
        try:
            header = pictures.read_header(data)
        except pictures.UnreadableError as error:
            items.append(Item(item.name, item.source, item.sha256, reason=error.reason, detail=error.detail))
            continue
        file = f"images/{item.name}{header.ending}"
        (work.folder / file).write_bytes(data)
        facts = {"format": header.format, "width": header.width, "height": header.height}
        items.append(Item(item.name, item.source, item.sha256, file, facts=facts))
        provenance[item.name] = {**source.provenance(candidate), "sha256": candidate.sha256}
    write_json(work.folder / "provenance.json", provenance)
    return items


STAGE = Stage("01_scrape", 1, (), parameters, make, in_and_out)
