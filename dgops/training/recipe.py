"""Recipe files of kind `train`: read with every mistake at once, resolved against a preset."""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError, UsageError
from dgops.jobs.reader import Reader, scalar, text_of
from dgops.training import capabilities, presets, trainer
from dgops.training.values import Model, Recipe, Samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yaml.nodes import Node

HINT = "dgops recipes show tiny prints one that is whole"
OWN = ("kind", "trainer", "architecture", "network", "preset", "dataset", "trigger", "regularisation", "class_word")
NESTED = ("models", "samples", "options")
KEYS = (*OWN, *presets.KEYS, *NESTED)
TRIGGER = "[trigger]"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")
SOURCE = re.compile(r"https?://\S+|hf:[^/\s]+/[^/\s]+/\S+|[A-Za-z0-9._-]+:/\S+")
# With a dot: ai-toolkit's sections.
OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)?")
# Whole numbers and their bounds; the rest of a recipe's parameters are texts, or numbers of any size above 0.
WHOLE = {
    "rank": (1, 1024),
    "resolution": (16, 4096),
    "batch_size": (1, 1024),
    "steps": (1, 10_000_000),
    "epochs": (1, 100_000),
    "seed": (0, 2**31 - 1),
    "save_every": (0, 10_000_000),
}
REAL = ("learning_rate", "alpha")
WORDS = ("optimizer", "scheduler", "precision")


def load(path: Path) -> Recipe:
    """Read a recipe; raises ConfigError with every mistake, each with file, line and key."""
    return parse(text_of(path, HINT), path)


def parse(text: str, path: Path) -> Recipe:
    """Read a recipe's text; path names it in messages, and its folder is what relative paths are relative to."""
    reader = Reader(path, {}, [], KEYS, HINT)
    reader.open(text)
    if not NAME.fullmatch(path.stem):
        reader.problems.append(f"{path}: the file's name is the recipe's: letters, digits, and . _ - inside")
    kind = reader.text("kind", required=True)
    if kind and kind != "train":
        reader.note("kind", f"{kind!r} is not what is trained by: kind: train")
    chosen = _chosen(reader)
    overrides = _overrides(reader)
    models, samples, options = _models(reader), _samples(reader), _options(reader)
    if chosen is None:
        raise ConfigError(reader.problems, HINT)
    name, architecture, preset = chosen
    recipe = Recipe(
        name=path.stem,
        trainer=name,
        architecture=architecture,
        preset=preset,
        dataset=_folder(reader, "dataset"),
        trigger=reader.text("trigger"),
        parameters=presets.parameters(architecture, preset, overrides),
        samples=samples,
        models=models,
        regularisation=_folder(reader, "regularisation"),
        class_word=reader.text("class_word"),
        options=options,
    )
    if "every" not in _given(reader, "samples"):
        recipe = replace(recipe, samples=replace(samples, every=recipe.parameters.save_every))
    _judge(reader, recipe)
    if reader.problems:
        raise ConfigError(reader.problems, HINT)
    return recipe


def _chosen(reader: Reader) -> tuple[str, str, str] | None:
    """Return trainer, architecture and preset; None where they do not go together."""
    name = reader.text("trainer", required=True)
    architecture = reader.text("architecture")
    preset = (reader.text("preset") or presets.DEFAULT).lower().replace(" ", "-")
    wrong = capabilities.complaint(reader.text("network") or "lora")
    if wrong:
        reader.note("network", wrong)
    if preset not in presets.NAMES:
        reader.note("preset", f"{preset!r} is no preset (known: {', '.join(presets.NAMES)})")
        preset = presets.DEFAULT
    try:
        known = trainer.get(name).architectures if name else {}
    except UsageError as error:
        reader.note("trainer", f"{error.message}; {error.hint}")
        return None
    if not architecture and len(known) == 1:
        architecture = next(iter(known))
    if name and architecture not in known:
        said = f"{architecture!r} is nothing that {name} trains" if architecture else "missing"
        reader.problems.append(f"{reader.path}: architecture: {said} (known: {', '.join(known)})")
    return (name, architecture, preset) if name and architecture in known else None


