"""Every rule is broken by one change and named for it; a good file breaks none."""

import bz2
import gzip
import lzma
import tarfile

import pytest
from breaks import CASES
from distros import Piece

from dgops.images.check import check, to_json
from dgops.images.rule_table import RULES
from dgops.images.rules import ERROR


@pytest.mark.parametrize("prefix", ["./", "", "/"])
def test_a_good_file_breaks_no_rule(make_wsl, prefix):
    report = check(make_wsl(prefix=prefix))
    assert report.findings == ()
    assert report.ok


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.found[:30]}")
def test_one_change_breaks_one_rule(make_wsl, case):
    report = check(make_wsl(case.changes))
    assert {one.rule for one in report.findings} == {case.rule, *case.also}
    broken = [one for one in report.findings if one.rule == case.rule]
    assert any(case.found in one.found for one in broken), broken
    assert all(one.mend for one in broken)
    severity = next(rule.severity for rule in RULES if rule.name == case.rule)
    assert {one.severity for one in broken} == {severity}


def test_every_rule_has_a_case():
    tried = {case.rule for case in CASES} | {"the packing is known"}
    assert tried == {rule.name for rule in RULES}


def test_warnings_are_no_reason_to_refuse(make_wsl):
    for case in CASES:
        severities = {rule.name: rule.severity for rule in RULES}
        expected = ERROR not in {severities[name] for name in (case.rule, *case.also)}
        assert check(make_wsl(case.changes)).ok is expected


def test_bzip2_is_read_and_warned_of(make_wsl, tmp_path):
    path = tmp_path / "other.wsl"
    path.write_bytes(bz2.compress(gzip.decompress(make_wsl().read_bytes())))
    report = check(path)
    assert [one.rule for one in report.findings] == ["the packing is known"]


def test_xz_and_plain_tars_are_fine(make_wsl, tmp_path):
    plain = gzip.decompress(make_wsl().read_bytes())
    for number, content in enumerate([plain, lzma.compress(plain)]):
        path = tmp_path / f"{number}.wsl"
        path.write_bytes(content)
        assert check(path).findings == ()


def test_the_shell_may_be_a_hard_link(make_wsl):
    changes = {"usr/bin/sh": Piece(type=tarfile.LNKTYPE, target="./usr/bin/dash", mode=0o755)}
    assert check(make_wsl(changes)).findings == ()


def test_as_json(make_wsl):
    found = to_json(check(make_wsl({"etc/resolv.conf": None, "etc/wsl-distribution.conf": None})))
    assert found["ok"] is False
    assert found["rules"] == len(RULES)
    assert found["findings"][0]["rule"] == "the distribution is described"
    assert set(found["findings"][0]) == {"rule", "severity", "found", "mend"}
