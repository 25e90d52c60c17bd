"""sd-scripts: LoRAs of SDXL and FLUX.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.environments.trainers import Release, releases
from dgops.errors import DgopsError
from dgops.training import command, memory, progress, sd_dataset
from dgops.training.options import parser
from dgops.training.trainers import kohya
from dgops.training.values import Plan, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dgops.training.values import Dataset, Outputs, Parameters, Place, Progress, Recipe, State, Written

# Keys of a recipe's options that go to the dataset's configuration.
DATASET_KEYS = ("num_repeats", "flip_aug", "shuffle_caption", "keep_tokens", "caption_dropout_rate")
SCRIPTS = {"sdxl": "sdxl_train_network.py", "flux": "flux_train_network.py"}
# FLUX.1 came with v0.10; v0.9.1 is what torch 2.5.1, the last of CUDA 12.1, can run.
OLD, NEW = "v0.9.1", "v0.10.1"
PRODIGY = ("weight_decay=0.01", "decouple=True", "d0=0.0001", "use_bias_correction=True")
OPTIMIZERS = (
    *("AdamW", "AdamW8bit", "PagedAdamW", "PagedAdamW8bit", "PagedAdamW32bit", "AdaFactor", "Prodigy"),
    *("Lion", "Lion8bit", "PagedLion8bit", "SGDNesterov", "SGDNesterov8bit", "DAdaptation", "DAdaptAdam"),
    *("DAdaptAdaGrad", "DAdaptAdan", "DAdaptAdanIP", "DAdaptLion", "DAdaptSGD"),
)
ATTENTION = ("sdpa", "xformers", "mem_eff_attn")
CHANGES_CAPTIONS = ("shuffle_caption", "caption_dropout_rate", "caption_tag_dropout_rate", "token_warmup_step")
SAVES = 10
GUIDANCE = {"sdxl": {"scale": 7.0}, "flux": {"guidance_scale": 3.5}}


@dataclass(frozen=True)
class Length:
    """How long a run is: its options, the absolute total, and what to add to the numbers that it gives its files."""

    options: Mapping[str, object]
    total: int
    epochs: int
    plus: int = 0


@dataclass(frozen=True)
class SdScripts:
    """The plugin."""

    name: str = "sd-scripts"
    app: str = "sd-scripts"
    lock: str = "sd-scripts"
    gpu: bool = True

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Return architecture → roles of model files that a recipe must name."""
        return {"sdxl": ("checkpoint",), "flux": ("dit", "clip_l", "t5xxl", "ae")}

    def complaints(self, recipe: Recipe) -> Sequence[tuple[str, str]]:
        """Return what of a recipe it cannot do."""
        found = list(command.parameters(recipe, OPTIMIZERS, kohya.SCHEDULERS, tuple(kohya.PRECISIONS)))
        script = SCRIPTS.get(recipe.architecture)
        if script is None:
            return found
        table = parser(f"sd-scripts-{NEW}", script)
        found += command.complaints(recipe.options, table, DATASET_KEYS)
        found += [*kohya.clashes(recipe), *_clashes(recipe)]
        if recipe.regularisation and not recipe.class_word:
            found.append(("class_word", "is missing: it is the caption of regularisation images that have none"))
        try:
            sd_dataset.render(_dataset(recipe, 1, 1, "/images", "/regularisation"), "")
        except (DgopsError, ValueError) as error:
            found.append(("options", str(error)))
        return found

    def plan(self, recipe: Recipe, dataset: Dataset, place: Place, state: State | None = None) -> Plan:
        """Return what would run; raises DgopsError where this host's torch is too old for the architecture."""
        release = _release(recipe, place)
        repeats = _repeats(recipe, dataset)
        items = dataset.images * repeats * (2 if dataset.regularisation else 1)
        length = lengths(recipe, kohya.per_epoch(recipe.parameters, items), state)
        name = kohya.run_name(recipe.name, state, length.plus)
        setting = memory.setting(recipe, place.vram_gib)
        table = parser(f"sd-scripts-{release}", SCRIPTS[recipe.architecture])
        values = {
            **_common(recipe, place, name),
            **(_flux(recipe, place) if recipe.architecture == "flux" else _sdxl(recipe, place)),
            **_attention(recipe, place),
            **_saves(recipe.parameters, length),
            **length.options,
            **(_sampling(recipe, place, length) if recipe.samples.prompts else {}),
        }
        if state is not None:
            values["resume"] = f"{place.output}/{state.path}"
            values["skip_until_initial_step"] = True
        options = {**setting.options, **recipe.options}
        argv = (place.python, f"{place.app}/{table.script}", *command.argv(values, options, table, DATASET_KEYS))
        head = f"dgops 1: sd-scripts {release}'s dataset configuration of {recipe.name}, set {dataset.digest}"
        config = _dataset(recipe, repeats, dataset.regularisation, place.dataset, place.regularisation)
        files = {"dataset.toml": sd_dataset.render(config, head)}
        if recipe.samples.prompts:
            files["prompts.json"] = kohya.prompts(recipe, GUIDANCE[recipe.architecture])
        begin = state.step if state else 0
        return Plan(
            files=files,
            steps=(Step(f"train {name}", argv, kohya.ENV, trains=True, begin=begin),),
            total=length.total,
            epochs=length.epochs,
            lora=f"{name}.safetensors",
            begin=begin,
            estimate=memory.estimate(setting),
            notes=_notes(recipe, dataset, repeats, length),
        )

    def progress(self, line: str) -> Progress | None:
        """Return what a state of a line says."""
        return progress.kohya(line)

    def outputs(self, recipe: Recipe, plan: Plan, written: Written) -> Outputs:
        """Sort what lies in the output folder."""
        return kohya.outputs(recipe, plan, written)

    def cached(self, written: Written) -> int:
        """Return how many items are cached: it caches beside the images, and as it trains."""
        return len(written.files)


