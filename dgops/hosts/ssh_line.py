"""The line that a provider shows for logging in, such as `ssh root@IP -p PORT -i KEY`, taken apart."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from dgops.errors import UsageError
from dgops.hosts.paths import advice, is_windows_path, windows_to_wsl

RUNPOD_PROXY = "ssh.runpod.io"
WITH_VALUE = "bcDEeFIiJLlmOopQRSWw"
# -o settings that say how to reach the host; the others are dgops' own to decide, or nothing to keep.
KEPT_OPTIONS = {"proxyjump": "ProxyJump", "proxycommand": "ProxyCommand", "identityagent": "IdentityAgent"}
DECIDED_HERE = (
    *("stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "checkhostip"),
    *("updatehostkeys", "serveraliveinterval", "serveralivecountmax", "tcpkeepalive", "connecttimeout"),
    *("loglevel", "identitiesonly", "batchmode", "requesttty", "compression", "addkeystoagent"),
)
HARMLESS_FLAGS = "46aACkKnqTtvxXY"
NAME = re.compile(r"[A-Za-z0-9_.\[\]:-]+")
HINT = "paste the line as the provider shows it:  'ssh root@IP -p PORT -i KEY'"


@dataclass(frozen=True)
class SshLine:
    """What an ssh line says about reaching a host; None or empty where it says nothing."""

    address: str
    port: int | None = None
    user: str | None = None
    identity: Path | None = None
    options: tuple[tuple[str, str], ...] = ()


def parse(line: str) -> SshLine:
    """Take a pasted line apart; raises UsageError that names what in it cannot be kept."""
    words = _words(line)
    values: dict[str, str] = {}
    options: dict[str, str] = {}
    targets: list[str] = []
    while words:
        word = words.pop(0)
        if word.startswith("-") and len(word) > 1:
            _flag(word, words, values, options)
        else:
            targets.append(word)
    if len(targets) != 1:
        found = "no host" if not targets else f"a command after the host ({' '.join(targets[1:])})"
        raise UsageError(f"the ssh line names {found}: {line}", HINT)
    user, address, port = _target(targets[0])
    if address.lower() == RUNPOD_PROXY:
        raise _runpod_proxy()
    port = port or _port(values["p"] if "p" in values else options.pop("port", None))
    identity = values.get("i") or options.pop("identityfile", None)
    if "J" in values:
        options["proxyjump"] = values["J"]
    return SshLine(
        address=address,
        port=port,
        user=user or values.get("l") or options.pop("user", None),
        identity=_identity(identity) if identity else None,
        options=tuple((KEPT_OPTIONS[key], value) for key, value in options.items() if key in KEPT_OPTIONS),
    )


def _words(line: str) -> list[str]:
    # A Windows path keeps its backslashes only if they are not read as a shell would read them.
    lexer = shlex.shlex(line.strip(), posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = "" if re.search(r"[A-Za-z]:\\|\\\\wsl", line) else "\\"
    try:
        words = list(lexer)
    except ValueError as error:
        raise UsageError(f"the ssh line cannot be read ({error}): {line}", HINT) from None
    if words and words[0].rpartition("/")[2] in ("ssh", "ssh.exe"):
        words.pop(0)
    return words


def _flag(word: str, words: list[str], values: dict[str, str], options: dict[str, str]) -> None:
    letter, rest = word[1], word[2:]
    if letter not in WITH_VALUE and letter not in "p":
        for flag in word[1:]:
            if flag not in HARMLESS_FLAGS:
                raise UsageError(f"-{flag} in the ssh line means nothing for a host", HINT)
        return
    if not rest and not words:
        raise UsageError(f"-{letter} in the ssh line lacks its value", HINT)
    value = rest or words.pop(0)
    if letter == "o":
        _option(value, options)
    elif letter in "pilJ":
        values[letter] = value
    elif letter in "LRD":
        # A port forwarding belongs to a session, not to a host.
        return
    else:
        raise UsageError(f"-{letter} in the ssh line cannot be kept for a host", HINT)


def _option(text: str, options: dict[str, str]) -> None:
    key, _, value = re.sub(r"\s*[=\s]\s*", "=", text.strip(), count=1).partition("=")
    key = key.lower()
    if key not in DECIDED_HERE and key not in KEPT_OPTIONS and key not in ("port", "user", "identityfile"):
        raise UsageError(
            f"-o {text} in the ssh line cannot be kept for a host",
            "put it in ~/.ssh/config under the host's address; dgops reads that",
        )
    if key not in DECIDED_HERE:
        options[key] = value


def _target(text: str) -> tuple[str | None, str, int | None]:
    port = None
    if text.startswith("ssh://"):
        text = text.removeprefix("ssh://").rstrip("/")
        match = re.search(r":(\d+)$", text)
        if match and "[" not in text[match.start() :]:
            text, port = text[: match.start()], _port(match[1])
    user, _, address = text.rpartition("@")
    if not NAME.fullmatch(address) or (address.startswith(("-", ":")) and ":" not in address[1:]):
        raise UsageError(f"{address!r} is not an address", HINT)
    return user or None, address.strip("[]"), port


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise UsageError(f"{text!r} is not a port (a whole number from 1 to 65535)", HINT)
    return int(text)


def _identity(text: str) -> Path:
    if is_windows_path(text):
        translated = windows_to_wsl(text)
        if not translated or not Path(translated).is_file():
            raise UsageError(
                f"-i {advice(text)}" + (", and no file is there" if translated else ""),
                "name the key by its path on this machine, e.g. -i ~/.ssh/id_ed25519",
            )
        text = translated
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise UsageError(f"-i: there is no key file {path}", "ssh-keygen -t ed25519 makes one")
    return path


def _runpod_proxy() -> UsageError:
    return UsageError(
        f"{RUNPOD_PROXY} is RunPod's proxy: it gives a terminal, but runs no commands and moves no files",
        "expose TCP port 22 of the pod and paste the other line of its Connect tab, "
        "“SSH over exposed TCP”:  'ssh root@IP -p PORT -i KEY'",
    )
