"""One file by its URL: gone on with after a cut, never mixed with another version's bytes, whole or not there."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.training import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from dgops.training.values import Model

CHUNK = 4 << 20
# Without a byte for so long the connection counts as cut.
SECONDS = 60.0
# Between two tries; and how many may bring nothing.
PAUSE, TRIES = 2.0, 3
TOLD_SECONDS = 10.0
# How long another job that fetches the same file is waited for.
TURN_SECONDS = 6 * 3600.0
GIB = 1 << 30
HUB = "https://huggingface.co"
# A server that is busy answers so, and later otherwise.
BUSY = (429, 500, 502, 503, 504)
RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class CutError(DgopsError):
    """The connection was cut; what came is kept."""


def address(model: Model) -> str:
    """Return the URL that a model file is fetched from, nothing where it has none."""
    if model.source.startswith("hf:"):
        owner, name, file = model.source.removeprefix("hf:").split("/", 2)
        return f"{os.environ.get('HF_ENDPOINT', HUB).rstrip('/')}/{owner}/{name}/resolve/main/{file}"
    return model.source if model.source.startswith(("http://", "https://")) else ""


def shown(source: str) -> str:
    """Return a source as it may be told: what follows a question mark is often a key."""
    return source.partition("?")[0] if "://" in source else source


def fetch(model: Model, path: Path, told: Callable[[str], None]) -> Path:
    """Fetch one file to a name beside its own, and return that; tried again after a cut. Raises DgopsError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    vain = 0
    while True:
        before = _size(part)
        try:
            _go_on(model, part, told)
            return part
        except CutError as error:
            grown = _size(part) > before
            vain = 0 if grown else vain + 1
            if vain >= TRIES:
                raise
            told(f"{error.message}; trying again")
            time.sleep(PAUSE)


def turn(path: Path) -> contextlib.AbstractContextManager[None]:
    """Let one job at a time fetch a file."""

    def busy(_job: str) -> DgopsError:
        return DgopsError(f"{path.name} is being fetched by another job here", "dgops jobs list")

    return locks.held(f"model {path}", busy, seconds=TURN_SECONDS)


def _go_on(model: Model, part: Path, told: Callable[[str], None]) -> None:
    begin, stamp = _size(part), part.with_suffix(".etag")
    try:
        with (
            urllib.request.urlopen(_request(model, begin, stamp), timeout=SECONDS) as answer,
            part.open("ab") as stream,
        ):
            if begin and not _continues(answer, begin):
                stream.truncate(0)
            _note(stamp, answer.headers.get("ETag"))
            _carry(model, answer, stream, told)
    except urllib.error.HTTPError as error:
        with error:
            _refused(model, error, part, begin)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CutError(
            f"{model.file} is not whole: {str(getattr(error, 'reason', error)) or type(error).__name__}",
            "run it again: it goes on where it was cut",
        ) from None


def _request(model: Model, begin: int, stamp: Path) -> urllib.request.Request:
    request = urllib.request.Request(address(model))
    if begin:
        request.add_header("Range", f"bytes={begin}-")
        with contextlib.suppress(OSError):
            # The rest of another version is not wanted: all of it comes then.
            request.add_header("If-Range", stamp.read_text())
    token = os.environ.get("HF_TOKEN", "")
    if token and model.source.startswith("hf:"):
        # Not sent on to where the hub redirects to.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    return request


def _continues(answer: http.client.HTTPResponse, begin: int) -> bool:
    """Say whether it is the rest that comes, and not all of it; raises OSError where it is another piece."""
    if answer.status != 206:
        return False
    match = RANGE.match(answer.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != begin:
        raise OSError("the server sends another part than the one that was asked for")
    return True


def _carry(model: Model, answer: http.client.HTTPResponse, stream: BinaryIO, told: Callable[[str], None]) -> None:
    length = answer.headers.get("Content-Length")
    have = stream.seek(0, 2)
    wanted = have + int(length) if length else None
    if wanted is not None:
        _require_room(model, wanted - have, Path(stream.name).parent)
    said = time.monotonic()
    while piece := answer.read(CHUNK):
        stream.write(piece)
        if time.monotonic() - said > TOLD_SECONDS:
            said = time.monotonic()
            whole = f" of {wanted / GIB:.1f}" if wanted else ""
            told(f"{model.file}: {stream.tell() / GIB:.1f}{whole} GiB")
    stream.flush()
    if wanted is not None and stream.tell() != wanted:
        raise OSError(f"the connection was cut at {stream.tell()} of {wanted} bytes")
    os.fsync(stream.fileno())


def _require_room(model: Model, size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DgopsError(
            f"{model.file}: {size / GIB:.1f} GiB are to come, and {free / GIB:.1f} are free in {folder}",
            "make room there",
        )


def _refused(model: Model, error: urllib.error.HTTPError, part: Path, begin: int) -> None:
    """Raise what a refusal means; return where it means that all has come already."""
    if error.code == 416 and begin:
        if error.headers.get("Content-Range", "").rpartition("/")[2] == str(begin):
            return
        part.unlink()
        raise CutError(f"{model.file}: what came before is no part of it any more")
    words = f"{model.file} cannot be fetched: HTTP {error.code} from {shown(error.url or '')}"
    if error.code in BUSY:
        raise CutError(words, "the server is busy: run it again later")
    gated = error.code in (401, 403) and model.source.startswith("hf:")
    raise DgopsError(
        words, "a gated model: dgops secrets set HF_TOKEN" if gated else "look at its source in the recipe"
    )


def _note(stamp: Path, tag: str | None) -> None:
    # A weak one may not be asked by.
    if tag and not tag.startswith("W/"):
        stamp.write_text(tag)
    else:
        stamp.unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
