"""sd-scripts' dataset configuration: written from tables of the keys that it accepts, and checked against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.training import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

Config = dict[str, Any]

# What each level may hold, by the sanitizer of v0.9.1, which v0.10.1 only adds to. It rejects other keys and types.
SUBSET: Mapping[str, tuple[type, ...]] = {
    "caption_dropout_every_n_epochs": (int,),
    "caption_dropout_rate": (float, int),
    "caption_extension": (str,),
    "caption_prefix": (str,),
    "caption_separator": (str,),
    "caption_suffix": (str,),
    "caption_tag_dropout_rate": (float, int),
    "class_tokens": (str,),
    "color_aug": (bool,),
    "enable_wildcard": (bool,),
    "flip_aug": (bool,),
    "keep_tokens": (int,),
    "keep_tokens_separator": (str,),
    "num_repeats": (int,),
    "random_crop": (bool,),
    "secondary_separator": (str,),
    "shuffle_caption": (bool,),
    "token_warmup_min": (int,),
    "token_warmup_step": (float, int),
}
SUBSET_ONLY: Mapping[str, tuple[type, ...]] = {"image_dir": (str,), "is_reg": (bool,), "alpha_mask": (bool,)}
DATASET: Mapping[str, tuple[type, ...]] = {
    "batch_size": (int,),
    "bucket_no_upscale": (bool,),
    "bucket_reso_steps": (int,),
    "enable_bucket": (bool,),
    "max_bucket_reso": (int,),
    "min_bucket_reso": (int,),
    "network_multiplier": (float,),
    "resolution": (int, list),
}
# SDXL and FLUX.1 refuse others: their latents are cut into pieces of 32 pixels.
BUCKET_STEP = 64


def problems(config: Config) -> list[str]:
    """Return everything that sd-scripts would reject, and values that it would take and stumble over."""
    found = [f"{key}: unknown table" for key in config if key not in ("general", "datasets")]
    found += _table("general", config.get("general", {}), {**SUBSET, **DATASET})
    datasets = config.get("datasets")
    if not isinstance(datasets, list) or not datasets:
        return [*found, "datasets: there is none"]
    for number, dataset in enumerate(datasets):
        where = f"datasets[{number}]"
        subsets = dataset.get("subsets") if isinstance(dataset, dict) else None
        rest = (
            {key: value for key, value in dataset.items() if key != "subsets"} if isinstance(dataset, dict) else dataset
        )
        found += _table(where, rest, {**SUBSET, **DATASET})
        if not isinstance(subsets, list) or not subsets:
            found.append(f"{where}.subsets: there is none")
            continue
        for index, subset in enumerate(subsets):
            found += _table(f"{where}.subsets[{index}]", subset, {**SUBSET, **SUBSET_ONLY})
        folders = [one.get("image_dir") for one in subsets if isinstance(one, dict)]
        found += [f"{where}.subsets: one has no image_dir" for one in folders if not one]
        # It drops the second with a warning, and trains on less than was meant.
        if len(set(folders)) < len(folders):
            found.append(f"{where}.subsets: each needs an image_dir of its own")
    return found


def render(config: Config, head: str) -> str:
    """Return the configuration as TOML; raises DgopsError where sd-scripts would not take it."""
    wrong = problems(config)
    if wrong:
        raise DgopsError("\n  ".join(["sd-scripts would not take this dataset configuration:", *wrong]))
    return toml.render(config, head)


def _table(where: str, table: Any, accepted: Mapping[str, tuple[type, ...]]) -> list[str]:
    if not isinstance(table, dict):
        return [f"{where}: is no table"]
    found = []
    for key, value in table.items():
        if key not in accepted:
            found.append(f"{where}.{key}: unknown key")
        # type() and not isinstance(): a bool is an int to Python, and none to sd-scripts.
        elif type(value) not in accepted[key] or not _is_sound(key, value):
            found.append(f"{where}.{key}: {value!r} will not do")
    return found


def _is_sound(key: str, value: Any) -> bool:
    if key == "resolution":
        sides = value if isinstance(value, list) else [value, value]
        return len(sides) == 2 and all(type(side) is int and side >= 64 for side in sides)
    if key == "bucket_reso_steps":
        return bool(value > 0 and value % 32 == 0)
    if key in ("num_repeats", "batch_size"):
        return bool(value >= 1)
    return True
