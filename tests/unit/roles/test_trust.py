"""When the trust store is rebuilt: where a certificate is not in it."""

import os
import subprocess

import pytest
from role_programs import ROLES

PROGRAM = (ROLES / "ca_certificates/files/trust.sh").read_text()
BODY = "-----BEGIN CERTIFICATE-----\nfirst\n{}\nlast\n-----END CERTIFICATE-----\n"


@pytest.fixture
def trust(tmp_path):
    """Return `trust(mode)` on folders of the test's own, with a tool that only concatenates."""
    added, bundle = tmp_path / "added", tmp_path / "certs/bundle.crt"
    added.mkdir()
    bundle.parent.mkdir()
    bundle.write_text(BODY.format("old"))
    programs = tmp_path / "bin"
    programs.mkdir()
    tool = programs / "update-ca-certificates"
    tool.write_text(f"#!/bin/sh\ncat {added}/*.crt >>{bundle}\n")
    tool.chmod(0o755)
    program = PROGRAM.replace("/usr/local/share/ca-certificates", str(added))
    program = program.replace("/etc/ssl/certs/ca-certificates.crt", str(bundle))

    def run(mode):
        env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-s", "--", mode], input=program, env=env, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, bundle.read_text()

    return added, run


def test_nothing_new(trust):
    added, run = trust
    (added / "a.crt").write_text(BODY.format("old"))
    assert run("apply") == ("", BODY.format("old"))


def test_a_new_one(trust):
    added, run = trust
    (added / "a.crt").write_text(BODY.format("new").replace("\n", "\r\n"))
    said, bundle = run("check")
    assert said == f"trusted: {added}/a.crt\n"
    assert "new" not in bundle
    assert "new" in run("apply")[1]
    assert run("apply")[0] == "", "Windows' line ends are none of the certificate"


def test_a_certificate_that_somebody_altered(trust):
    added, run = trust
    (added / "a.crt").write_text(BODY.format("new"))
    run("apply")
    bundle = added.parent / "certs/bundle.crt"
    bundle.write_text(bundle.read_text().replace("first\nnew", "other\nnew"))
    assert run("check")[0] == f"trusted: {added}/a.crt\n"


def test_a_chain_with_words_between(trust):
    added, run = trust
    (added / "a.crt").write_text("Words\n" + BODY.format("one") + "more words\n" + BODY.format("two") + "the end\n")
    assert run("apply")[0]
    assert run("apply")[0] == ""


def test_no_store_at_all(trust):
    added, run = trust
    (added / "a.crt").write_text(BODY.format("new"))
    (added.parent / "certs/bundle.crt").unlink()
    assert run("apply")[0]
    assert run("apply")[0] == ""
