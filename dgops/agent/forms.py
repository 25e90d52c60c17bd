"""The forms that must go from output: tokens of a known shape, what stands behind a telling name, whose home it is."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Pattern, Set, Tuple

# What goes of a match: all but group 1, which tells whose it was; the value behind group 1; the same of a bare key.
TOKEN, NAMED, BARE = range(3)


class Rule(NamedTuple):
    """A form that must go; no match reaches over the end of a line."""

    kind: int
    pattern: Pattern[bytes]


def _rules(kind: int, **patterns: bytes) -> Dict[str, Rule]:
    return {name: Rule(kind, re.compile(pattern)) for name, pattern in patterns.items()}


# Quoted, with the quotes themselves escaped (JSON within JSON), or up to the next thing that ends a word.
_VALUE = (
    rb"""(?:"(?:[^"\\\r\n]|\\[^\r\n])*"?|'(?:[^'\\\r\n]|\\[^\r\n])*'?|\\+["'][^"'\r\n]*["']?"""
    rb"""|[^\s"'&;,<>(){}\[\]]+)"""
)
_WORD = rb"(?:token|secret|api[_-]?key|access[_-]?key|secret[_-]key)(?![A-Za-z0-9])"
_QUOTE = rb"""\\?["']?[ \t]*"""
_FLAG = rb"(?:[a-z]+[_-])?(?:token|password|api[_-]?key|secret)[ \t]"

# Not within a word; what colours or clears a terminal, \x1b[32m or \x1b[K, is none.
_COLOUR = rb"(?<=[0-9\[][mK])"
_WORD_BEGINS = rb"(?:(?<![A-Za-z0-9])|" + _COLOUR + rb")"
_NAME_BEGINS = rb"(?:(?<![A-Za-z0-9_-])|" + _COLOUR + rb")"
# A second token right behind the first, whose own beginning the first took for its end.
_GLUED = rb"(?:[_-][A-Za-z0-9_-]{16,})?"
# In the order of their rank. No pattern may reach over the end of a line, and none may start again within what it has
# just failed on: a line of 64 KB must not cost minutes.
_RULES = {
    **_rules(
        TOKEN,
        hf=rb"(hf_)[A-Za-z0-9]{20,}" + _GLUED,
        api_org=rb"(api_org_)[A-Za-z0-9]{20,}" + _GLUED,
        sk=_NAME_BEGINS + rb"(sk-)[A-Za-z0-9_-]{20,}",
        runpod=_WORD_BEGINS + rb"(rp[as]_)[A-Za-z0-9]{20,}" + _GLUED,
        gh=_WORD_BEGINS + rb"(gh[pousr]_)[A-Za-z0-9]{20,}" + _GLUED,
        github_pat=_WORD_BEGINS + rb"(github_pat_)[A-Za-z0-9_]{20,}",
        glpat=_NAME_BEGINS + rb"(glpat-)[A-Za-z0-9_-]{16,}",
        xox=_WORD_BEGINS + rb"(xox[a-z]-)[A-Za-z0-9-]{10,}",
        xapp=_WORD_BEGINS + rb"(xapp-)[A-Za-z0-9-]{10,}",
        slack=rb"(hooks\.slack\.com/services/)[A-Za-z0-9/]{10,}",
        aws=_WORD_BEGINS + rb"(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        wandb_v1=_NAME_BEGINS + rb"(wandb_v1_)[A-Za-z0-9_-]{16,}",
        jwt=_NAME_BEGINS + rb"(eyJ)[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?",
    ),
    # What stands behind such a word is secret, whatever its form.
    **_rules(
        NAMED,
        password=rb"(?i)((?<!/)(?:password|passwd|passphrase)(?![A-Za-z0-9])" + _QUOTE + rb"[=:][ \t]*)" + _VALUE,
        set=rb"(?i)(" + _WORD + _QUOTE + rb"=[ \t]*)" + _VALUE,
        # A colon is also found in plain sentences ("unknown token: <pad>"): there the value must look like one.
        told=rb"(?i)(" + _WORD + _QUOTE + rb""":[ \t]*\\?["']?)(?=[A-Za-z_./+~-]*[0-9])[A-Za-z0-9_./+~=-]{8,}""",
        flag=rb"(?i)((?<![^\s\"'])--?" + _FLAG + rb"[ \t]*)(?!-)" + _VALUE,
        authorization=rb"(?i)(authorization" + _QUOTE + rb"[=:][ \t]*\\?[\"']?(?:bearer|basic|token)[ \t]+)[^\s\"'\\]+",
        bearer=rb"(?i)((?<![a-z])bearer[ \t]+)[A-Za-z0-9._~+/-]{16,}=*",
        url=rb"(://[^\s/:@\"']{0,200}:)[^\s/@\"']{1,1000}(?=@)",
    ),
    # Keys without a form of their own: 40 or 32 hexadecimal digits behind the name of whose they are.
    **_rules(
        BARE,
        wandb=rb"(?i)(wandb[^\r\n]{0,60}?(?<![0-9a-f]))[0-9a-f]{40}(?![0-9a-f])",
        civitai=rb"(?i)(civitai[^\r\n]{0,60}?(?<![0-9a-f]))[0-9a-f]{32}(?![0-9a-f])",
    ),
}
RULES = tuple(_RULES.values())
TOKENS = tuple(rule.pattern for rule in RULES if rule.kind == TOKEN)
_NUMBERS = {name: number for number, name in enumerate(_RULES)}
Gates = Tuple[Tuple[Pattern[bytes], Tuple[int, ...]], ...]


