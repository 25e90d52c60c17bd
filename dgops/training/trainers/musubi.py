"""musubi-tuner: LoRAs of Qwen-Image, Wan, FLUX.1 Kontext and Z-Image; it caches first, and trains on what is cached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.dataset import musubi as configuration
from dgops.errors import DgopsError
from dgops.training import command, memory, progress
from dgops.training.options import parser
from dgops.training.trainers import kohya
from dgops.training.values import Plan, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dgops.training.values import Dataset, Outputs, Place, Progress, Recipe, State, Written

TABLE = "musubi-v0.3.4"
# Keys of a recipe's options that are none of its command line.
OWN = ("control_directory", "num_repeats", "fp8_text_encoder")
OPTIMIZERS = ("adamw", "adamw8bit", "adafactor")
ATTENTION = ("flash_attn", "flash3", "xformers", "sage_attn")
SAVES = 10
LATENT = re.compile(r"(?P<item>.+)_\d{4,}x\d{4,}_(?P<id>[a-z0-9]+)\.safetensors")


@dataclass(frozen=True)
class Architecture:
    """One base model: its scripts' prefix, its id in the cache, roles of model files → options of each script."""

    prefix: str
    id: str
    network: str
    roles: Mapping[str, str]
    latents: tuple[str, ...]
    texts: tuple[str, ...]
    training: Mapping[str, object]
    fp8_text: str
    common: Mapping[str, object] | None = None


SHIFT = {"timestep_sampling": "shift", "weighting_scheme": "none"}
WAN = {"vae": "vae", "t5": "t5"}
ARCHITECTURES = {
    "qwen-image": Architecture(
        prefix="qwen_image",
        id="qi",
        network="networks.lora_qwen_image",
        roles={"dit": "dit", "vae": "vae", "text_encoder": "text_encoder"},
        latents=("vae",),
        texts=("text_encoder",),
        training={**SHIFT, "discrete_flow_shift": 2.2},
        fp8_text="fp8_vl",
        common={"model_version": "original"},
    ),
    "wan2.1-t2v-14b": Architecture(
        prefix="wan",
        id="wan",
        network="networks.lora_wan",
        roles={"dit": "dit", **WAN},
        latents=("vae",),
        texts=("t5",),
        training={"task": "t2v-14B", "timestep_sampling": "shift", "discrete_flow_shift": 3.0},
        fp8_text="fp8_t5",
    ),
    "wan2.2-t2v-14b": Architecture(
        prefix="wan",
        id="wan",
        network="networks.lora_wan",
        roles={"dit": "dit", "dit_high_noise": "dit_high_noise", **WAN},
        latents=("vae",),
        texts=("t5",),
        training={"task": "t2v-A14B", "timestep_sampling": "shift", "discrete_flow_shift": 3.0},
        fp8_text="fp8_t5",
    ),
    "flux-kontext": Architecture(
        prefix="flux_kontext",
        id="fk",
        network="networks.lora_flux",
        roles={"dit": "dit", "ae": "vae", "t5xxl": "text_encoder1", "clip_l": "text_encoder2"},
        latents=("ae",),
        texts=("t5xxl", "clip_l"),
        training={"timestep_sampling": "flux_shift", "weighting_scheme": "none"},
        fp8_text="fp8_t5",
    ),
    "z-image": Architecture(
        prefix="zimage",
        id="zi",
        network="networks.lora_zimage",
        roles={"dit": "dit", "vae": "vae", "text_encoder": "text_encoder"},
        latents=("vae",),
        texts=("text_encoder",),
        training={**SHIFT, "discrete_flow_shift": 2.0},
        fp8_text="fp8_llm",
    ),
}


