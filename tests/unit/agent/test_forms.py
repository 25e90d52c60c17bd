"""Gates: they leave out only what no rule would have found, wherever it stands and whatever stands around it."""

import itertools
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import many
from test_pump import carry

from dgops.agent import forms, pump, redact
from dgops.agent.redact import Redactor

NAMES = list(forms._RULES)
HANDED = ["s3cr3t-value", "correct horse"]
# Halves of what rules look for, so that they meet in every way; a handed value may hide the begin of a token.
PIECES = [b"hf_", b"HF_", b"gh", b"p_", b"github_pat_", b"wandb", b"_v1_", b"civitai", b"eyJ", b".eyJ", b"AKIA", b"sk-"]
PIECES += [b"xox", b"b-", b"xapp-", b"glpat-", b"rpa_", b"api", b"_org_", b"hooks.slack.com/services/", b"://", b"u:"]
PIECES += [b"pw@host", b"token", b"Token", b"SECRET", b"secret", b"key", b"_key", b"-key", b"access", b"pass", b"word"]
PIECES += [b"wd", b"phrase", b"Authorization", b": ", b"=", b":", b"Bearer ", b"basic ", b"--", b"-", b" ", b"\t", b'"']
PIECES += [b"'", b"\\", b"\\\\", b"/", b",", b"\n", b"\r", b"\r\n", b"x", b"Ab3dEf6hIj9" * 2, b"0123456789abcdef" * 2]
PIECES += [b"ABCDEFGH01234567", b"12345678", b"none", b"***", b"\xc3\xa9", b"\xff", b"s3cr3t-value", b"correct horse"]
PIECES += [b"/home/", b"/Users/", b"/root", b"/mnt/c", b"\x1b[1m"]
OUTPUT = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


class Ungated(Redactor):
    """The same rules, each tried on everything."""

    def spans(self, data):
        found = self._handed(data)
        texts = [data, redact._without(data, found)] if found else [data]
        for rule in forms.RULES:
            for one in texts if rule.kind == forms.TOKEN else [data]:
                found += filter(None, (redact._span(rule.kind, match) for match in rule.pattern.finditer(one)))
        found += [(*one.span(), redact.HOME_GONE) for one in forms._HOME.finditer(texts[-1])]
        return redact._merged(found) if found else found


def same(data, secrets=HANDED):
    found = Redactor(secrets).spans(data)
    assert found == Ungated(secrets).spans(data)
    return found


@settings(derandomize=True, max_examples=many(1500), deadline=None)
@given(OUTPUT)
def test_nothing_but_the_time_is_another(data):
    same(data)


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
@settings(derandomize=True, max_examples=many(60), deadline=None)
@given(data=st.data())
def test_whatever_a_rule_finds_passes_its_gate(number, data):
    pattern = forms.RULES[number].pattern
    made = data.draw(st.from_regex(pattern))
    before, after = data.draw(OUTPUT), data.draw(OUTPUT)
    text = before + b" " + made + b"\n" + after
    same(text)
    lines = {(begin, end) for one, begin, end in forms.candidates(text) if one == number}
    for match in pattern.finditer(text):
        assert forms.line_around(text, match.start(), match.end()) in lines


@settings(derandomize=True, max_examples=many(300), deadline=None)
@given(OUTPUT)
def test_no_match_reaches_over_the_end_of_a_line(data):
    for pattern in (*(rule.pattern for rule in forms.RULES), forms._HOME):
        assert not any(re.search(rb"[\r\n]", match.group()) for match in pattern.finditer(data))


def test_most_output_passes_no_gate():
    lines = [b"step 7 loss 0.1 tokens/s 900 token_count=5 [00:12<00:22]", b"loading tokenizer from https://host/a?b=c"]
    lines += [b"2026-01-01 12:00:00 INFO key=value cache_key: 12345678", b"state_dict key missing: lora_unet.weight"]
    assert forms.candidates(b"\n".join(lines)) == []


STREAM = (
    b"step 1 tokens/s 900\npassword: hunter22 --token abcdef\r\nhf_" + b"aB3dE5gH7j" * 3 + b" s3cr3t-value\n"
    b"\r10% token=abc\r20% token=abd\nbefore correct horse behind https://u:pw@host/x\n-----BEGIN PRIVATE KEY-----\n"
    b"MIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----\nAuthorization: Bearer abcdefghijklmnop.qrst\nend"
)


def test_every_split_of_a_stream_gives_what_the_rules_alone_would(tmp_path, monkeypatch):
    whole = carry(tmp_path, [STREAM], HANDED)
    assert not [one for one in (b"hunter22", b"abcdef ", b"aB3d", b"s3cr3t", b"horse", b"pw@", b"MIIE") if one in whole]
    seen = {carry(tmp_path, [STREAM[:at], STREAM[at:]], HANDED) for at in range(len(STREAM))}
    monkeypatch.setattr(Redactor, "spans", Ungated.spans)
    assert {carry(tmp_path, [STREAM], HANDED), *seen} == {whole}


@settings(derandomize=True, max_examples=many(150), deadline=None)
@given(OUTPUT, st.data())
def test_split_anywhere_and_silent_anywhere_it_is_what_the_rules_alone_give(tmp_path_factory, output, data):
    folder = tmp_path_factory.mktemp("split")
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=6))), len(output)]
    chunks = [output[begin:end] for begin, end in itertools.pairwise(edges)]
    silences = data.draw(st.sets(st.integers(0, len(chunks))))
    seen = carry(folder, chunks, HANDED, silences)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Redactor, "spans", Ungated.spans)
        assert carry(folder, chunks, HANDED, silences) == seen


@pytest.mark.parametrize("filler", [b"x", b"token: 1 ", b"\xc3\xa9", b"key ="])
def test_a_line_that_is_broken_is_what_the_rules_alone_give(tmp_path, monkeypatch, filler):
    data = (
        (filler * pump.LONGEST_LINE)[: pump.LONGEST_LINE - 20]
        + b" hf_"
        + b"aB3dE5gH7j" * 3
        + os.urandom(90000).hex().encode()
    )
    seen = carry(tmp_path, [data], HANDED)
    monkeypatch.setattr(Redactor, "spans", Ungated.spans)
    assert carry(tmp_path, [data], HANDED) == seen
