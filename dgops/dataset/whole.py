"""Whether the set that lies at home is whole, and made of what is asked for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.dataset import manifest as manifests
from dgops.dataset.sources.folder import Folder

if TYPE_CHECKING:
    from dgops.dataset.manifest import Manifest
    from dgops.dataset.options import Options

# What a set is used by, and the manifests that say what it was made of; a host's come home too.
RESULTS = ("06_publish", "07_summary")
RECORDS = ("01_scrape", "02_crop", "04_clean", "05_caption", *RESULTS)


def lacking(options: Options) -> str:
    """Return why the set has to be made, nothing where it is whole and made of what is asked for.

    Captions that somebody edited are his: they make it no other set. Only what is missing has to be made again.
    """
    known: dict[str, Manifest] = {}
    for name in RECORDS:
        found = manifests.load(options.root / name)
        if found is None:
            return f"{name} is not there" if known else "no set there yet"
        known[name] = found
    gone = [f"{name}/{file}" for name in RESULTS for file in known[name].outputs if not _there(options, name, file)]
    if gone:
        return f"{gone[0]} is gone" + (f", and {len(gone) - 1} more" if len(gone) > 1 else "")
    return _other(options, known) or _photographs(options, known["01_scrape"])


def _there(options: Options, stage: str, file: str) -> bool:
    return (options.root / stage / file).is_file()


def _other(options: Options, known: dict[str, Manifest]) -> str:
    asked: dict[str, tuple[str, Any]] = {
        "crop": ("02_crop", options.crop),
        "target": ("04_clean", options.target),
        "captioner": ("05_caption", options.captioner),
        "trigger": ("05_caption", options.trigger),
        "slug": ("06_publish", options.slug),
    }
    for key, (stage, value) in asked.items():
        before = known[stage].parameters.get(key)
        if before != value:
            return f"{key} is {value} now, and was {before}"
    return ""


def _photographs(options: Options, scraped: Manifest) -> str:
    """Return how the photographs differ from those that it was made of; what was no file counts on neither side."""
    now = {one.path: one.sha256 for one in Folder(options.source, options.root).survey() if not one.reason}
    rows = scraped.parameters.get("files")
    before = {row[0]: row[1] for row in rows if not row[2]} if isinstance(rows, list) else {}
    new, gone = now.keys() - before.keys(), before.keys() - now.keys()
    changed = [path for path in now.keys() & before.keys() if now[path] != before[path]]
    counts = ((len(new), "new"), (len(changed), "changed"), (len(gone), "gone"))
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"photographs: {told}" if told else ""
