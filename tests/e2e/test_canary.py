"""Thirty secrets, planted wherever one gets in, are found in nothing that dgops writes: here, there, or on a screen."""

import base64
import os
import shlex
import subprocess
import tarfile
import urllib.parse
import zipfile

import pytest
from place import Place

from dgops.sandbox import hosts

pytestmark = pytest.mark.e2e
LETTERS = "Ab3dE9fGh1JkLm2NpQr4StUv5WxYz6aBc7DeFg8H"
HEX = "0123456789abcdef0123456789abcdef01234567"
# Handed over by name: they have no form by which anybody could know them.
HANDED = {
    "HF_TOKEN": "plain-words-without-a-form",
    "WANDB_API_KEY": HEX[::-1],
    "CIVITAI_TOKEN": HEX[::-1][:32],
    "RUNPOD_API_KEY": "correct horse battery staple",
    "KAGGLE_KEY": "slash/and+plus=and%percent",
    "GH_TOKEN": "quote'and\"and\\backslash",
    "LIGHTNING_API_KEY": "ünïcödé-sécrét-wörds",
    "MY_SECRET": "zq8-vx7-wk6-short",
}
# Known by their form, or by what stands before them, wherever they turn up; the second part must not be seen.
FORMED = [
    ("", f"hf_{LETTERS}"),
    ("", f"api_org_{LETTERS}"),
    ("", f"sk-{LETTERS}"),
    ("", f"sk-proj-{LETTERS}"),
    ("", f"rpa_{LETTERS}"),
    ("", f"rps_{LETTERS}"),
    ("", f"ghp_{LETTERS}"),
    ("", f"gho_{LETTERS}"),
    ("", f"github_pat_{LETTERS}"),
    ("", f"glpat-{LETTERS[:20]}"),
    ("", f"xoxb-{LETTERS[:24]}"),
    ("", f"xapp-{LETTERS[:24]}"),
    ("https://hooks.slack.com/services/", f"T0{LETTERS[:20]}"),
    ("", "AKIAQWERTYUIOPASDFGH"),
    ("", f"wandb_v1_{LETTERS}"),
    ("", f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}"),
    ("wandb: ", HEX),
    ("civitai ", HEX[:32]),
    ("password=", "Sw0rdf1sh"),
    ("api_key: ", "k3y0fTheHouse"),
    ("Authorization: Bearer ", f"bear{LETTERS}"),
    ("https://ann:", "p4ssw0rd-in-address"),
]
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{LETTERS}{LETTERS}\n{LETTERS}\n-----END OPENSSH PRIVATE KEY-----"
PROGRAM = """\
import os, sys
names = %r
for name in names:
    print("value", os.environ[name])
    sys.stderr.write("value " + os.environ[name] + "\\n")
print(open(sys.argv[1]).read())
open("results.txt", "w").write("done")
raise RuntimeError("broke with " + " ".join(os.environ[name] for name in names) + open(sys.argv[1]).read())
"""


def spellings(secret):
    data = secret.encode()
    yield data
    yield base64.b64encode(data)
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote_plus(secret).encode()


def planted():
    texts = [*HANDED.values(), *(secret for _, secret in FORMED), LETTERS + LETTERS]
    return {text: set(spellings(text)) for text in texts}


def found(content):
    return {text for text, forms in planted().items() if any(form in content for form in forms)}


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    """A deployed pod, a project that hands it every secret, and a mapped folder."""
    place = Place(tmp_path_factory.mktemp("canary"))
    try:
        stock.give(place)
        place.env.update(HANDED)
        inventory = place.root / "inventories/sandbox/host_vars"
        inventory.mkdir()
        (inventory / "pod.yml").write_text(f"dgops_secrets: [{', '.join(HANDED)}]\n")
        lines = "\n".join(
            f"{before}{secret}@x" if before.endswith("ann:") else before + secret for before, secret in FORMED
        )
        planted_in = place.root / "planted"
        planted_in.mkdir()
        (planted_in / "words.txt").write_text(f"{lines}\n{KEY}\n")
        (planted_in / "program.py").write_text(PROGRAM % list(HANDED))
        yield place
    finally:
        place.down()