def _gates(*rows: Tuple[str, bytes]) -> Gates:
    return tuple((re.compile(pattern), tuple(map(_NUMBERS.__getitem__, names.split()))) for names, pattern in rows)


# A gate is what any match of its rules holds. It begins with letters that are no choice: for such the search costs less
# than half a nanosecond a byte, where a rule costs up to thirty, and most output passes no gate at all.
_NAME = rb"(?![a-z0-9])" + _QUOTE + rb"[=:]"
AS_IT_IS = _gates(
    (
        "hf api_org runpod gh github_pat wandb_v1",
        rb"_(?:(?<=hf_)|(?<=gh[pousr]_)|(?<=rp[as]_)|(?<=api_org_)|(?<=github_pat_)|(?<=wandb_v1_))[A-Za-z0-9_-]{16}",
    ),
    ("sk glpat xox xapp", rb"-(?:(?<=sk-)|(?<=glpat-)|(?<=xox[a-z]-)|(?<=xapp-))[A-Za-z0-9_-]{10}"),
    ("slack", rb"hooks\.slack\.com/services/[A-Za-z0-9/]{10}"),
    ("aws", rb"AKIA[A-Z0-9]{16}"),
    ("aws", rb"ASIA[A-Z0-9]{16}"),
    ("jwt", rb"eyJ(?:(?<![A-Za-z0-9_-]eyJ)|(?<=[0-9\[][mK]eyJ))[A-Za-z0-9_-]{10,}\.eyJ"),
    ("url", rb"://[^\s/:@\"']{0,200}:[^\s/@\"']{1,1000}(?=@)"),
)
IN_LOWER_CASE = _gates(
    ("password", rb"pass(?:word|wd|phrase)" + _NAME),
    ("set told", rb"token" + _NAME),
    ("set told", rb"secret(?:[_-]key)?" + _NAME),
    (
        "set told",
        rb"key(?:(?<=apikey)|(?<=api[_-]key)|(?<=accesskey)|(?<=access[_-]key)|(?<=secret[_-]key))" + _NAME,
    ),
    ("flag", rb"-" + _FLAG),
    ("authorization", rb"authorization" + _QUOTE + rb"[=:]"),
    ("bearer", rb"bearer[ \t]+[a-z0-9._~+/-]{16}"),
    ("wandb", rb"wandb[^\r\n]{0,60}?[0-9a-f]{40}"),
    ("civitai", rb"civitai[^\r\n]{0,60}?[0-9a-f]{32}"),
)


# Home folders. Those of WSL are two folders deeper; a folder that is only called home somewhere else is nobody's.
_HOMES = (b"/home/", b"/Users/", b"/root")
_HOME = re.compile(
    rb"/(?:(?<![\w.-]/)|(?<=[0-9\[][mK]/))"
    rb"""(?:(?:mnt/[a-z]/Users|Users|home)/[^/\x00-\x20"':;,|()<>*\[\]{}\\]+|root(?![\w.-]))"""
)


def homes(data: bytes) -> List[Tuple[int, int]]:
    """Return where home folders begin and end, their owner's name within."""
    if not any(map(data.__contains__, _HOMES)):
        return []
    return [one.span() for one in _HOME.finditer(data)]


def candidates(data: bytes) -> List[Tuple[int, int, int]]:
    """Return where a rule may match, in the order of the rules: its number, and the line's begin and end."""
    found: Set[Tuple[int, int, int]] = set()
    for text, gates in ((data, AS_IT_IS), (data.lower(), IN_LOWER_CASE)):
        for gate, numbers in gates:
            hit = gate.search(text)
            while hit:
                begin, end = line_around(text, hit.start(), hit.end())
                found.update((number, begin, end) for number in numbers)
                hit = gate.search(text, end)
    return sorted(found) if found else []


def line_around(text: bytes, begin: int, end: int) -> Tuple[int, int]:
    """Return begin and end of the line that holds a piece of text; its \\n is left out."""
    stop = text.find(b"\n", end)
    return text.rfind(b"\n", 0, begin) + 1, len(text) if stop < 0 else stop
