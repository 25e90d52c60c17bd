"""A venv on a real pod: altered by hand it is named, keeps jobs away, and is mended without the network."""

import json

import pytest

pytestmark = pytest.mark.e2e
VENV = "/home/seanf/.runtime-venv"
SITE = f"{VENV}/lib/python3.11/site-packages"
UV = "/home/seanf/.local/share/dgops/uv"
WHEEL = "dgops is installed as its wheel has it"
LOCK = ".runtime-venv is as its lock says"

# What is done as root → the check that names it, and what it says first: each comes before all that were done before.
TAMPERED = {
    "planted": (f"su seanf -c 'echo import os > {SITE}/x.pth'", LOCK, "x.pth was added"),
    "sitecustomize": (f"echo 'x = 1' > {SITE}/sitecustomize.py", LOCK, "sitecustomize.py was added"),
    "module": (f"su seanf -c 'echo evil=1 >> {SITE}/psutil/__init__.py'", LOCK, "psutil/__init__.py changed by hand"),
    "gone": (f"rm -r {SITE}/click", LOCK, "click/__init__.py is gone"),
    "record": (f"su seanf -c 'echo x,, >> {SITE}/click-*.dist-info/RECORD'", LOCK, ".dist-info/RECORD changed by hand"),
    "link": (f"ln -sf /bin/false {VENV}/bin/python", LOCK, "bin/python changed by hand"),
    "dgops": (f"su seanf -c 'echo x=1 >> {SITE}/dgops/errors.py'", WHEEL, "dgops/errors.py changed by hand"),
    "script": (f"su seanf -c 'echo > {VENV}/bin/dgops'", WHEEL, "bin/dgops changed by hand"),
}


def failing(place, *options):
    code, found = place.json("health", "--host", "pod", *options)
    checks = found["hosts"]["pod"]["checks"]
    bad = {
        one["check"]: one["observed"]
        for one in checks
        if one["outcome"] in ("fail", "error") and one["kind"] == "state"
    }
    assert bool(bad) <= (code == 1)
    return bad


def test_what_is_altered_is_named_refused_and_mended(ready):
    assert failing(ready) == failing(ready, "--deep") == {}
    for command, check, words in TAMPERED.values():
        ready.on("pod", command)
        found = failing(ready)
        assert words in found.get(check, ""), (words, found)
    refused = ready.dgops("run", "--host", "pod", "--", "true")
    assert refused.returncode == 1
    assert "so no job starts there" in refused.stderr
    assert "--allow-drift runs on it as it is" in refused.stderr
    done = ready.dgops("run", "--host", "pod", "--allow-drift", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert f"{VENV} drifted: " in done.stderr
    job = done.stderr.split("job ", 1)[1][:8]
    code, shown = ready.json("jobs", "show", job)
    attest = shown["attest"][VENV]
    assert (code, attest["holds"]) == (0, False)
    assert any("bin/python changed by hand" in words for words in attest["findings"]), "among the first of many"
    assert attest["count"] >= len(TAMPERED) - 1
    kept = json.loads((ready.root / ".dgops/jobs" / f"{job}.json").read_text())
    assert kept["attest"] == shown["attest"]
    # uv lies in no venv, so that its drift is not allowed.
    ready.on("pod", f"su seanf -c 'echo >> {UV}'")
    assert failing(ready)["uv is the one of its lock"] == "uv changed by hand"
    assert ready.dgops("run", "--host", "pod", "--allow-drift", "--", "true").returncode == 1
    mended = ready.dgops("deploy", "--host", "pod")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert failing(ready, "--deep") == {}
    assert ready.on("pod", f"ls {SITE}/sitecustomize.py {SITE}/x.pth 2>&1 || true").count("No such file") == 2
    again = ready.dgops("run", "--host", "pod", "--", "dgops", "--version")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("dgops")


def test_drift_of_anything_else_is_not_allowed(ready):
    ready.on("pod", "chmod 0600 /home/seanf/.bashrc; mv /usr/local/bin/dgops /usr/local/bin/dgops.away")
    try:
        done = ready.dgops("run", "--host", "pod", "--allow-drift", "--", "true")
        assert done.returncode == 1
        assert "dgops is on the path" in done.stderr
        assert "--allow-drift" not in done.stderr
    finally:
        ready.on("pod", "mv /usr/local/bin/dgops.away /usr/local/bin/dgops; chmod 0644 /home/seanf/.bashrc")


def test_a_job_on_a_whole_host_says_so(ready):
    done = ready.dgops("run", "--host", "pod", "--", "true")
    assert done.returncode == 0, done.stderr
    _, shown = ready.json("jobs", "show", done.stderr.split("job ", 1)[1][:8])
    assert shown["attest"] == {VENV: {"holds": True, "findings": [], "count": 0}}