def lengths(recipe: Recipe, per_epoch: int, state: State | None) -> Length:
    """Return how long a run is made, so that a resumed one ends at the very step that an unbroken one ends at.

    sd-scripts counts a resumed run from the steps that were done of the epoch that it goes on with, and ends it when
    that count, not the absolute one, reaches its maximum: a rest of an epoch is trained too much. So a run is either
    a number of whole epochs, where the ends are the same; or, where the schedule does not care, it is told of the
    rest alone, and of the steps to skip in the first epoch.
    """
    parameters = recipe.parameters
    known = state.per_epoch if state and state.per_epoch else per_epoch
    endless = parameters.scheduler in kohya.ENDLESS
    epochs = parameters.epochs or -(-parameters.steps // known)
    total = parameters.steps if endless and parameters.steps else epochs * known
    if state is None:
        whole: dict[str, object] = {"max_train_epochs": epochs}
        return Length({"max_train_steps": total} if endless and parameters.steps else whole, total, epochs)
    if state.step >= total:
        raise DgopsError(f"{recipe.name} has trained {state.step} of {total} steps: nothing is left")
    # It multiplies the steps to skip by the accumulation, and then counts these: skip none. Nor where an epoch may be
    # shorter than is known: it would skip one more.
    accumulated = recipe.options.get("gradient_accumulation_steps", "1") != "1"
    unsure = not state.per_epoch and parameters.batch_size > 1
    into = 0 if accumulated or unsure else state.step % known
    if endless:
        length = {"max_train_steps": total - state.step + into, "initial_step": into}
        return Length(length, total, epochs, state.step - into)
    return Length({"max_train_epochs": epochs, "initial_step": state.step}, total, epochs, state.step - into)


def _release(recipe: Recipe, place: Place) -> str:
    known = {one.release: one for one in releases("sd-scripts")}
    if recipe.architecture == "flux":
        return _new_enough(known[NEW], place, "FLUX.1")
    return NEW if place.torch and known[NEW].takes(place.torch) else OLD


def _new_enough(release: Release, place: Place, what: str) -> str:
    if place.torch and not release.takes(place.torch):
        raise DgopsError(
            f"{what} needs sd-scripts {release.release}, which asks for {release.asks}; {place.torch} is there",
            "use a profile with a newer torch (dgops env verdict --trainer sd-scripts), or the trainer ai-toolkit",
        )
    return release.release


def _common(recipe: Recipe, place: Place, name: str) -> dict[str, object]:
    parameters = recipe.parameters
    precision = kohya.PRECISIONS[parameters.precision]
    return {
        "dataset_config": f"{place.output}/dataset.toml",
        "output_dir": place.output,
        "output_name": name,
        "save_model_as": "safetensors",
        "save_precision": "float" if precision == "no" else precision,
        "mixed_precision": precision,
        "network_dim": parameters.rank,
        "network_alpha": parameters.alpha,
        "optimizer_type": parameters.optimizer,
        "optimizer_args": parameters.optimizer_args or (PRODIGY if parameters.optimizer.lower() == "prodigy" else None),
        "learning_rate": parameters.learning_rate,
        "lr_scheduler": parameters.scheduler,
        "gradient_checkpointing": True,
        "cache_latents": True,
        "cache_latents_to_disk": True,
        **kohya.workers(recipe, place),
        "seed": parameters.seed,
        "logging_dir": f"{place.output}/logs",
        "log_with": "tensorboard",
        "log_prefix": f"{name}_",
        # rich would break log lines at the width of a terminal.
        "console_log_simple": True,
    }


def _sdxl(recipe: Recipe, place: Place) -> dict[str, object]:
    checkpoint, vae = recipe.model("checkpoint"), recipe.model("vae")
    rate = recipe.parameters.learning_rate
    return {
        "pretrained_model_name_or_path": checkpoint and f"{place.models}/{checkpoint.file}",
        "vae": vae and f"{place.models}/{vae.file}",
        "network_module": "networks.lora",
        # Prodigy follows the first of several rates: all are the same.
        "unet_lr": rate,
        "text_encoder_lr": rate,
        "min_snr_gamma": 5,
        # SDXL's own VAE overflows in half precision: black samples, a loss that is no number.
        "no_half_vae": True,
        "prior_loss_weight": 1.0 if recipe.regularisation else None,
    }


def _flux(recipe: Recipe, place: Place) -> dict[str, object]:
    found = {role: recipe.model(role) for role in ("dit", "clip_l", "t5xxl", "ae")}
    paths = {role: one and f"{place.models}/{one.file}" for role, one in found.items()}
    return {
        "pretrained_model_name_or_path": paths.pop("dit"),
        **paths,
        "network_module": "networks.lora_flux",
        # Its own defaults are those of another training: 3.5, sigma_scaled, sigma.
        "guidance_scale": 1.0,
        "model_prediction_type": "raw",
        "timestep_sampling": "flux_shift",
        "cache_text_encoder_outputs": True,
        "cache_text_encoder_outputs_to_disk": True,
        "network_train_unet_only": True,
    }


def _clashes(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Return what the script would stop at only when its models are loaded."""
    options = recipe.options
    kinds = [key for key in ATTENTION if command.asked(options, key)]
    yield from ((f"options.{key}", f"excludes {kinds[0]}: choose one kind of attention") for key in kinds[1:])
    for key in ("color_aug", "random_crop"):
        if command.asked(options, key):
            yield f"options.{key}", "cannot be: latents are cached"
    cached = recipe.architecture == "flux" or command.asked(options, "cache_text_encoder_outputs")
    for key in CHANGES_CAPTIONS:
        if cached and command.asked(options, key):
            yield f"options.{key}", "cannot be: the texts' encoding is cached"
    if cached and recipe.architecture != "flux" and not command.asked(options, "network_train_unet_only"):
        yield "options.cache_text_encoder_outputs", "needs network_train_unet_only: true"
    if command.asked(options, "blocks_to_swap") and command.asked(options, "cpu_offload_checkpointing"):
        yield "options.cpu_offload_checkpointing", "excludes blocks_to_swap"


def _attention(recipe: Recipe, place: Place) -> dict[str, object]:
    if command.asked(recipe.options, "xformers") and not place.xformers:
        raise DgopsError("xformers is asked for and cannot be imported there", "without options.xformers sdpa is used")
    return {} if any(command.asked(recipe.options, key) for key in ATTENTION) else {"sdpa": True}


def _saves(parameters: Parameters, length: Length) -> dict[str, object]:
    every = parameters.save_every or max(1, length.total // SAVES)
    # The last two states: a run that is killed while it writes one goes on from the one before.
    return {"save_every_n_steps": every, "save_state": True, "save_last_n_steps_state": every}


def _sampling(recipe: Recipe, place: Place, length: Length) -> dict[str, object]:
    return {
        "sample_prompts": f"{place.output}/prompts.json",
        "sample_every_n_steps": recipe.samples.every or length.total - length.plus,
        "sample_sampler": None if recipe.architecture == "flux" else "euler_a",
    }


def _repeats(recipe: Recipe, dataset: Dataset) -> int:
    """Return how often each image counts: so often that no regularisation image is left over."""
    asked = recipe.options.get("num_repeats", "")
    return (
        int(asked) if asked.isdigit() and int(asked) else max(1, -(-dataset.regularisation // max(1, dataset.images)))
    )


def _dataset(recipe: Recipe, repeats: int, regularisation: int, images: str, others: str) -> sd_dataset.Config:
    keys = [key for key in DATASET_KEYS if key in recipe.options and key != "num_repeats"]
    options = {key: _value(recipe.options[key]) for key in keys}
    general = {"caption_extension": ".txt", "enable_bucket": True, "bucket_no_upscale": True}
    general["bucket_reso_steps"] = sd_dataset.BUCKET_STEP
    subsets: list[sd_dataset.Config] = [
        {"image_dir": images, "class_tokens": recipe.trigger, "num_repeats": repeats, **options}
    ]
    if recipe.regularisation and regularisation:
        subsets.append({"image_dir": others, "class_tokens": recipe.class_word, "num_repeats": 1, "is_reg": True})
    parameters = recipe.parameters
    dataset = {"resolution": parameters.resolution, "batch_size": parameters.batch_size, "subsets": subsets}
    return {"general": general, "datasets": [dataset]}


def _value(text: str) -> bool | int | float:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.isdigit() else float(text)


def _notes(recipe: Recipe, dataset: Dataset, repeats: int, length: Length) -> tuple[str, ...]:
    found = []
    if recipe.parameters.steps and length.total != recipe.parameters.steps:
        found.append(f"{length.total} steps, whole epochs: a {recipe.parameters.scheduler} schedule can only resume so")
    if recipe.parameters.batch_size > 1 and "max_train_epochs" in length.options:
        found.append("a bucket that does not fill a batch makes more steps than planned")
    every = recipe.samples.every
    if recipe.samples.prompts and every and (length.total - length.plus) % every:
        found.append(f"no samples at the end: {length.total - length.plus} steps are no multiple of {every}")
    if dataset.regularisation > dataset.images * repeats:
        surplus = dataset.regularisation - dataset.images * repeats
        found.append(f"{surplus} regularisation images are left over: raise options.num_repeats")
    return tuple(found)


TRAINER = SdScripts()
