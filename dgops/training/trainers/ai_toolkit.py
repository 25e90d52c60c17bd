"""ai-toolkit: LoRAs of FLUX.1-dev, out of a YAML that its own command line runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.training import command, memory, options, progress
from dgops.training.values import Outputs, Plan, State, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dgops.training.values import Dataset, Parameters, Place, Progress, Recipe, Written

TABLE = "ai-toolkit-27a03a91"
ENV = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    # Downloads through it hang without a word: "stuck at starting".
    "HF_HUB_DISABLE_XET": "1",
}
OPTIMIZERS = ("adam", "adamw", "adamw8bit", "adafactor", "lion", "lion8bit", "prodigy", "prodigy8bit", "automagic")
SCHEDULERS = ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts")
PRECISIONS = ("bf16", "fp16", "fp32")
RESOLUTIONS = (512, 768, 1024)
SAVES = 8
# What dgops decides itself.
OURS = frozenset(
    f"{section}.{key}"
    for section, keys in {
        "network": ("type", "linear", "linear_alpha", "pretrained_lora_path"),
        "save": ("save_every", "max_step_saves_to_keep", "push_to_hub", "hf_repo_id"),
        "datasets": ("folder_path", "caption_ext", "resolution"),
        "train": ("batch_size", "steps", "start_step", "lr", "optimizer", "optimizer_params", "lr_scheduler", "dtype"),
        "sample": ("prompts", "sample_every", "seed", "width", "height"),
        "logging": ("log_every", "use_ui_logger"),
    }.items()
    for key in keys
)
# It goes on from whatever in its folder begins with the job's name, the newest of these included.
BESIDE = ("samples", "optimizer.pt", "config.yaml", "log.txt", "logs", "loss_log.db", "README.md")
FILE = r"run(?P<run>\d{{1,4}})/{0}/{0}(?:_(?P<step>\d{{9,12}}))?\.safetensors"
SAMPLE = r"run(?P<run>\d{{1,4}})/{0}/samples/\d+__(?P<step>\d{{9,12}})_\d+\.\w+"


@dataclass(frozen=True)
class AiToolkit:
    """The plugin."""

    name: str = "ai-toolkit"
    app: str = "ai-toolkit"
    lock: str = "ai-toolkit"
    gpu: bool = True

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Return its architecture; the model is a repository of a hub, or a folder: options.model.name_or_path."""
        return {"flux": ()}

    def complaints(self, recipe: Recipe) -> Sequence[tuple[str, str]]:
        """Return what of a recipe it cannot do."""
        found = list(command.parameters(recipe, OPTIMIZERS, SCHEDULERS, PRECISIONS))
        if recipe.regularisation:
            found.append(("regularisation", "not with ai-toolkit; leave it out, or use sd-scripts"))
        if any(name.startswith(recipe.name) for name in BESIDE):
            found.append(("name", f"ai-toolkit would take files of its own for checkpoints of {recipe.name!r}"))
        found += _options(recipe.options)
        for key, text in (("trigger", recipe.trigger), *(("samples.prompts", one) for one in recipe.samples.prompts)):
            if "${" in text or "[name]" in text:
                found.append((key, "holds ${ or [name], which ai-toolkit replaces"))
        return found

    def plan(self, recipe: Recipe, dataset: Dataset, place: Place, state: State | None = None) -> Plan:
        """Return what would run. A resumed run has a folder of its own that holds one checkpoint."""
        run = state.runs + 1 if state else 1
        begin = state.step if state else 0
        parameters = recipe.parameters
        per_epoch = max(1, -(-dataset.images // parameters.batch_size))
        total = parameters.steps or parameters.epochs * per_epoch
        if begin >= total:
            raise DgopsError(f"{recipe.name} has trained {begin} of {total} steps: nothing is left")
        setting = memory.setting(recipe, place.vram_gib)
        folder = f"{place.output}/run{run}"
        config = _config(recipe, place, folder, total, {**setting.options, **recipe.options})
        path = f"run{run}.yaml"
        argv = (place.python, f"{place.app}/run.py", f"{place.output}/{path}")
        train = Step(f"train {recipe.name}", argv, {**ENV, "SEED": str(parameters.seed)}, trains=True)
        return Plan(
            files={path: render(config, f"dgops 1: ai-toolkit's configuration of {recipe.name}, set {dataset.digest}")},
            steps=(*_only(recipe, place, folder, state), train),
            total=total,
            epochs=-(-total // per_epoch),
            lora=f"run{run}/{recipe.name}/{recipe.name}.safetensors",
            begin=begin,
            estimate=memory.estimate(setting),
            notes=("FLUX.1-dev is gated: HF_TOKEN must be a secret of the job",) if _is_hub(config) else (),
        )

    def progress(self, line: str) -> Progress | None:
        """Return what a state of a line says; its steps are absolute, after a resume as well."""
        return progress.ai_toolkit(line)

    def outputs(self, recipe: Recipe, plan: Plan, written: Written) -> Outputs:
        """Sort what lies in the output folder."""
        checkpoints, samples, states, finals = {}, {}, [], {}
        runs = 1
        file, sample = (re.compile(one.format(re.escape(recipe.name))) for one in (FILE, SAMPLE))
        for path, (size, _) in sorted(written.files.items()):
            match = file.fullmatch(path)
            if match:
                runs = max(runs, int(match["run"]))
            if match and path in written.notes:
                step = _step(written, path, int(match["step"] or plan.total))
                checkpoints[path] = step
                if not match["step"]:
                    finals[int(match["run"])] = path
                elif step < plan.total:
                    states.append((step, path))
            elif match:
                # It would go on from half a file: the next run begins anew, in a folder of its own.
                states.append((0, ""))
            elif size and (match := sample.fullmatch(path)):
                samples[path] = int(match["step"])
        per_epoch = plan.total // plan.epochs if plan.epochs else 0
        whole = tuple(
            State(step, step // per_epoch if per_epoch else 0, path, runs, per_epoch) for step, path in sorted(states)
        )
        final = finals.get(max(finals, default=0), "")
        return Outputs(checkpoints, samples, whole[-1] if whole else None, final, whole)

    def cached(self, written: Written) -> int:
        """Return how many items are cached: it caches by itself, beside the images."""
        return len(written.files)


def render(config: Mapping[str, Any], head: str) -> str:
    """Return a configuration as YAML."""
    import yaml

    text = str(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=10_000))
    if yaml.safe_load(text) != config:
        # It writes U+0085 as it is, and reads it as a line's end.
        text = str(yaml.safe_dump(dict(config), sort_keys=False, width=10_000))
    return f"# {head}\n{text}"


def complaints(config: Mapping[str, Any]) -> list[str]:
    """Return the keys of a configuration that no part of ai-toolkit reads: it ignores them without a word."""
    known = options.read(TABLE)["sections"]
    found = []
    for process in config["config"]["process"]:
        for section, value in process.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    found += [f"{section}.{key}" for key in one if key not in known.get(section, {})]
    return found


def _options(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    import yaml

    known = options.read(TABLE)["sections"]
    for key, text in given.items():
        section, dot, name = key.partition(".")
        if not dot or section not in known:
            yield f"options.{key}", f"is no SECTION.KEY of ai-toolkit (sections: {', '.join(sorted(known))})"
        elif key in OURS:
            yield f"options.{key}", "is set by dgops, out of the recipe's other keys"
        elif name not in known[section]:
            yield f"options.{key}", f"nothing in ai-toolkit reads it in {section}"
        try:
            yaml.safe_load(text)
        except yaml.YAMLError:
            yield f"options.{key}", f"{text!r} is no YAML"


def _config(recipe: Recipe, place: Place, folder: str, total: int, given: Mapping[str, str]) -> dict[str, Any]:
    import yaml

    parameters = recipe.parameters
    process: dict[str, Any] = {
        # The UI's own kinds of process fail, or look for its database.
        "type": "sd_trainer",
        "training_folder": folder,
        "device": "cuda:0",
        "trigger_word": recipe.trigger,
        "network": {"type": "lora", "linear": parameters.rank, "linear_alpha": parameters.alpha},
        "save": _save(parameters, total),
        "datasets": [_dataset(parameters, place)],
        "train": _train(recipe, total),
        "model": {"name_or_path": "black-forest-labs/FLUX.1-dev", "is_flux": True, "quantize": True},
        "sample": _sample(recipe, total),
        "logging": {"log_every": 1, "use_ui_logger": True},
    }
    for key, text in given.items():
        section, _, name = key.partition(".")
        target = process[section][0] if section == "datasets" else process[section]
        target[name] = yaml.safe_load(text)
    return {
        "job": "extension",
        "config": {"name": recipe.name, "process": [process]},
        "meta": {"name": "[name]", "version": "1.0"},
    }


def _save(parameters: Parameters, total: int) -> dict[str, Any]:
    every = parameters.save_every or max(1, total // SAVES)
    dtype = {"bf16": "bf16", "fp16": "float16", "fp32": "float32"}[parameters.precision]
    # It sorts by a time that a copy changes, and deletes the oldest: none is.
    return {"dtype": dtype, "save_every": every, "max_step_saves_to_keep": total // every + 2, "push_to_hub": False}


def _dataset(parameters: Parameters, place: Place) -> dict[str, Any]:
    return {
        "folder_path": place.dataset,
        "caption_ext": "txt",
        "caption_dropout_rate": 0.05,
        "shuffle_tokens": False,
        "cache_latents_to_disk": True,
        "resolution": [one for one in RESOLUTIONS if one <= parameters.resolution] or [parameters.resolution],
    }


def _train(recipe: Recipe, total: int) -> dict[str, Any]:
    import yaml

    parameters = recipe.parameters
    arguments = dict(one.split("=", 1) for one in parameters.optimizer_args)
    return {
        "batch_size": parameters.batch_size,
        "steps": total,
        "gradient_accumulation_steps": 1,
        "train_unet": True,
        "train_text_encoder": False,
        "gradient_checkpointing": True,
        "noise_scheduler": "flowmatch",
        "optimizer": parameters.optimizer.lower(),
        "optimizer_params": {key: yaml.safe_load(value) for key, value in arguments.items()},
        "lr": parameters.learning_rate,
        "lr_scheduler": parameters.scheduler,
        "skip_first_sample": True,
        "disable_sampling": not recipe.samples.prompts,
        "ema_config": {"use_ema": True, "ema_decay": 0.99},
        "dtype": parameters.precision,
    }


def _sample(recipe: Recipe, total: int) -> dict[str, Any]:
    side = recipe.parameters.resolution
    return {
        "sampler": "flowmatch",
        "sample_every": recipe.samples.every or total,
        "width": side,
        "height": side,
        "prompts": list(recipe.samples.prompts),
        "neg": "",
        "seed": recipe.samples.seed,
        "walk_seed": False,
        "guidance_scale": 4,
        "sample_steps": 20,
    }


def _only(recipe: Recipe, place: Place, folder: str, state: State | None) -> tuple[Step, ...]:
    """Return the steps that give a run one checkpoint and no other: it goes on from the newest by a copy's time."""
    if state is None or not state.path:
        return ()
    source = f"{place.output}/{state.path}"
    target = f"{folder}/{recipe.name}"
    optimizer = f"{source.rpartition('/')[0]}/optimizer.pt"
    copy = 'install -D -p -m 644 -- "$1" "$2" && { [ ! -f "$3" ] || install -p -m 644 -- "$3" "$4"; }'
    words = (source, f"{target}/{source.rpartition('/')[2]}", optimizer, f"{target}/optimizer.pt")
    return (Step(f"go on from step {state.step}", ("sh", "-c", copy, "sh", *words)),)


def _step(written: Written, path: str, otherwise: int) -> int:
    told = written.notes.get(path, {}).get("training_info")
    try:
        found = json.loads(told) if isinstance(told, str) else told
    except ValueError:
        return otherwise
    step = found.get("step") if isinstance(found, dict) else None
    return step if type(step) is int else otherwise


def _is_hub(config: Mapping[str, Any]) -> bool:
    return not str(config["config"]["process"][0]["model"]["name_or_path"]).startswith("/")


TRAINER = AiToolkit()
