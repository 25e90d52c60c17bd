"""A small diffusion UNet that is the same on every machine, the LoRA on it, and that LoRA's names in kohya's files."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

SIDE_OF_WORD, WORDS = 32, 16
# What has weights in attention, feed-forward and convolutions; norms have none that a LoRA could take.
TARGETS = "to_q|to_k|to_v|to_out.0|ff.net.0.proj|ff.net.2|proj_in|proj_out|conv1|conv2|conv_in|conv_out|time_emb_proj"
BASE_SEED = 0


def base(resolution: int) -> Any:
    """Return the base model: random, from a seed of its own, so that a LoRA fits it wherever it was trained."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(BASE_SEED)
        return UNet2DConditionModel(
            sample_size=resolution,
            in_channels=3,
            out_channels=3,
            block_out_channels=(32, 64),
            layers_per_block=1,
            norm_num_groups=8,
            cross_attention_dim=SIDE_OF_WORD,
            attention_head_dim=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        )


def with_lora(unet: Any, rank: int, alpha: float, seed: int) -> Any:
    """Return the model with a LoRA that changes nothing yet; only its weights learn."""
    from peft import LoraConfig, get_peft_model

    names = rf".*\.?({TARGETS.replace('.', chr(92) + '.')})$"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(unet, LoraConfig(r=rank, lora_alpha=alpha, target_modules=names))


def words(captions: list[str]) -> torch.Tensor:
    """Return captions as a text encoder would: each word is a vector that its letters alone decide."""
    found = torch.zeros(len(captions), WORDS, SIDE_OF_WORD)
    for row, caption in enumerate(captions):
        for at, word in enumerate(caption.lower().replace(",", " ").split()[:WORDS]):
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") >> 1
            found[row, at] = torch.randn(SIDE_OF_WORD, generator=torch.Generator().manual_seed(seed))
    return found


def weights(model: Any, alpha: float) -> dict[str, torch.Tensor]:
    """Return the LoRA's weights by the names that kohya's files have."""
    found = {}
    for name, tensor in model.state_dict().items():
        for ours, theirs in (("lora_A", "lora_down"), ("lora_B", "lora_up")):
            part = f".{ours}.default.weight"
            if name.endswith(part):
                module = "lora_unet_" + name.removeprefix("base_model.model.").removesuffix(part).replace(".", "_")
                found[f"{module}.{theirs}.weight"] = tensor.detach().to("cpu").contiguous()
                found[f"{module}.alpha"] = torch.tensor(float(alpha))
    return found


def take(model: Any, found: dict[str, torch.Tensor]) -> None:
    """Put weights into the LoRA; raises KeyError or RuntimeError where they belong to another one."""
    mine = weights(model, 1.0)
    strange = found.keys() ^ mine.keys()
    if strange:
        raise KeyError(f"{sorted(strange)[0]} and {len(strange) - 1} more do not belong to both")
    state = model.state_dict()
    with torch.no_grad():
        for name in state:
            for ours, theirs in (("lora_A", "lora_down"), ("lora_B", "lora_up")):
                part = f".{ours}.default.weight"
                if name.endswith(part):
                    module = name.removeprefix("base_model.model.").removesuffix(part).replace(".", "_")
                    state[name].copy_(found[f"lora_unet_{module}.{theirs}.weight"])
