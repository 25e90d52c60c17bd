"""Redaction before writing: tokens, passwords, private keys and the very values that a job was handed."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from typing import Any, Iterable, List, Pattern, Set, Tuple

Span = Tuple[int, int, bytes]
# What a line (in lower case) must hold for the pattern to be tried: searching for words is a hundred times faster.
Rule = Tuple[Tuple[bytes, ...], Pattern[bytes]]

GONE = b"***REDACTED***"
KEY_GONE = b"***PRIVATE KEY REDACTED***"
# Shorter ones are no secrets, and would take letters out of every line.
SHORTEST = 4
# Fewer letters of base64 stand in any picture by chance.
SHORTEST_INNER = 7
# No key is longer; a program that only prints the first line of one must not swallow its log.
KEY_LINES = 150


def _rule(markers: str, pattern: bytes) -> Rule:
    return tuple(marker.encode() for marker in markers.split()), re.compile(pattern)


# Tokens of a known form: group 1 stays and tells whose it was. No pattern may reach over the end of a line, and none
# may start again within what it has just failed on: a line of 64 KB must not cost minutes.
TOKENS = (
    _rule("hf_", rb"(?<![A-Za-z0-9])(hf_)[A-Za-z0-9]{20,}"),
    _rule("api_org_", rb"(?<![A-Za-z0-9])(api_org_)[A-Za-z0-9]{20,}"),
    _rule("sk-", rb"(?<![A-Za-z0-9_-])(sk-)[A-Za-z0-9_-]{20,}"),
    _rule("rpa_ rps_", rb"(?<![A-Za-z0-9])(rp[as]_)[A-Za-z0-9]{20,}"),
    _rule("ghp_ gho_ ghu_ ghs_ ghr_", rb"(?<![A-Za-z0-9])(gh[pousr]_)[A-Za-z0-9]{20,}"),
    _rule("github_pat_", rb"(?<![A-Za-z0-9])(github_pat_)[A-Za-z0-9_]{20,}"),
    _rule("glpat-", rb"(?<![A-Za-z0-9_-])(glpat-)[A-Za-z0-9_-]{16,}"),
    _rule("xox", rb"(?<![A-Za-z0-9-])(xox[a-z]-)[A-Za-z0-9-]{10,}"),
    _rule("xapp-", rb"(?<![A-Za-z0-9-])(xapp-)[A-Za-z0-9-]{10,}"),
    _rule("slack.com", rb"(hooks\.slack\.com/services/)[A-Za-z0-9/]{10,}"),
    _rule("akia asia", rb"(?<![A-Za-z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _rule("wandb_v1_", rb"(?<![A-Za-z0-9_-])(wandb_v1_)[A-Za-z0-9_-]{16,}"),
    _rule("eyj", rb"(?<![A-Za-z0-9_-])(eyJ)[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?"),
)
# Quoted, with the quotes themselves escaped (JSON within JSON), or up to the next thing that ends a word.
_VALUE = (
    rb"""(?:"(?:[^"\\\r\n]|\\.)*"?|'(?:[^'\\\r\n]|\\.)*'?|\\+["'][^"'\r\n]*["']?"""
    rb"""|[^\s"'&;,<>(){}\[\]]+)"""
)
_TOKEN = rb"(?:token|secret|api[_-]?key|access[_-]?key|secret[_-]key)(?![A-Za-z0-9])"
_QUOTE = rb"""\\?["']?[ \t]*"""
_TOKEN_MARKERS = "token secret apikey api_key api-key access_key access-key accesskey"
# What stands behind such a word is secret, whatever its form: group 1 stays.
NAMED = (
    _rule(
        "passw passphrase",
        rb"(?i)((?<!/)(?:password|passwd|passphrase)(?![A-Za-z0-9])" + _QUOTE + rb"[=:][ \t]*)" + _VALUE,
    ),
    _rule(_TOKEN_MARKERS, rb"(?i)(" + _TOKEN + _QUOTE + rb"=[ \t]*)" + _VALUE),
    # A colon is also found in plain sentences ("unknown token: <pad>"): there the value must look like one.
    _rule(
        _TOKEN_MARKERS,
        rb"(?i)(" + _TOKEN + _QUOTE + rb""":[ \t]*\\?["']?)(?=[A-Za-z_./+~-]*[0-9])[A-Za-z0-9_./+~=-]{8,}""",
    ),
    _rule(
        "token passw secret api-key api_key apikey",
        rb"(?i)((?<![^\s\"'])--?(?:[a-z]+[_-])?(?:token|password|api[_-]?key|secret)[ \t]+)(?!-)" + _VALUE,
    ),
    _rule(
        "authorization",
        rb"(?i)(authorization" + _QUOTE + rb"[=:][ \t]*\\?[\"']?(?:bearer|basic|token)[ \t]+)[^\s\"'\\]+",
    ),
    _rule("bearer", rb"(?i)((?<![a-z])bearer[ \t]+)[A-Za-z0-9._~+/-]{16,}=*"),
    _rule("://", rb"(://[^\s/:@\"']{0,200}:)[^\s/@\"']{1,1000}(?=@)"),
)
# Keys without a form of their own: 40 or 32 hexadecimal digits behind the name of whose they are.
NAMELESS = (
    _rule("wandb", rb"(?i)(wandb[^\r\n]{0,60}?(?<![0-9a-f]))[0-9a-f]{40}(?![0-9a-f])"),
    _rule("civitai", rb"(?i)(civitai[^\r\n]{0,60}?(?<![0-9a-f]))[0-9a-f]{32}(?![0-9a-f])"),
)
MARKERS = tuple(sorted({marker for markers, _ in TOKENS + NAMED + NAMELESS for marker in markers}))
# What several markers share: where it is not in a line, none of them is, and looking for them is most of the work.
SHARED = (b"key", b"pass", b"wandb", b"gh", b"rp")
SEARCHED = tuple(
    (piece, tuple(marker for marker in MARKERS if next((one for one in SHARED if one in marker), marker) == piece))
    for piece in (*SHARED, *(marker for marker in MARKERS if not any(one in marker for one in SHARED)))
)
HARMLESS = re.compile(rb"""["']?(?:none|null|true|false|\d{1,5}|\*+|.*\*\*\*.*)["']?\Z""", re.IGNORECASE | re.DOTALL)
KEY_MARK = b"-----BEGIN"
KEY_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
KEY_END = re.compile(rb"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
# Behind a log's prefix as well; the last line of a key is short, and then stands alone.
KEY_BODY = re.compile(rb"[A-Za-z0-9+/=]{16,}|\A\s*[A-Za-z0-9+/=]+\s*\Z")


class Redactor:
    """Redacts one stream; between lines it only remembers whether it stands within a private key."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.values = exact_values(secrets)
        self.spaced = [value for value in self.values if re.search(rb"\s", value)]
        self.key_lines = 0

    def block(self, data: bytes) -> bytes:
        """Redact whole lines."""
        if self.key_lines or KEY_MARK in data:
            return b"".join(self.line(one) for one in re.split(rb"(?<=[\n\r])", data))
        return self._replaced(data, 0)

    def line(self, data: bytes, start: int = 0) -> bytes:
        """Redact a line or its beginning and return it from `start` on: what stands before was written already."""
        if self.key_lines or KEY_MARK in data:
            data = data[:start] + self._without_key(data[start:])
        return self._replaced(data, start)

    def _replaced(self, data: bytes, start: int) -> bytes:
        spans = self.spans(data)
        if not spans:
            return data[start:] if start else data
        output, position = [], start
        for begin, end, replacement in spans:
            if end <= position:
                continue
            if begin >= position:
                output += [data[position:begin], replacement]
            # One that began before `start` was replaced when its beginning was written.
            position = end
        return b"".join(output) + data[position:]

    def spans(self, data: bytes) -> List[Span]:
        """Return what must go and what comes in its place, in order, none overlapping."""
        found: List[Span] = []
        for value in self.values:
            if value in data:
                name = _named(value)
                found += [(one.start(), one.end(), name) for one in re.finditer(re.escape(value), data)]
        low = data.lower()
        present = {marker for piece, markers in SEARCHED if piece in low for marker in markers if marker in low}
        if present:
            # A token right behind a handed value begins no word: where that one goes, there is a gap.
            texts = [data, _without(data, found)] if found else [data]
            for pattern in _tried(TOKENS, present):
                found += [
                    (one.start(), one.end(), one.group(1) + GONE) for text in texts for one in pattern.finditer(text)
                ]
            for pattern in _tried(NAMED, present):
                values = ((one.end(1), one.end()) for one in pattern.finditer(data))
                found += [(begin, end, b"***") for begin, end in values if not HARMLESS.match(data[begin:end])]
            for pattern in _tried(NAMELESS, present):
                found += [(one.end(1), one.end(), GONE) for one in pattern.finditer(data)]
        return _merged(found) if found else found

    def safe_cut(self, data: bytes, cut: int) -> int:
        """Return where a line may be cut in two at or before `cut`, so that no secret is."""
        spans = self.spans(data)
        before = -1
        while cut != before:
            before = cut
            cut = min([begin for begin, end, _ in spans if begin < cut < end], default=cut)
            for value in self.spaced:
                cut = min(cut, _before_secret(data, cut, value))
        return cut

    def _without_key(self, data: bytes) -> bytes:
        """Take a private key out of a line, or the part of one that the line holds."""
        output = b""
        while data:
            if not self.key_lines:
                begin = KEY_BEGIN.search(data)
                if not begin:
                    return output + data
                output += data[: begin.start()] + KEY_GONE
                self.key_lines, data = 1, data[begin.end() :]
            end = KEY_END.search(data)
            if end:
                self.key_lines, data = 0, data[end.end() :]
                continue
            first = self.key_lines == 1
            self.key_lines = (self.key_lines + 1) % KEY_LINES
            body = data.rstrip(b"\r\n")
            # On the line of its beginning everything goes: a key in one line has its line ends spelled out.
            return output + (b"" if first else KEY_BODY.sub(b"", body)) + data[len(body) :]
        return output


def exact_values(secrets: Iterable[str]) -> List[bytes]:
    """Return the spellings under which secrets are looked for in lines, the longest first."""
    values = {_encoded(spelling) for secret in secrets for spelling in spellings(secret)}
    return sorted((one for one in values if not re.search(rb"[\r\n]", one)), key=lambda one: (-len(one), one))


def spellings(secret: str) -> Set[str]:
    """Return how a secret may look in output: whole, by line, as JSON, as Python, in an address, in base64."""
    found: Set[str] = set()
    for plain in {secret, secret.strip(), *map(str.strip, secret.splitlines())}:
        if len(plain.strip()) < SHORTEST:
            continue
        data = _encoded(plain)
        found |= {plain, json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1]}
        found |= {repr(plain)[1:-1], repr(data)[2:-1]}
        found |= {urllib.parse.quote(data), urllib.parse.quote(data, safe=""), urllib.parse.quote_plus(data)}
        found |= {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
        found |= _base64_inner(data)
    return found


def every(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Redact every text within a JSON value; names stay."""
    known = list(secrets)
    if isinstance(value, str):
        return text(value, known)
    if isinstance(value, dict):
        return {key: every(one, known) for key, one in value.items()}
    return [every(one, known) for one in value] if isinstance(value, (list, tuple)) else value


def _base64_inner(data: bytes) -> Set[str]:
    """Return what base64 makes of bytes in the midst of others (user:password), wherever among them they begin."""
    found = set()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + data)
        # Only the letters that come from these bytes alone.
        inner = coded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        found |= {inner.decode(), inner.translate(bytes.maketrans(b"+/", b"-_")).decode()}
    return {one for one in found if len(one) >= SHORTEST_INNER}