def test_nothing_that_is_written_holds_one(place):
    assert len(planted()) >= 30
    screens = []

    def dgops(*argv, code=0):
        done = place.dgops(*argv)
        assert done.returncode == code, (argv, done.stdout[-2000:], done.stderr[-2000:])
        screens.append((argv, (done.stdout + done.stderr).encode()))
        return done

    dgops("-v", "deploy", "--host", "pod", "--role", "user", "--role", "git_ssh")
    job = ("--input", "planted/program.py", "--input", "planted/words.txt", "--output", "results.txt")
    dgops("run", "--host", "pod", *job, "--", "python3", "planted/program.py", "planted/words.txt", code=1)
    number = place.json("jobs", "list")[1][0]["id"]
    dgops("jobs", "show", number)
    dgops("jobs", "follow", number, code=1)
    dgops("jobs", "bundle", number)
    dgops("run", "--host", "pod", "--", "python3", "x.py", "--token", FORMED[0][1], code=2)
    dgops("run", "--host", "pod", "--", "sh", "-c", f"echo {HANDED['HF_TOKEN']}", code=2)
    sync_a_folder(place, dgops)
    dgops("health", "--host", "pod")
    dgops("hosts", "exec", "--host", "pod", "--", "sh", "-c", f"echo {FORMED[0][1]}")
    dgops("logs", "--level", "debug", "--json")
    # What a person typed or asked to see comes back to their own screen; only what is kept counts there.
    shown = [argv for argv, text in screens if found(text) and argv[0] != "hosts"]
    assert shown == []
    assert list(place.root.rglob("*.zip")), "the bundle is among what is looked at"
    assert written_here(place) == {}
    assert written_there(place) == {}


def sync_a_folder(place, dgops):
    repo = place.root / "isengard"
    table = '[[sync.map]]\nname = "api"\nhost = "pod"\nhost_path = "/app/api"\nrepo = "isengard"\nlocal_path = "api"\n'
    (place.root / "dgops.toml").write_text(table)
    (repo / "api").mkdir(parents=True)
    (repo / "api/main.py").write_text("one\n")
    for argv in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "Ann"),
        ("config", "user.email", "ann@example.org"),
        ("add", "."),
        ("commit", "-qm", "first"),
    ):
        subprocess.run(["git", "-C", repo, *argv], check=True, timeout=30)
    dgops("sync", "--from", "local")
    place.on("pod", "echo two >>/app/api/main.py")
    dgops("sync", "--message", f"with {FORMED[0][1]}")


def written_here(place):
    """Return which files of this project hold a secret, what was planted and git's own aside."""
    held = {}
    for folder, _, names in os.walk(place.root):
        for name in names:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, place.root)
            if inside.startswith(("planted/", "isengard/.git/")) or not os.path.isfile(path):
                continue
            with open(path, "rb") as stream:
                content = stream.read()
            for part in bundled(path) if path.endswith(".zip") else (content,):
                if secrets := found(part):
                    held.setdefault(inside, set()).update(secrets)
    return held


def bundled(path):
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def written_there(place):
    """Return which files of the pod hold a secret; a job's own inputs are what the person sent."""
    left_out = ("*.whl", "*/.runtime-venv", "*/dgops/inputs", "*/jobs/*/work")
    excluded = [f"--exclude={shlex.quote(pattern)}" for pattern in left_out]
    view = next(one for one in hosts.listed(place.settings) if one.name == "pod")
    command = f"cd / && tar -cf - {' '.join(excluded)} workspace run/dgops var/lib/dgops var/log root home tmp etc"
    packed = place.root.parent / "pod.tar"
    with packed.open("wb") as stream:
        subprocess.run([*view.ssh, command], stdout=stream, stderr=subprocess.DEVNULL, timeout=120, cwd=place.root)
    held, gone = {}, {}
    with tarfile.open(packed) as archive:
        for member in archive:
            content = archive.extractfile(member).read() if member.isfile() else b""
            gone[member.name.rpartition("/")[2]] = content.count(b"REDACTED")
            if secrets := found(content):
                held[member.name] = secrets
    assert gone["stdout.log"] >= 20, "the job's log was looked at, and had them all"
    packed.unlink()
    return held
