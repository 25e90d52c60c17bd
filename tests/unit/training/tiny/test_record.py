"""What tiny leaves behind: whole or not there, never written over, and two states at the most."""


def test_a_lora_is_written_once_with_what_it_says(tiny):
    said = tiny.ask("""
from safetensors import safe_open
path = here / "deep/a.safetensors"
(here / "deep").mkdir(); (here / "deep/.a.safetensors.part").write_text("half, of a run that was killed")
record.write_lora(path, {"x": torch.ones(2)}, {"ss_steps": "4"})
record.write_lora(path, {"x": torch.zeros(2)}, {"ss_steps": "5"})
with safe_open(str(path), "pt") as kept:
    said = {"x": kept.get_tensor("x").tolist(), "head": kept.metadata()}
said["names"] = sorted(one.name for one in path.parent.iterdir())
""")
    assert said == {"x": [1.0, 1.0], "head": {"ss_steps": "4"}, "names": ["a.safetensors"]}


def test_equal_loras_are_equal_files(tiny):
    write = """
import hashlib
path = here / "NAME.safetensors"
facts = {f"ss_{number}": "学習" for number in range(20)}
record.write_lora(path, {"x": torch.ones(3), "a": torch.zeros(2)}, facts)
from safetensors.torch import load_file
kept = {name: one.tolist() for name, one in load_file(str(path)).items()}
said = [hashlib.sha256(path.read_bytes()).hexdigest(), kept]
"""
    found = [tiny.ask(write.replace("NAME", name)) for name in ("one", "two", "three")]
    assert found[0] == found[1] == found[2]
    assert found[0][1] == {"x": [1.0] * 3, "a": [0.0] * 2}


def test_a_state_there_and_back(tiny):
    said = tiny.ask("""
weight = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.AdamW([weight], lr=0.1)
weight.sum().backward(); optimizer.step()
folder = here / "a-step00000004-state"
(here / ".a-step00000004-state.part").mkdir(); (here / ".a-step00000004-state.part/rubbish").touch()
record.write_state(folder, {"x": weight.detach()}, optimizer, {"current_step": 4})
record.write_state(folder, {"x": torch.zeros(3)}, optimizer, {"current_step": 5})
weights, kept, facts = record.read_state(folder)
said["same"] = bool(torch.equal(weights["x"], weight.detach()))
said["facts"] = facts
said["moment"] = bool(torch.equal(kept["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"]))
said["names"] = sorted(one.name for one in folder.iterdir())
said["left"] = sorted(one.name for one in here.iterdir() if one.name.startswith("."))
""")
    assert said == {
        "same": True,
        "facts": {"current_step": 4},
        "moment": True,
        "names": ["lora.safetensors", "optimizer.pt", "train_state.json"],
        "left": [],
    }


def test_the_last_two_states_are_kept_and_no_other_runs(tiny):
    said = tiny.ask("""
for step in (4, 8, 12, 100):
    (here / f"a-step{step:08d}-state").mkdir()
(here / "ab-step00000001-state").mkdir()
record.drop_old_states(here, "a")
said["left"] = sorted(one.name for one in here.glob("*-state"))
""")
    assert said["left"] == ["a-step00000012-state", "a-step00000100-state", "ab-step00000001-state"]