def _encoded(words: str) -> bytes:
    try:
        return words.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return words.encode(errors="replace")


def text(words: str, secrets: Iterable[str] = ()) -> str:
    """Redact one piece of text."""
    return Redactor(secrets).block(words.encode(errors="replace")).decode(errors="replace")


def holds_token(words: str) -> bool:
    """Say whether a text shows a token by its form; a name with a value behind it may be a variable's and is none."""
    data = words.encode(errors="replace")
    return any(pattern.search(data) for _, pattern in TOKENS)


def _tried(rules: Tuple[Rule, ...], present: Iterable[bytes]) -> List[Pattern[bytes]]:
    return [pattern for markers, pattern in rules if not set(markers).isdisjoint(present)]


def _without(data: bytes, spans: Iterable[Span]) -> bytes:
    """Return the data with blanks where the spans are."""
    blank = bytearray(data)
    for begin, end, _ in spans:
        blank[begin:end] = b" " * (end - begin)
    return bytes(blank)


def _named(value: bytes) -> bytes:
    """Return what stands for a handed secret: its kind, where its form tells one."""
    for _, pattern in TOKENS:
        known = pattern.fullmatch(value)
        if known:
            return known.group(1) + GONE
    return GONE


def _before_secret(data: bytes, cut: int, value: bytes) -> int:
    """Return the cut, or where a secret with spaces begins that the cut may stand within."""
    begin = data.find(value[:1], max(0, cut - len(value) + 1), cut)
    while begin >= 0:
        if value.startswith(data[begin : begin + len(value)]):
            return begin
        begin = data.find(value[:1], begin + 1, cut)
    return cut


def _merged(spans: List[Span]) -> List[Span]:
    merged: List[Span] = []
    for begin, end, replacement in sorted(spans, key=lambda one: (one[0], -one[1])):
        if merged and begin < merged[-1][1]:
            # They overlap: all of it goes, under the name of the first.
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((begin, end, replacement))
    return merged
