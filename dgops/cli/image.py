"""`dgops image`: builds images from the same roles that deploy runs, and checks .wsl files."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgops.cli.render import coloured, plain, print_json

if TYPE_CHECKING:
    from dgops.images.check import Report
    from dgops.images.rules import Finding
    from dgops.settings import Settings

MEGA = 1_000_000
# The names again, and not from the room of images: every --help would load it.
KINDS = ("wsl", "pod", "sandbox")


@click.group()
def image() -> None:
    """Build WSL and pod images from the roles, and check .wsl files."""


@image.command()
@click.option(
    "--kind", type=click.Choice(KINDS), required=True, help="A .wsl file, a pod's OCI archive or a plain tar."
)
@click.option("--profile", metavar="NAME", help="With the captioners' venv and this build of torch; without it none.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to; by default in dist/.")
@click.option("--json", "as_json", is_flag=True, help="Print file, digest and the image's manifest as JSON.")
@click.pass_context
def build(ctx: click.Context, kind: str, profile: str | None, out: Path | None, as_json: bool) -> None:
    """Build an image from the clean commit that the roles come from.

    The same commit and the same packages give the same bytes. Needs root, as the sandbox does. No keys, no host
    keys, no passwords and nothing of this machine get into it.
    """
    from dgops.cli.deploy_lines import Progress
    from dgops.images import place
    from dgops.images.build import Order
    from dgops.images.build import build as build_image

    settings: Settings = ctx.obj
    progress = Progress(len(place.NAME), check=False, quiet=as_json, verbose=ctx.meta["dgops.verbose"])
    # Its status line would stand between the steps that are told here.
    progress.stop()
    # A deploy's recap is data of `dgops deploy`; here it is one more step.
    with contextlib.redirect_stdout(sys.stderr):
        built = build_image(Order(kind, profile, out), settings, progress, lambda line: click.echo(line, err=True))
    if as_json:
        print_json(
            {
                "ok": True,
                "path": str(built.path),
                "sha256": built.sha256,
                "bytes": built.size,
                "manifest": built.manifest,
            }
        )
        return
    click.echo(f"{built.path}  {built.size / MEGA:.0f} MB")
    click.echo(f"sha256 {built.sha256}")
    click.echo(f"commit {built.manifest['commit'][:12]}, {len(built.manifest['packages'])} packages")


@image.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Check a .wsl file against what WSL asks of a distribution.

    Exit 1 where it breaks a rule, 0 where there are warnings only, 2 where there is no such file or it is no tar.
    """
    from dgops.images.check import check as check_file
    from dgops.images.check import to_json

    report = check_file(file)
    if as_json:
        print_json(to_json(report))
    else:
        _show(report)
    if not report.ok:
        ctx.exit(1)


def _show(report: Report) -> None:
    for finding in report.findings:
        _show_finding(finding)
    errors, warnings = len(report.errors), len(report.findings) - len(report.errors)
    state = coloured("pass" if report.ok else "fail")
    click.echo(f"{state}  {report.path}: {report.rules} rules, {errors} broken, {warnings} warnings")


def _show_finding(finding: Finding) -> None:
    word = "error" if finding.severity == "error" else "warning"
    click.echo(f"  {coloured('error') if word == 'error' else click.style(word, fg='yellow')}  {finding.rule}")
    click.echo(f"        found  {plain(finding.found)}")
    click.echo(f"        mend   {plain(finding.mend)}")
