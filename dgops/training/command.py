"""A trainer's command line put together: dgops' values, a recipe's own options over them, the table as the judge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dgops.training.options import Parser
    from dgops.training.values import Recipe

# What dgops decides itself: where files lie, what they are called, how a run goes on.
OURS = """
    config_file dataset_config dit dit_high_noise huggingface_repo_id huggingface_token initial_epoch initial_step
    logging_dir max_train_epochs max_train_steps network_weights output_config output_dir output_name
    pretrained_model_name_or_path resume resume_from_huggingface sample_every_n_epochs sample_every_n_steps
    sample_prompts save_every_n_epochs save_every_n_steps save_last_n_epochs save_last_n_steps save_model_as
    save_n_epoch_ratio save_state save_state_on_train_end save_state_to_huggingface seed skip_until_initial_step
    train_batch_size train_data_dir reg_data_dir in_json wandb_api_key console_log_file console_log_simple
"""


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Prodigy finds the rate itself, and multiplies it by this one; upstream warns below.
LEAST_OF_PRODIGY = 0.1


def parameters(
    recipe: Recipe, optimizers: Sequence[str], schedulers: Sequence[str], precisions: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Return what of a recipe's parameters a trainer does not know, and what it would take and go wrong with."""
    now = recipe.parameters
    if not NAME.fullmatch(recipe.name):
        yield "name", f"{recipe.name!r} becomes names of files: letters, digits, dots, dashes and underscores"
    if "." not in now.optimizer and now.optimizer.lower() not in {one.lower() for one in optimizers}:
        yield "optimizer", f"{now.optimizer!r} is none of {', '.join(optimizers)}, nor a class's full name"
    if now.scheduler not in schedulers:
        yield "scheduler", f"{now.scheduler!r} is none of {', '.join(schedulers)}"
    if now.precision not in precisions:
        yield "precision", f"{now.precision!r} is none of {', '.join(precisions)}"
    if now.optimizer.lower() == "prodigy" and now.learning_rate <= LEAST_OF_PRODIGY:
        yield "learning_rate", "Prodigy finds the rate itself: give 1.0"
    for text in now.optimizer_args:
        if "=" not in text:
            yield "optimizer_args", f"{text!r} is no name=value"


def complaints(options: Mapping[str, str], parser: Parser, own: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Return what is wrong with a recipe's options: the recipe's key and a sentence."""
    for key, value in options.items():
        if key in own:
            continue
        if key in OURS.split():
            yield f"options.{key}", "is set by dgops, out of the recipe's other keys"
            continue
        try:
            parser.words(key, value)
        except ValueError as error:
            yield f"options.{key}", str(error)


def asked(options: Mapping[str, str], key: str) -> bool:
    """Say whether a recipe's options switch something on."""
    return options.get(key, "0").lower() not in ("0", "0.0", "false", "no", "off")


def argv(
    values: Mapping[str, object], options: Mapping[str, str], parser: Parser, own: Sequence[str] = ()
) -> list[str]:
    """Return the words behind the script; a value of None or False is left out, True is a flag.

    Raises DgopsError where the script's parser would refuse them.
    """
    words = {key: _words(key, value) for key, value in values.items()}
    words |= {key: parser.words(key, value) for key, value in options.items() if key not in own}
    found = [word for group in words.values() for word in group]
    wrong = parser.complaints(found)
    if wrong:
        raise DgopsError("\n  ".join([f"{parser.script} would not take this command line:", *wrong]))
    return found


def _words(key: str, value: object) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [f"--{key}"]
    values = value if isinstance(value, list | tuple) else [value]
    return [f"--{key}", *map(_text, values)]


def _text(value: object) -> str:
    return format(value, ".10g") if isinstance(value, float) else str(value)
