"""dgops run dataset --host: photographs go to a host, the pipeline runs there as a job, the set comes home."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dgops.dataset import edits, whole
from dgops.dataset import manifest as manifests
from dgops.dataset.manifest import Digests
from dgops.dataset.options import check
from dgops.errors import UsageError
from dgops.files import digest_bytes, digest_files, write_atomic
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import click

    from dgops.cli.watching import Ended
    from dgops.dataset.manifest import Manifest
    from dgops.dataset.options import Options
    from dgops.hosts.host import Host
    from dgops.jobs.job import Request

# The pipeline's name for the photographs, in the job's work folder.
PHOTOGRAPHS = "photographs"
# What comes home: the set, its summary, where each image is from, why one was left out, what it was made by. The rest
# stays there.
FOLDERS = whole.RESULTS
RECORDS = tuple(f"{name}/{manifests.NAME}" for name in whole.RECORDS if name not in FOLDERS)
# Host variables, and what the pipeline on the host reads them from.
VARIABLES = {"windows": "DGOPS_PUBLISH_WINDOWS", "linux": "DGOPS_PUBLISH_LINUX"}
WAREHOUSE = "DGOPS_WAREHOUSE"


def run_on_host(ctx: click.Context, pattern: str, options: Options, *, allow_drift: bool, as_json: bool) -> Ended:
    """Upload what is missing, run the pipeline as a job, bring the set home; returns how it ended."""
    from dgops.cli import following, watching
    from dgops.jobs.ready import base_of, deployed

    check(options)
    host = following.one_host(ctx.obj, pattern)
    contract = deployed(host, ctx.obj)
    options = replace(options, mode=ctx.obj.mode or contract.mode)
    root = outputs_root(host, base_of(contract))
    request = replace(request_for(host, root, options), allow_drift=allow_drift)
    for path in left_out(options, request):
        watching.say(f"  not sent: {path} (a link, or no regular file)")
    before = {name: manifests.load(options.root / name) for name in FOLDERS}
    aside = edits.set_aside(options.root, FOLDERS)

    def look(ended: Ended) -> Sequence[str]:
        left = edits.settle(options.root, aside) if aside else 0
        kept = (
            [f"  {'':<12} {left} file{' that was' if left == 1 else 's that were'} changed at home: kept in {aside}"]
            if left
            else []
        )
        return [*kept, *(_at_home(options, before) if ended.code == 0 else ())]

    shown = watching.Options(as_json=as_json, more=look)
    try:
        return following.run_once(ctx, host, request, shown)
    except BaseException:
        # It did not begin, or nobody knows; what is as it was needs no second copy.
        if aside:
            edits.settle(options.root, aside)
        raise


def outputs_root(host: Host, base: str) -> str:
    """Return the folder on the host that holds one folder for each set: `dataset_outputs`, else beside the jobs."""
    chosen = host.variables.get("dataset_outputs") or f"{base}/outputs"
    if not isinstance(chosen, str) or not chosen.startswith("/"):
        raise UsageError(f"{host.name}: dataset_outputs: {chosen!r} is no absolute path on the host")
    return chosen.rstrip("/")


def request_for(host: Host, root: str, options: Options) -> Request:
    """Return the job that does there what was asked for here."""
    from dgops.jobs.job import Input, Output, Request

    argv = ["dgops", *(() if options.mode == "production" else ("--mode", options.mode))]
    argv += ["run", "dataset", *options.asked, "--source", PHOTOGRAPHS]
    argv += ["--captioner", options.captioner, "--crop", options.crop, "--output", root]
    argv += ["--target", str(options.target)] if options.target else []
    outputs = [Output(f"{root}/{options.slug}/{name}", options.root / name) for name in (*FOLDERS, *RECORDS)]
    return Request(
        "dataset",
        f"dataset {options.slug}",
        tuple(argv),
        (Input(options.source, PHOTOGRAPHS, photographs(options)),),
        tuple(outputs),
        environment(host),
        fingerprint=_fingerprint(options, argv),
    )


def _fingerprint(options: Options, argv: Sequence[str]) -> str:
    """Return what tells this run from one with other photographs or options."""
    sent = digest_files(options.source, [options.source / path for path in photographs(options)])
    return digest_bytes("\0".join([*argv, sent]).encode())


def photographs(options: Options) -> tuple[str, ...]:
    """Return what the pipeline there would look at; neither hidden files nor what dgops made leave this machine."""
    return tuple(path for path in _survey(options) if _is_regular(options.source / path))


def left_out(options: Options, request: Request) -> list[str]:
    """Return what the pipeline would have turned down as no file of the folder's own."""
    sent = set(request.inputs[0].only or ())
    return [path for path in _survey(options) if path not in sent]


def _survey(options: Options) -> list[str]:
    from dgops.dataset.sources.folder import Folder

    return Folder(options.source, options.root).paths()


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def environment(host: Host) -> dict[str, str]:
    """Return what the host's variables say of where results are shipped; every mistake at once as a UsageError."""
    targets: Any = host.variables.get("publish_targets") or {}
    if not isinstance(targets, dict) or not set(targets) <= set(VARIABLES):
        raise UsageError(
            f"{host.name}: publish_targets: {targets!r} is no table of {' and '.join(VARIABLES)} folders",
            "publish_targets: {windows: /mnt/c/AI/apps/musubi-tuner/}",
        )
    found = {VARIABLES[key]: value for key, value in targets.items() if value}
    warehouse = host.variables.get("dataset_warehouse")
    found |= {WAREHOUSE: warehouse} if warehouse else {}
    wrong = [f"{value!r}" for value in found.values() if not isinstance(value, str) or not value.startswith("/")]
    if wrong:
        raise UsageError(f"{host.name}: {', '.join(wrong)} must be absolute paths, as the host writes them")
    trainers = [found[key].rstrip("/") for key in VARIABLES.values() if key in found]
    if len(set(trainers)) < len(trainers):
        raise UsageError(
            f"{host.name}: publish_targets: {trainers[0]} is named twice; each set would take the other's away"
        )
    return found


def _at_home(options: Options, before: Mapping[str, Manifest | None]) -> list[str]:
    """Finish the set at home: take away what an earlier run brought and this one has not, and say where to look."""
    gone = sum(_drop_stale(options.root / name, known) for name, known in before.items() if known)
    lines = [f"  {'':<12} {counted(gone, 'file')} of an earlier run taken away at home"] if gone else []
    summary = [path for path in sorted((options.root / FOLDERS[1]).iterdir()) if path.name != manifests.NAME]
    if options.output_dir:
        for path in summary:
            write_atomic(options.output_dir / path.name, path.read_bytes())
        lines.append(f"  {'output-dir':<12} contact sheet and captions → {options.output_dir}")
    sheet = next((path for path in summary if path.suffix == ".png"), None)
    return [*lines, f"look: {sheet}"] if sheet else lines


def _drop_stale(folder: Path, known: Manifest) -> int:
    """Remove files that the earlier manifest lists and the new one does not; one that was edited here stays."""
    now = manifests.load(folder)
    if now is None:
        return 0
    gone = set(known.outputs) - set(now.outputs)
    stale = [name for name in gone if Digests().matches(replace(known, outputs={name: known.outputs[name]}), folder)]
    for name in stale:
        (folder / name).unlink()
    return len(stale)
