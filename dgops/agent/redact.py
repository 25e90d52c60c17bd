"""Redaction before writing: tokens, passwords, private keys, the very values a job was handed, and whose home it is."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from typing import Any, Iterable, List, Match, Optional, Set, Tuple

from dgops.agent import forms

Span = Tuple[int, int, bytes]

GONE = b"***REDACTED***"
KEY_GONE = b"***PRIVATE KEY REDACTED***"
HOME_GONE = b"/[HOME]"
# Shorter ones are no secrets, and would take letters out of every line.
SHORTEST = 4
# Fewer letters of base64 stand in any picture by chance.
SHORTEST_INNER = 7
# No key is longer; a program that only prints the first line of one must not swallow its log.
KEY_LINES = 150
HARMLESS = re.compile(rb"""["']?(?:none|null|true|false|\d{1,5}|\*+|.*\*\*\*.*)["']?\Z""", re.IGNORECASE | re.DOTALL)
KEY_MARK = b"-----BEGIN"
KEY_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
KEY_END = re.compile(rb"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
# Behind a log's prefix as well; the last line of a key is short, and then stands alone.
KEY_BODY = re.compile(rb"[A-Za-z0-9+/=]{16,}|\A\s*[A-Za-z0-9+/=]+\s*\Z")


class Redactor:
    """Redacts one stream; between lines it only remembers whether it stands within a private key.

    Home folders go from what is kept; `homes=False` is for words on their way to their owner's terminal.
    """

    def __init__(self, secrets: Iterable[str] = (), homes: bool = True) -> None:
        self.homes = homes
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
        found = self._handed(data)
        rows, texts = forms.candidates(data), [data]
        if found:
            # A token right behind a handed value begins no word: where that one goes, there is a gap.
            lines = {forms.line_around(data, begin, end) for begin, end, _ in found}
            tokens = {(number, *line) for number in range(len(forms.TOKENS)) for line in lines}
            rows, texts = sorted(tokens.union(rows)), [data, _without(data, found)]
        for number, begin, end in rows:
            rule = forms.RULES[number]
            for text in texts if rule.kind == forms.TOKEN else [data]:
                matches = (_span(rule.kind, one) for one in rule.pattern.finditer(text, begin, end))
                found += filter(None, matches)
        if self.homes:
            found += [(begin, end, HOME_GONE) for begin, end in forms.homes(texts[-1])]
        return _merged(found) if found else found

    def _handed(self, data: bytes) -> List[Span]:
        found: List[Span] = []
        for value in self.values:
            if value in data:
                name = _named(value)
                found += [(one.start(), one.end(), name) for one in re.finditer(re.escape(value), data)]
        return found

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


def text(words: str, secrets: Iterable[str] = (), homes: bool = True) -> str:
    """Redact one piece of text."""
    return Redactor(secrets, homes).block(words.encode(errors="replace")).decode(errors="replace")


def holds_token(words: str) -> bool:
    """Say whether a text shows a token by its form; a name with a value behind it may be a variable's and is none."""
    data = words.encode(errors="replace")
    return any(pattern.search(data) for pattern in forms.TOKENS)


def _span(kind: int, match: Match[bytes]) -> Optional[Span]:
    """Return what goes of a match and what comes for it, None where the value is no secret."""
    if kind == forms.TOKEN:
        return match.start(), match.end(), match.group(1) + GONE
    begin, end = match.end(1), match.end()
    if kind == forms.BARE:
        return begin, end, GONE
    return None if HARMLESS.match(match.string, begin, end) else (begin, end, b"***")


def _without(data: bytes, spans: Iterable[Span]) -> bytes:
    """Return the data with blanks where the spans are."""
    blank = bytearray(data)
    for begin, end, _ in spans:
        blank[begin:end] = b" " * (end - begin)
    return bytes(blank)


def _named(value: bytes) -> bytes:
    """Return what stands for a handed secret: its kind, where its form tells one."""
    for pattern in forms.TOKENS:
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
