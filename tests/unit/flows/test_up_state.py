"""What an `up` remembers: read back, damaged, held by one at a time; and what makes two pieces of work one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dgops.errors import BusyError
from dgops.flows import up_state as room
from dgops.flows.up_state import State
from dgops.jobs import source
from dgops.jobs.gpus import Gpus
from dgops.jobs.job import Input, Output, Request


def test_there_and_back_for_each_name(tmp_path):
    kept = State("f1", {"name": "one", "gpus": ["L40S"]}, True, "0123abcd")
    room.write(tmp_path, "one", kept)
    assert room.read(tmp_path, "one") == kept
    assert room.read(tmp_path, "two") == State()
    assert (tmp_path / "up/one.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"fingerprint": "f", "pod": 3, "done": true, "job": ""}', "\xff"]
)
def test_what_is_damaged_is_as_good_as_none(tmp_path, text):
    (tmp_path / "up").mkdir()
    (tmp_path / "up/one.json").write_text(text, encoding="latin-1")
    assert room.read(tmp_path, "one") == State()


def test_done_is_nothing_but_true(tmp_path):
    (tmp_path / "up").mkdir()
    said = {"fingerprint": "f", "pod": {}, "done": "no", "job": ""}
    (tmp_path / "up/one.json").write_text(json.dumps(said))
    assert not room.read(tmp_path, "one").done


def test_one_at_a_time_for_each_name(tmp_path):
    one, two = room.alone(tmp_path, "one"), room.alone(tmp_path, "two")
    refused = pytest.raises(BusyError, match="another dgops up of one goes on")
    with one, two, refused, room.alone(tmp_path, "one"):
        pytest.fail("both are in")
    with room.alone(tmp_path, "one"):
        pass


def test_the_same_work_is_the_same_to_the_byte_and_other_work_is_not(tmp_path):
    (tmp_path / "in").mkdir()
    script = tmp_path / "in/train.py"
    script.write_text("print(1)")
    asked = Request(
        "script", "w", ("python3", "train.py"), (Input(tmp_path / "in", "in"),), (Output("out", Path("out")),)
    )

    def known(request):
        return room.fingerprint(request, source.read(request.inputs, "me", tmp_path / "state"))

    first = known(asked)
    assert known(asked) == first
    # A token that was renewed, or a higher priority, makes it no other work.
    assert known(replace(asked, secrets={"T": "x"}, priority=5, retries=2)) == first
    others = [
        replace(asked, argv=("python3", "other.py")),
        replace(asked, env={"A": "b"}),
        replace(asked, gpus=Gpus(count=1)),
        replace(asked, resume=("python3", "again.py")),
        replace(asked, outputs=(Output("out", Path("elsewhere")),)),
        replace(asked, inputs=()),
    ]
    found = [first, *map(known, others)]
    script.write_text("print(2)")
    found.append(known(asked))
    script.chmod(0o755)
    found.append(known(asked))
    assert len(set(found)) == len(found)
