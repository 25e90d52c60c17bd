"""A trainer's venv, asked before a GPU is used for the parts that are installed and yet do not work."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from dgops.agent import failure
from dgops.errors import DgopsError
from dgops.training import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dgops.training.values import Recipe

# Either imports torch, from a cold disk.
SECONDS = 300.0
# ai-toolkit has this one itself.
OWN = "prodigy"


def require(recipe: Recipe, python: str) -> None:
    """Raise DgopsError where a library that the recipe asks for is another build's than torch, or the driver's."""
    for words, instead in _parts(recipe):
        argv = [python, *words]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        except OSError as error:
            raise DgopsError(f"{python}: {error.strerror or error}", "dgops deploy builds its venv") from None
        except subprocess.TimeoutExpired:
            raise DgopsError(f"{words[-1]} does not answer within {SECONDS:.0f} s", instead) from None
        if done.returncode:
            said = [text.decode(errors="replace") for text in (done.stderr, done.stdout)]
            why = failure.of_command(argv, done.returncode, said)
            raise DgopsError(f"{words[-1]} does not work in {python}: {why}", instead)


def _parts(recipe: Recipe) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is run, and what to use in its place."""
    name = recipe.parameters.optimizer.lower()
    if ("8bit" in name or name.startswith("paged")) and not name.startswith(OWN):
        yield ("-m", "bitsandbytes"), "in the recipe, optimizer: adamw, or adafactor"
    if command.asked(recipe.options, "xformers"):
        yield ("-c", "import xformers.ops"), "without options.xformers sdpa is used, which every torch has"