def _overrides(reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, (least, most) in WHOLE.items():
        if key in reader.nodes:
            found[key] = reader.number(key, least, most, least)
    for key in REAL:
        text = reader.text(key)
        if text:
            found[key] = _real(text)
            if not 0 < found[key] < math.inf:
                reader.note(key, f"{text!r} is no number above 0")
    texts = {key: reader.text(key) for key in WORDS if key in reader.nodes}
    # A class's full name is spelt as it is.
    found |= {key: text if "." in text else text.lower() for key, text in texts.items()}
    if "optimizer_args" in reader.nodes:
        found["optimizer_args"] = tuple(reader.words("optimizer_args"))
    if "steps" in found and "epochs" in found:
        reader.note("epochs", "given beside steps: one of them says how long it is")
    return found


def _judge(reader: Reader, recipe: Recipe) -> None:
    """Take note of what the trainer cannot do."""
    chosen = trainer.get(recipe.trainer)
    for role in chosen.architectures[recipe.architecture]:
        if recipe.model(role) is None:
            reader.note("models", f"{recipe.trainer} needs {role} for {recipe.architecture}")
    if recipe.regularisation and not recipe.class_word:
        reader.note("regularisation", "its images need a caption: class_word")
    for key, words in chosen.complaints(recipe):
        reader.note(key.partition(".")[0], words)


def _models(reader: Reader) -> tuple[Model, ...]:
    found = []
    for role, at, value in _nested(reader, "models"):
        text = scalar(value)
        rows = {"file": value} if text is not None else {key: node for key, _, node in _rows(reader, value, "models")}
        said = {key: scalar(node) or "" for key, node in rows.items()}
        _unknown(reader, f"models: {role}", rows, ("file", "sha256", "source"))
        file, sha256, source = (said.get(key, "") for key in ("file", "sha256", "source"))
        if not file or file.startswith("/") or ".." in file.split("/"):
            reader.note("models", f"{role}: file is a name below the host's folder of models", at)
        if sha256 and not SHA256.fullmatch(sha256.lower()):
            reader.note("models", f"{role}: sha256 is not 64 hexadecimal digits", rows["sha256"])
        if source and not SOURCE.fullmatch(source):
            reader.note("models", f"{role}: source is neither URL, hf:OWNER/NAME/FILE nor HOST:/PATH", rows["source"])
        found.append(Model(role, file, sha256.lower(), source))
    return tuple(found)


def _samples(reader: Reader) -> Samples:
    rows = _given(reader, "samples")
    _unknown(reader, "samples", rows, ("prompts", "every", "seed"))
    inner = Reader(reader.path, rows, reader.problems, ("prompts", "every", "seed"), HINT)
    prompts = tuple(inner.words("prompts")) if "prompts" in rows else (TRIGGER,)
    return Samples(prompts, inner.number("every", 0, 10_000_000, 0), inner.number("seed", 0, 2**31 - 1, Samples.seed))


def _options(reader: Reader) -> dict[str, str]:
    found = {}
    for name, at, value in _nested(reader, "options"):
        text = scalar(value)
        if not OPTION.fullmatch(name) or text is None:
            reader.note("options", f"{name!r} is no option with a value (without dashes)", at)
        else:
            found[name] = text
    return found


def _folder(reader: Reader, key: str) -> str:
    text = reader.text(key)
    # Normalised and not resolved: a link stays what the person named.
    return os.path.normpath(reader.path.absolute().parent / text) if text else ""


def _given(reader: Reader, key: str) -> dict[str, Node]:
    return {name: value for name, _, value in _nested(reader, key, told=False)}


def _nested(reader: Reader, key: str, told: bool = True) -> Sequence[tuple[str, Node, Node]]:
    node = reader.nodes.get(key)
    return _rows(reader, node, key, told) if node is not None else ()


def _rows(reader: Reader, node: Node, key: str, told: bool = True) -> Sequence[tuple[str, Node, Node]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return reader.pairs(node, key)
    if told:
        reader.note(key, "is no mapping of names to values", node)
    return ()


def _unknown(reader: Reader, key: str, rows: dict[str, Node], known: tuple[str, ...]) -> None:
    for name in rows.keys() - set(known):
        reader.note(key, f"unknown key {name} (known: {', '.join(known)})", rows[name])


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def with_trigger(recipe: Recipe, trigger: str) -> Recipe:
    """Return the recipe with its trigger word, in its prompts as well."""
    prompts = tuple(text.replace(TRIGGER, trigger) for text in recipe.samples.prompts)
    samples = replace(recipe.samples, prompts=prompts)
    return replace(recipe, trigger=trigger, samples=samples)