@dataclass(frozen=True)
class Musubi:
    """The plugin."""

    name: str = "musubi"
    app: str = "musubi-tuner"
    lock: str = "musubi"
    gpu: bool = True

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Return architecture → roles of model files that a recipe must name."""
        return {name: tuple(one.roles) for name, one in ARCHITECTURES.items()}

    def complaints(self, recipe: Recipe) -> Sequence[tuple[str, str]]:
        """Return what of a recipe it cannot do."""
        found = list(command.parameters(recipe, OPTIMIZERS, kohya.SCHEDULERS, tuple(kohya.PRECISIONS)))
        if recipe.regularisation:
            found.append(("regularisation", "musubi-tuner has none; leave it out, or use sd-scripts"))
        known = ARCHITECTURES.get(recipe.architecture)
        if known is None:
            return found
        found += command.complaints(recipe.options, parser(TABLE, f"{known.prefix}_train_network.py"), OWN)
        found += [*kohya.clashes(recipe), *_clashes(recipe)]
        return found

    def plan(self, recipe: Recipe, dataset: Dataset, place: Place, state: State | None = None) -> Plan:
        """Return what would run: latents, texts, and, once all are cached, the training."""
        known = ARCHITECTURES[recipe.architecture]
        per_epoch = kohya.per_epoch(recipe.parameters, dataset.images * _repeats(recipe))
        per_epoch = state.per_epoch if state and state.per_epoch else per_epoch
        epochs = recipe.parameters.epochs or -(-recipe.parameters.steps // per_epoch)
        done = state.epoch if state else 0
        if done >= epochs:
            raise DgopsError(f"{recipe.name} has trained {done} of {epochs} epochs: nothing is left")
        begin = state.step if state else 0
        name = kohya.run_name(recipe.name, state, begin)
        setting = memory.setting(recipe, place.vram_gib)
        values = _values(recipe, place, known, name)
        # It restores weights and optimizer of a state, but counts from nought: only the rest is asked for.
        values |= {"max_train_epochs": epochs - done, "resume": f"{place.output}/{state.path}" if state else None}
        values |= _saves(recipe, per_epoch)
        options = {**setting.options, **recipe.options}
        train = _argv(place, known, "train_network", values, options)
        head = f"dgops 1: musubi-tuner v0.3.4's dataset configuration of {recipe.name}, set {dataset.digest}"
        files = {"dataset.toml": _dataset(recipe, place, head)}
        if recipe.samples.prompts:
            files["prompts.json"] = kohya.prompts(recipe, {})
        return Plan(
            files=files,
            steps=(
                *_caching(recipe, place, known, dataset.images),
                Step(f"train {name}", train, kohya.ENV, trains=True, begin=begin),
            ),
            total=epochs * per_epoch,
            epochs=epochs,
            lora=f"{name}.safetensors",
            begin=begin,
            estimate=memory.estimate(setting),
            notes=_notes(recipe, epochs * per_epoch),
        )

    def progress(self, line: str) -> Progress | None:
        """Return what a state of a line says."""
        return progress.kohya(line)

    def outputs(self, recipe: Recipe, plan: Plan, written: Written) -> Outputs:
        """Sort what lies in the output folder."""
        return kohya.outputs(recipe, plan, written)

    def cached(self, written: Written) -> int:
        """Return how many items have both latents and texts: it trains in silence on those that do, and no others."""
        whole = {path for path, (size, _) in written.files.items() if size}
        found = (LATENT.fullmatch(path) for path in whole)
        return len({one["item"] for one in found if one and f"{one['item']}_{one['id']}_te.safetensors" in whole})


def _caching(recipe: Recipe, place: Place, known: Architecture, images: int) -> tuple[Step, Step]:
    common = {"dataset_config": f"{place.output}/dataset.toml", "skip_existing": True, **(known.common or {})}
    models = _models(recipe, place, known)
    latents = {**common, **{known.roles[role]: models[known.roles[role]] for role in known.latents}}
    texts = {**common, **{known.roles[role]: models[known.roles[role]] for role in known.texts}}
    texts[known.fp8_text] = command.asked(recipe.options, "fp8_text_encoder")
    return (
        Step("cache latents", _argv(place, known, "cache_latents", latents, {}), kohya.ENV),
        Step("cache texts", _argv(place, known, "cache_text_encoder_outputs", texts, {}), kohya.ENV, pairs=images),
    )


def _values(recipe: Recipe, place: Place, known: Architecture, name: str) -> dict[str, object]:
    parameters = recipe.parameters
    precision = kohya.PRECISIONS[parameters.precision]
    values: dict[str, object] = {
        "dataset_config": f"{place.output}/dataset.toml",
        **_models(recipe, place, known),
        **(known.common or {}),
        **known.training,
        "sdpa": not any(command.asked(recipe.options, key) for key in ATTENTION),
        "mixed_precision": precision,
        "network_module": known.network,
        "network_dim": parameters.rank,
        "network_alpha": parameters.alpha,
        "optimizer_type": parameters.optimizer,
        "optimizer_args": parameters.optimizer_args or None,
        "learning_rate": parameters.learning_rate,
        "lr_scheduler": parameters.scheduler,
        "gradient_checkpointing": True,
        **kohya.workers(recipe, place),
        "seed": parameters.seed,
        "output_dir": place.output,
        "output_name": name,
        # Left to itself it saves fp32 since June 2026, twice the size.
        "save_precision": "float" if precision == "no" else precision,
        "logging_dir": f"{place.output}/logs",
        "log_with": "tensorboard",
        "log_prefix": f"{name}_",
    }
    if recipe.samples.prompts:
        values["sample_prompts"] = f"{place.output}/prompts.json"
    return values


def _saves(recipe: Recipe, per_epoch: int) -> dict[str, object]:
    """Return when it saves: whole epochs, which alone can be resumed; the last two states are kept."""
    parameters = recipe.parameters
    total = parameters.steps or parameters.epochs * per_epoch
    every = max(1, round((parameters.save_every or total / SAVES) / per_epoch))
    found: dict[str, object] = {"save_every_n_epochs": every, "save_state": True, "save_last_n_epochs_state": 2}
    if recipe.samples.prompts:
        sampled = round(recipe.samples.every / per_epoch)
        found["sample_every_n_epochs"] = max(1, sampled) if recipe.samples.every else every
    return found


def _models(recipe: Recipe, place: Place, known: Architecture) -> dict[str, object]:
    found = {role: recipe.model(role) for role in known.roles}
    return {known.roles[role]: one and f"{place.models}/{one.file}" for role, one in found.items()}


def _argv(
    place: Place, known: Architecture, script: str, values: Mapping[str, object], options: Mapping[str, str]
) -> tuple[str, ...]:
    table = parser(TABLE, f"{known.prefix}_{script}.py")
    words = command.argv(values, options, table, OWN)
    return (place.python, f"{place.app}/src/musubi_tuner/{table.script}", *words)


def _clashes(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Return what the script would stop at only when its models are loaded, or worse, would not."""
    options = recipe.options
    kinds = [key for key in ATTENTION if command.asked(options, key)]
    if "sage_attn" in kinds:
        yield "options.sage_attn", "is for pictures only: nothing can be trained with it"
    elif kinds and recipe.architecture == "qwen-image" and not command.asked(options, "split_attn"):
        yield f"options.{kinds[0]}", "needs split_attn: true with Qwen-Image"
    yield from ((f"options.{key}", f"excludes {kinds[0]}: choose one kind of attention") for key in kinds[1:])
    if command.asked(options, "fp8_scaled") and not command.asked(options, "fp8_base"):
        yield "options.fp8_scaled", "needs fp8_base: true"
    if command.asked(options, "offload_inactive_dit") and command.asked(options, "blocks_to_swap"):
        yield "options.offload_inactive_dit", "excludes blocks_to_swap"
    control = options.get("control_directory", "")
    if recipe.architecture == "flux-kontext" and not control:
        text = "is missing: the folder on the host with what each image was made from, under the same name"
        yield "options.control_directory", text
    if control and not control.startswith("/"):
        yield "options.control_directory", "is a path on the host and begins with /"


