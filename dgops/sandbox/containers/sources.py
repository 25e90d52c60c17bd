"""The machine's own package sources, re-written for the release that a container runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_POCKETS = ("", "-updates", "-security", "/updates")


@dataclass(frozen=True)
class Source:
    """One place that packages come from."""

    address: str
    suite: str
    components: str
    signed_by: str = ""

    @property
    def line(self) -> str:
        """The one-line form; the key is left to the tool that knows the release's keyring."""
        return f"deb {self.address} {self.suite} {self.components}"


def machine_sources(suite: str, etc: Path = Path("/etc")) -> tuple[str, ...]:
    """Return the machine's Debian sources as lines for suite; empty where it has none of Debian's."""
    machine = _fields(etc / "os-release")
    release = machine.get("VERSION_CODENAME", "") if machine.get("ID") == "debian" else ""
    here = {release + pocket: suite + pocket for pocket in _POCKETS if release}
    found = [source for path in _files(etc / "apt") for source in parse(path.read_text(), path.suffix)]
    lines = [
        Source(source.address, here[source.suite], source.components).line
        for source in found
        # Somebody else's packages for the same release carry somebody else's key.
        if source.suite in here and (not source.signed_by or "debian-archive" in source.signed_by)
    ]
    return tuple(dict.fromkeys(lines))


def parse(text: str, suffix: str) -> list[Source]:
    """Read one file of sources: `.sources` holds stanzas, `.list` one line each."""
    return _stanzas(text) if suffix == ".sources" else _lines(text)


def _files(apt: Path) -> list[Path]:
    folder = apt / "sources.list.d"
    listed = sorted(path for path in folder.glob("*") if path.suffix in (".list", ".sources"))
    return [path for path in (apt / "sources.list", *listed) if path.is_file()]


def _fields(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value.strip().strip('"') for key, _, value in pairs}


def _lines(text: str) -> list[Source]:
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if not words or words[0] != "deb":
            continue
        options: list[str] = []
        if words[1:2] == ["["] and "]" in words:
            end = words.index("]")
            options, words = words[2:end], [words[0], *words[end + 1 :]]
        signed = next((option[10:] for option in options if option.startswith("signed-by=")), "")
        if len(words) >= 4:
            found.append(Source(words[1], words[2], " ".join(words[3:]), signed))
    return found


def _stanzas(text: str) -> list[Source]:
    found = []
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in "\n".join(lines).split("\n\n"):
        fields = _stanza_fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        found += [
            Source(address, suite, fields.get("components", ""), fields.get("signed-by", ""))
            for address in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def _stanza_fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in stanza.splitlines():
        if line[:1].isspace():
            fields[last] = f"{fields.get(last, '')} {line.strip()}".strip()
        elif ":" in line:
            last, _, value = line.partition(":")
            last = last.strip().lower()
            fields[last] = value.strip()
    return fields
