"""dgops gather: the set that dgops.toml describes, made here or on a host, in the folder that trainings import."""

from __future__ import annotations

from dataclasses import replace

import click

from dgops.cli.dataset import make
from dgops.cli.options import host_option
from dgops.dataset import project


@click.command()
@click.argument("slug", metavar="[SLUG]", default="")
@host_option(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def gather(ctx: click.Context, slug: str, host: str | None, as_json: bool) -> None:
    """Make the captioned training set that dgops.toml describes under [gather.SLUG]: outputs/SLUG beside it.

    Without SLUG the only one there is. A recipe names the same folder (dataset: outputs/SLUG). Run again after
    whatever happened: what is made already is reused.
    """
    options = replace(project.chosen(ctx.obj, slug), mode=ctx.obj.mode or "production")
    ctx.exit(make(ctx, options, host, as_json=as_json))