def _repeats(recipe: Recipe) -> int:
    asked = recipe.options.get("num_repeats", "1")
    return max(1, int(asked)) if asked.isdigit() else 1


def _dataset(recipe: Recipe, place: Place, head: str) -> str:
    side = recipe.parameters.resolution
    general = {
        "resolution": [side, side],
        "caption_extension": ".txt",
        "batch_size": recipe.parameters.batch_size,
        "num_repeats": _repeats(recipe),
        "enable_bucket": True,
        "bucket_no_upscale": True,
    }
    # A cache of its own: without it musubi-tuner deletes what is none of this set's.
    images = {"image_directory": place.dataset, "cache_directory": place.cache}
    control = recipe.options.get("control_directory", "")
    if control:
        images["control_directory"] = control
    return configuration.render({"general": general, "datasets": [images]}, f"# {head}\n")


def _notes(recipe: Recipe, total: int) -> tuple[str, ...]:
    found = []
    if recipe.parameters.steps and total != recipe.parameters.steps:
        found.append(f"{total} steps, whole epochs: musubi-tuner can only resume so")
    if recipe.parameters.batch_size > 1:
        found.append("a bucket that does not fill a batch makes more steps than planned")
    if recipe.parameters.scheduler not in kohya.ENDLESS:
        found.append("musubi-tuner begins its schedule again where it is resumed: use constant")
    return tuple(found)


TRAINER = Musubi()
