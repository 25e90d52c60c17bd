"""The front door: global options, commands that load when they are used, and the one place that prints errors."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from dgops import settings as settings_room
from dgops.cli.render import print_error
from dgops.errors import DgopsError, UsageError
from dgops.events import log

if TYPE_CHECKING:
    from types import TracebackType

# name → (module:attribute, short help). Importing every command to print --help would cost half a second.
COMMANDS = {
    "apps": ("dgops.cli.apps:apps", "List cloned apps, and say what upstream has newer."),
    "comfyui": ("dgops.cli.comfyui:comfyui", "Start, look at, end and open ComfyUI on hosts."),
    "deploy": ("dgops.cli.deploy:deploy", "Take hosts from bare to ready."),
    "done": ("dgops.cli.done:done", "Say what is not committed, pushed or synced, and what runs."),
    "env": ("dgops.cli.env:env", "Say which environment runs where, and lock environments."),
    "gather": ("dgops.cli.gather:gather", "Make the training set that dgops.toml describes."),
    "go": ("dgops.cli.go:go", "From photographs to a LoRA, gone on with wherever it stopped."),
    "health": ("dgops.cli.health:health", "Look at hosts and say what does not hold."),
    "hosts": ("dgops.cli.hosts:hosts", "List, add and reach hosts."),
    "image": ("dgops.cli.image:image", "Build WSL and pod images from the roles, and check .wsl files."),
    "init": ("dgops.cli.init:init", "Write a commented dgops.toml and inventory here."),
    "jobs": ("dgops.cli.jobs:jobs", "List, follow, cancel, pull and bundle jobs."),
    "logs": ("dgops.cli.logs:logs", "Show what was done from here."),
    "pod": ("dgops.cli.pod:pod", "Rent pods: offers, create, start, stop, terminate."),
    "recipes": ("dgops.cli.recipes:recipes", "List, show, copy and check recipes of trainings."),
    "run": ("dgops.cli.run:run", "Run a command, a recipe, the dataset pipeline or a training."),
    "sandbox": ("dgops.cli.sandbox:sandbox", "Hosts on this machine that behave as pods do."),
    "secrets": ("dgops.cli.secrets:secrets", "Keep tokens in the keyring; hand them to deploys and jobs."),
    "settings": ("dgops.cli.settings:settings", "Print each setting and where it came from."),
    "sync": ("dgops.cli.sync:sync", "Bring edits on hosts home as commits."),
    "train": ("dgops.cli.train:train", "Plan trainings and compare finished ones."),
    "up": ("dgops.cli.up:up", "Rent a pod, run a recipe on it, bring its outputs home, and stop it."),
    "wheels": ("dgops.cli.wheels:wheels", "Fetch, list, verify, pack and prune wheel caches."),
}
INTERRUPTED = 130
POLITE = (signal.SIGTERM, signal.SIGHUP)


class LazyGroup(click.Group):
    """A click group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--inventory", multiple=True, metavar="DIR", help="Inventory folder or file; may be given again.")
@click.option("--mode", type=click.Choice(settings_room.MODES), help="production needs a GPU; fast-test needs none.")
@click.option("-v", "--verbose", is_flag=True, help="Show each task of a deploy, and a failed one's whole output.")
@click.version_option(package_name="dgops", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, inventory: tuple[str, ...], mode: str | None, verbose: bool) -> None:
    """Take WSL distros and rented GPU pods from bare to ready, and prove that they stay so."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    ctx.meta["dgops.verbose"] = verbose
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UsageError("the folder that you are in is gone", "cd to another one") from None
    ctx.obj = settings_room.load(options={"inventory": list(inventory), "mode": mode})
    log.begin(ctx.obj.state / "logs", ["dgops", *sys.argv[1:]])


def main() -> None:
    """Run the command line and exit with its code: 0 good, 1 wrong, 2 usage, 3 could not look, 130 interrupted."""
    sys.excepthook = _broke
    for number in POLITE:
        signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no such character is no reason to fall over.
            stream.reconfigure(errors="replace")
    code = _run()
    log.end(code)
    sys.exit(code)


def _run() -> int:
    try:
        code = cli.main(prog_name="dgops", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except DgopsError as error:
        return _fail(error)
    except OSError as error:
        return _fail(_on_this_machine(error))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        # A terminal that is gone takes no words.
        with contextlib.suppress(OSError):
            click.echo("interrupted", err=True)
        return INTERRUPTED


def _broke(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Note a bug of ours, for whoever is told of it, and let Python show it."""
    # Loaded here: every --help would pay for it.
    import traceback

    words = "".join(traceback.format_exception(kind, error, trace))
    log.note("command.broke", "an error that nobody expected", "error", traceback=words)
    log.end(1)
    sys.__excepthook__(kind, error, trace)


def _fail(error: DgopsError) -> int:
    with contextlib.suppress(OSError):
        print_error(error)
    if not isinstance(error, UsageError):
        log.note("command.failed", error.message, "error", hint=error.hint, kind=type(error).__name__)
    return error.exit_code


def _on_this_machine(error: OSError) -> DgopsError:
    """Return the error for a file or folder here that cannot be read or written: full, read-only, not ours."""
    where = f"{error.filename}: " if error.filename else ""
    return DgopsError(f"{where}{error.strerror or error}", "look at this machine's disk and permissions")


def _interrupt(number: int, frame: object) -> None:
    # A polite kill ends like Ctrl-C: leases are given back and Ansible is ended on the way out. A closed terminal
    # sends its signal twice, from the kernel and from the shell; the second must not break the way out.
    for polite in POLITE:
        signal.signal(polite, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
