import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.errors import UsageError
from dgops.hosts import ssh_line

CASES = json.loads((Path(__file__).parents[2] / "cases/hosts/ssh_lines.json").read_text())
WORD = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "id_ed25519"
    path.write_text("a key")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["line"] or "empty")
def test_cases(case, key):
    line = case["line"].replace("{key}", str(key))
    if "error" in case:
        with pytest.raises(UsageError) as caught:
            ssh_line.parse(line)
        assert case["error"] in caught.value.message
        assert case.get("hint", "") in caught.value.hint
        return
    parsed = ssh_line.parse(line)
    found = {
        "address": parsed.address,
        "port": parsed.port,
        "user": parsed.user,
        "identity": str(parsed.identity).replace(str(key), "{key}") if parsed.identity else None,
        "options": [list(option) for option in parsed.options],
    }
    assert {name: value for name, value in found.items() if value} == case["is"]


def test_a_windows_key_that_is_there_is_taken(monkeypatch, key):
    monkeypatch.setattr(ssh_line, "windows_to_wsl", lambda path: str(key))
    assert ssh_line.parse("ssh root@h -i C:\\keys\\id").identity == key


@given(WORD, st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True), st.integers(1, 65535))
def test_order_does_not_matter(user, address, port):
    lines = (
        f"ssh {user}@{address} -p {port}",
        f"ssh -p {port} {user}@{address}",
        f"-p{port} -l {user} {address}",
        f"ssh ssh://{user}@{address}:{port}",
    )
    assert {ssh_line.parse(line) for line in lines} == {ssh_line.SshLine(address, port, user)}


@given(st.text())
def test_nothing_but_a_usage_error(text):
    with contextlib.suppress(UsageError):
        assert not ssh_line.parse(text).address.startswith("-")
