"""What bad weights may have written is moved away, and nothing that is older than they are."""

from dgops.training import aside
from dgops.training.values import Outputs, State

FILES = ("a-5.safetensors", "a-10.safetensors", "a-15.safetensors", "a.safetensors")


def written(output):
    for name in (*FILES, *(f"results/{one}" for one in FILES)):
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_text(name)
    for step in (5, 10):
        (output / f"state-{step}").mkdir()
        (output / f"state-{step}/optimizer.pt").write_text("")
    states = tuple(State(step, 1, f"state-{step}") for step in (5, 10))
    return Outputs(
        {"a-5.safetensors": 5, "a-10.safetensors": 10, "a-15.safetensors": 15}, final=FILES[-1], states=states
    )


def test_all_from_the_last_good_step_on_goes_and_the_rest_stays(tmp_path):
    found = written(tmp_path)
    aside.move(tmp_path, found, 10)
    left = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()}
    kept = {"a-5.safetensors", "results/a-5.safetensors", "state-5/optimizer.pt"}
    moved = {one for one in left if one.startswith(aside.SPOILT)}
    assert left - moved == kept
    assert {one.rpartition("/")[2] for one in moved} == {*FILES[1:], "optimizer.pt"}


def test_twice_in_a_row_writes_over_nothing(tmp_path):
    for _ in range(2):
        (tmp_path / FILES[-1]).write_text("")
        aside.move(tmp_path, Outputs(final=FILES[-1]), 1)
    assert len(list((tmp_path / aside.SPOILT).rglob(FILES[-1]))) == 2


def test_what_is_gone_already_is_no_error(tmp_path):
    aside.move(tmp_path, Outputs({"a-5.safetensors": 5}), 1)
    assert not list(tmp_path.rglob("*.safetensors"))
