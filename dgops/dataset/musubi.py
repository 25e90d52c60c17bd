"""musubi-tuner's dataset configuration: written from a table of the keys that it accepts, and checked against it.

musubi rejects unknown keys but checks few values, so values are checked here.
"""

from __future__ import annotations

import json
from typing import Any

from dgops.errors import DgopsError

Config = dict[str, Any]

# What [general] may hold, and every dataset as well.
SHARED: dict[str, type] = {
    "caption_extension": str,
    "batch_size": int,
    "num_repeats": int,
    "resolution": list,
    "enable_bucket": bool,
    "bucket_no_upscale": bool,
}
# What a dataset of images may hold besides.
IMAGES: dict[str, type] = {
    "image_directory": str,
    "image_jsonl_file": str,
    "cache_directory": str,
    "control_directory": str,
    "multiple_target": bool,
    "no_resize_control": bool,
    "control_resolution": list,
}
# A set of any size gives about this many steps in an epoch.
STEPS_PER_EPOCH = 100
HEAD = """\
# musubi-tuner's dataset configuration of the set {slug}: {count} images, trigger word {trigger}.
# Latents go to a folder of their own, so that 256/ holds what was shipped and nothing else.
"""


def plan(folder: str, slug: str, side: int, count: int) -> Config:
    """Return the configuration of a set that lies in folder/256, as that system writes its paths."""
    general = {
        "resolution": [side, side],
        "caption_extension": ".txt",
        "batch_size": 1,
        "num_repeats": max(1, round(STEPS_PER_EPOCH / count)),
        "enable_bucket": True,
        "bucket_no_upscale": True,
    }
    place = folder.rstrip("/")
    images = {"image_directory": f"{place}/{side}", "cache_directory": f"{place}/cache_{slug}"}
    return {"general": general, "datasets": [images]}


def problems(config: Config) -> list[str]:
    """Return everything that musubi-tuner would reject, and values that it would take and stumble over."""
    found = [f"{key}: unknown table" for key in config if key not in ("general", "datasets")]
    general, datasets = config.get("general", {}), config.get("datasets")
    found += _table_problems("general", general, SHARED)
    if not isinstance(datasets, list) or not datasets:
        return [*found, "datasets: there is none"]
    for number, dataset in enumerate(datasets):
        where = f"datasets[{number}]"
        found += _table_problems(where, dataset, {**SHARED, **IMAGES})
        given = {"image_directory", "image_jsonl_file"} & set(dataset)
        if len(given) != 1:
            found.append(f"{where}: needs image_directory or image_jsonl_file")
        if "image_directory" in given and "caption_extension" not in {**general, **dataset}:
            found.append(f"{where}: a folder of images needs caption_extension")
    caches = [one.get("cache_directory", one.get("image_directory")) for one in datasets]
    if len(set(caches)) < len(caches):
        found.append("datasets: each needs a cache_directory of its own")
    return found


def render(config: Config, head: str) -> str:
    """Return the configuration as TOML; raises DgopsError where musubi-tuner would not take it."""
    wrong = problems(config)
    if wrong:
        raise DgopsError("\n  ".join(["musubi-tuner would not take this configuration:", *wrong]))
    lines = [head.rstrip("\n"), "", "[general]", *_lines(config["general"])]
    for dataset in config["datasets"]:
        lines += ["", "[[datasets]]", *_lines(dataset)]
    return "\n".join(lines) + "\n"


def _table_problems(where: str, table: Any, accepted: dict[str, type]) -> list[str]:
    if not isinstance(table, dict):
        return [f"{where}: is no table"]
    found = [f"{where}.{key}: unknown key" for key in table if key not in accepted]
    for key, value in table.items():
        # type() and not isinstance(): a bool is an int to Python, and none to musubi-tuner.
        if key in accepted and (type(value) is not accepted[key] or not _is_sound(key, value)):
            found.append(f"{where}.{key}: {value!r} will not do")
    return found


def _is_sound(key: str, value: Any) -> bool:
    if key.endswith("resolution"):
        return len(value) == 2 and all(type(side) is int and side >= 16 for side in value)
    if type(value) is str:
        return bool(value) and value.isprintable()
    return type(value) is bool or value >= 1


def _lines(table: dict[str, Any]) -> list[str]:
    # JSON's strings, numbers, booleans and lists are TOML's, once nothing unprintable is left in them.
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
