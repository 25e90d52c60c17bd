"""tiny's network: the same on every machine, a LoRA that begins as nothing, and kohya's names for it."""


def test_the_base_is_the_same_whatever_was_drawn_before(tiny):
    said = tiny.ask("""
first = network.base(32).state_dict()
torch.manual_seed(7); torch.randn(100)
before = torch.get_rng_state()
again = network.base(32).state_dict()
said["same"] = all(torch.equal(first[name], again[name]) for name in first)
said["undisturbed"] = bool(torch.equal(before, torch.get_rng_state()))
""")
    assert said == {"same": True, "undisturbed": True}


def test_a_lora_changes_nothing_at_first_and_learns_alone(tiny):
    said = tiny.ask("""
noisy, time, text = torch.randn(1, 3, 32, 32), torch.tensor([5]), network.words(["amira"])
unet = network.base(32)
with torch.no_grad():
    plain = unet(noisy, time, text).sample
    model = network.with_lora(unet, 4, 8.0, 42)
    said["same"] = bool(torch.equal(plain, model(noisy, time, text).sample))
learning = [name for name, one in model.named_parameters() if one.requires_grad]
said["learning"] = bool(learning) and all("lora_" in name for name in learning)
found = network.weights(model, 8.0)
said["names"] = sorted({name.rpartition(".")[0].rpartition(".")[2] or name for name in found})
said["kohya"] = all(name.startswith("lora_unet_") and "." not in name.split(".")[0] for name in found)
said["alpha"] = sorted({one.item() for name, one in found.items() if name.endswith(".alpha")})
downs = {name.removesuffix(".lora_down.weight") for name in found if name.endswith(".lora_down.weight")}
said["whole"] = all({f"{one}.lora_up.weight", f"{one}.alpha"} <= found.keys() for one in downs)
said["rank"] = sorted({found[f"{one}.lora_down.weight"].shape[0] for one in downs})
""")
    assert (said["same"], said["learning"], said["kohya"], said["whole"]) == (True, True, True, True)
    assert (said["alpha"], said["rank"]) == ([8.0], [4])


def test_weights_there_and_back_and_those_of_another_are_refused(tiny):
    said = tiny.ask("""
first = network.with_lora(network.base(32), 4, 4.0, 1)
with torch.no_grad():
    for name, one in first.named_parameters():
        if one.requires_grad:
            one.normal_()
kept = network.weights(first, 4.0)
other = network.with_lora(network.base(32), 4, 4.0, 2)
network.take(other, kept)
said["same"] = all(torch.equal(one, network.weights(other, 4.0)[name]) for name, one in kept.items())
for change in (lambda one: one.pop(next(iter(one))), lambda one: one.update(x=torch.ones(1))):
    strange = dict(kept); change(strange)
    try:
        network.take(other, strange)
    except KeyError as error:
        said.setdefault("refused", []).append(str(error))
try:
    network.take(network.with_lora(network.base(32), 8, 4.0, 2), kept)
except RuntimeError:
    said["rank"] = "refused"
""")
    assert said["same"]
    assert len(said["refused"]) == 2
    assert "do not belong to both" in said["refused"][0]
    assert said["rank"] == "refused"


def test_a_word_is_what_its_letters_are(tiny):
    said = tiny.ask("""
one = network.words(["Amira, a photo", "a photo"])
two = network.words(["amira a photo"])
said["same"] = bool(torch.equal(one[0], two[0]))
said["moved"] = bool(torch.equal(one[0][1], one[1][0]))
said["rest"] = float(one[1][2:].abs().sum())
said["long"] = list(network.words(["w " * 100]).shape)
said["none"] = list(network.words([""]).shape)
""")
    assert said == {"same": True, "moved": True, "rest": 0.0, "long": [1, 16, 32], "none": [1, 16, 32]}
