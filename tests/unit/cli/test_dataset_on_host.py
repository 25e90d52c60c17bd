"""dgops run dataset --host: what is asked of the host, what leaves this machine, what stays at home."""

import json
import os
from dataclasses import replace
from types import SimpleNamespace

import click
import pytest

from dgops.cli import dataset_on_host, following, watching
from dgops.dataset.manifest import Digests, Manifest
from dgops.dataset.options import Options
from dgops.errors import UsageError
from dgops.hosts.host import Host
from dgops.jobs import ready

POD = Host("pod", "fake")


@pytest.fixture
def options(tmp_path):
    source = tmp_path / "photos"
    (source / "deep").mkdir(parents=True)
    for name in ("a.jpg", "deep/b.jpg", ".hidden.jpg"):
        (source / name).write_text(name)
    return Options("amira", source, "amiranoor", "none", output=tmp_path / "out")


def test_hidden_files_links_and_results_stay_here(options):
    (options.source / "link.jpg").symlink_to("a.jpg")
    os.mkfifo(options.source / "pipe")
    (options.source / ".dgops").mkdir()
    (options.source / ".dgops/key").write_text("private")
    made = options.source / "earlier/01_scrape"
    made.mkdir(parents=True)
    (made / "manifest.json").write_text("{}")
    request = dataset_on_host.request_for(POD, "/base/outputs", options)
    assert request.inputs[0].only == ("a.jpg", "deep/b.jpg")
    assert dataset_on_host.left_out(options, request) == ["link.jpg", "pipe"]


def test_regularisation_images_are_asked_for_by_their_class(options):
    argv = dataset_on_host.request_for(POD, "/base/outputs", options).argv
    assert argv[argv.index("--slug") + 1 : argv.index("--source")] == ("amira", "--trigger", "amiranoor")
    beside = replace(options, slug="amira-class", trigger="a woman", of_class=True)
    request = dataset_on_host.request_for(POD, "/base/outputs", beside)
    assert request.argv[request.argv.index("--slug") + 1 : request.argv.index("--source")] == (
        "amira",
        "--class",
        "a woman",
    )
    assert all(str(one.path).startswith("/base/outputs/amira-class/") for one in request.outputs)


def test_the_same_run_is_known_again_and_another_is_not(options):
    asked = dataset_on_host.request_for(POD, "/base/outputs", options)
    assert dataset_on_host.request_for(POD, "/base/outputs", options).fingerprint == asked.fingerprint
    assert {str(one.local.relative_to(options.root)) for one in asked.outputs} >= {
        "06_publish",
        "02_crop/manifest.json",
    }
    others = [dataset_on_host.request_for(POD, "/base/outputs", replace(options, target=3)).fingerprint]
    (options.source / "a.jpg").write_text("other")
    others.append(dataset_on_host.request_for(POD, "/base/outputs", options).fingerprint)
    assert len({asked.fingerprint, *others}) == 3


@pytest.mark.parametrize(
    "variables",
    [
        {"publish_targets": ["a"]},
        {"publish_targets": {"macos": "/a"}},
        {"publish_targets": {"windows": "relative"}},
        {"publish_targets": {"windows": "/a/b/", "linux": "/a/b"}},
        {"dataset_warehouse": 3},
    ],
)
def test_variables_that_name_no_folders(variables):
    with pytest.raises(UsageError, match=r"^pod: "):
        dataset_on_host.environment(Host("pod", "fake", variables=variables))


@pytest.fixture
def run(monkeypatch, options):
    """Run with a job that does `work` to the set at home."""

    def go(work, allow_drift=False):
        def job(ctx, host, request, shown):
            assert request.allow_drift is allow_drift
            work(options.root / "06_publish")
            ended = watching.Ended(0, None)
            lines.extend(shown.more(ended))
            return ended

        lines = []
        monkeypatch.setattr(following, "one_host", lambda *_: POD)
        monkeypatch.setattr(following, "run_job", job)
        monkeypatch.setattr(ready, "deployed", lambda *_: SimpleNamespace(mode="production"))
        monkeypatch.setattr(ready, "base_of", lambda _: "/base")
        context = click.Context(click.Command("x"), obj=SimpleNamespace(mode=None, state=options.output / "state"))
        ended = dataset_on_host.run_on_host(context, "pod", options, allow_drift=allow_drift, as_json=False)
        assert ended.code == 0
        return "\n".join(lines)

    return go


def bring(folder, **texts):
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "07_summary").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(text)
    Manifest("06_publish", 1, "", {}, (), {name: Digests().of_file(folder / name) for name in texts}).write(folder)


def test_drift_there_is_allowed_where_it_was_asked_for(run):
    run(lambda folder: bring(folder, a="1"), allow_drift=True)


def test_an_edit_at_home_and_a_photograph_that_is_gone(run, options):
    run(lambda folder: bring(folder, a="1", b="2"))
    folder = options.root / "06_publish"
    (folder / "a").write_text("my own caption")
    said = run(lambda folder: bring(folder, a="1"))
    assert "1 file that was changed at home: kept in" in said
    assert "1 file of an earlier run taken away" in said
    assert (options.root / "aside/home-1/06_publish/a").read_text() == "my own caption"
    assert sorted(json.loads((folder / "manifest.json").read_text())["outputs"]) == ["a"]
    assert sorted(path.name for path in folder.iterdir()) == ["a", "manifest.json"]


def test_an_empty_folder_is_told_before_the_host_is_asked(run, options):
    for path in sorted(options.source.rglob("*.jpg")):
        path.unlink()
    with pytest.raises(UsageError, match="holds no files"):
        run(lambda folder: pytest.fail("asked"))
