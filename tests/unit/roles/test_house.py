"""What every role keeps to: knobs declared and prefixed, built-in modules only, checks that can be read."""

import base64
import hashlib
import re

import jinja2
import pytest
import yaml
from role_programs import ROLES

from dgops.health.check import LIVE_KEYS, STATE_KEYS

REPO = ROLES.parent
NAMES = sorted(path.name for path in ROLES.iterdir())
SHARED = {"apps_root", "dgops_apps", "dgops_mode", "dgops_profile", "persistent_root"}
# What a task may hold beside its module.
KEYWORDS = {
    "name", "when", "loop", "loop_control", "register", "changed_when", "check_mode", "become", "become_user",
    "diff", "environment", "failed_when", "vars", "no_log", "delegate_to", "run_once", "tags", "block",
}  # fmt: skip
FINGERPRINTS = {
    "ssh-ed25519": "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    "ecdsa-sha2-nistp256": "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    "ssh-rsa": "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
}


def read(path):
    return yaml.safe_load(path.read_text())


def specs(role):
    return read(ROLES / role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def tasks(items):
    for item in items:
        yield item
        yield from tasks(item.get("block", []))


@pytest.mark.parametrize("role", NAMES)
def test_every_knob_is_prefixed_and_declared(role):
    defaults = read(ROLES / role / "defaults/main.yml")
    assert {name for name in defaults if not name.startswith(f"{role}__")} == set()
    assert set(specs(role)) - SHARED == set(defaults)
    derived = ROLES / role / "vars/main.yml"
    assert {name for name in (read(derived) if derived.exists() else {}) if not name.startswith(f"{role}__")} == set()


@pytest.mark.parametrize("role", NAMES)
def test_only_builtin_modules(role):
    for task in tasks(read(ROLES / role / "tasks/main.yml")):
        modules = set(task) - KEYWORDS
        assert all(module.startswith("ansible.builtin.") for module in modules), task["name"]
        assert len(modules) == (0 if "block" in task else 1), task["name"]
        assert not modules & {"ansible.builtin.service", "ansible.builtin.systemd", "ansible.builtin.systemd_service"}


@pytest.mark.parametrize("path", sorted(ROLES.glob("*/checks.yml")), ids=lambda path: path.parent.name)
def test_checks_can_be_read_before_they_are_rendered(path):
    for check in read(path):
        required, optional = {"state": STATE_KEYS, "live": LIVE_KEYS}[check["kind"]][check["type"]]
        keys = set(check) - {"name", "kind", "type", "mend"}
        assert required <= keys <= required | optional, check["name"]


def test_every_role_has_checks():
    # The role contract keeps the books: its checks would neither be kept nor planned by.
    assert {path.parent.name for path in ROLES.glob("*/checks.yml")} == set(NAMES) - {"contract"}


def test_the_site_playbook_tags_each_role_with_its_name():
    (play,) = read(REPO / "playbooks/site.yml")
    roles = [entry["role"] for entry in play["roles"]]
    assert roles[0] == roles[-1] == "contract"
    assert sorted(set(roles)) == NAMES
    assert all(entry["role"] in entry["tags"] for entry in play["roles"])
    assert (REPO / "playbooks/roles").resolve() == ROLES


def test_templates_mirror_their_targets():
    for path in ROLES.glob("*/templates/**/*"):
        assert path.is_dir() or path.suffix == ".j2"
    assert {path.parts[len(ROLES.parts) + 2] for path in ROLES.glob("*/templates/**/*.j2")} == {"ComfyUI", "etc", "usr"}


@pytest.mark.parametrize("path", sorted((REPO / "locks").glob("*.txt")), ids=lambda path: path.stem)
def test_locks_are_hashed_and_name_no_index(path):
    text = path.read_text()
    assert not re.search(r"://|^-|^--(index|extra|find)|@ ", text, re.MULTILINE)
    text = re.sub(r"^# (Made by|incomplete:) .*\n", "", text, flags=re.MULTILINE)
    for entry in filter(None, re.split(r"^(?=\S)", text, flags=re.MULTILINE)):
        assert re.match(r"[a-z0-9.-]+==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_runtime_lock_serves_every_python_that_hosts_have():
    from packaging.requirements import Requirement

    lines = (REPO / "locks/runtime.txt").read_text().replace("\\\n", "").splitlines()
    pins = [Requirement(line.split("--hash")[0]) for line in lines]
    for version in ("3.10.12", "3.11.2", "3.13.5"):
        here = {"python_full_version": version, "python_version": version.rpartition(".")[0]}
        names = [pin.name for pin in pins if pin.marker is None or pin.marker.evaluate(here)]
        assert len(names) == len(set(names))
        assert set(names) >= {"click", "numpy", "nvidia-ml-py", "psutil", "rich"}


def test_profiles_are_those_that_roles_may_be_asked_for():
    from dgops.environments import profiles

    names = {one.name for one in profiles.load()}
    options = specs("python_env")
    assert set(options["dgops_profile"]["choices"]) == set(options["python_env__profile"]["choices"]) == names


def test_the_forges_host_keys_are_the_published_ones():
    lines = read(ROLES / "git_ssh/defaults/main.yml")["git_ssh__host_keys"]
    seen = {}
    for line in lines:
        host, kind, key = line.split()
        assert host == "github.com"
        seen[kind] = base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode().rstrip("=")
    assert seen == FINGERPRINTS


def test_the_workspace_of_the_user_is_shipped_as_data():
    found = read(REPO / "inventories/wsl/group_vars/wsl.yml")
    assert found["user__name"] == "seanf"
    assert found["git_ssh__owner"] == "walshderek"
    assert found["wheel_cache__path"] == "/mnt/c/linuxdownloads"
    assert found["conda_environment"] == "deadly-ai"
    assert "git@github.com:walshderek/DeadlyLinux.git" in [one["remote"] for one in found["repositories"]]
    assert list(read(REPO / "inventories/wsl/hosts.yml")["all"]["children"]["wsl"]["hosts"]) == ["DeadlyLinux_002"]
    pods = read(REPO / "inventories/runpod/group_vars/pods.yml")
    assert pods["maps"]["/app/packages/shared"] == "packages/shared"
    assert pods["artifact_maps"] == {"/runpod-volume/isengard": "data"}


@pytest.mark.parametrize(
    ("profile", "mode", "lock"),
    [
        ("cpu", {"dgops_mode": "production"}, "tiny"),
        ("cu121", {}, "tiny-cu121"),
        ("cu121", {"dgops_mode": "production"}, "tiny-cu121"),
        ("cu121", {"dgops_mode": "fast-test"}, "tiny"),
    ],
)
def test_tiny_needs_no_gpu_in_fast_test_whatever_a_pod_was_rented_for(profile, mode, lock):
    """A pod that is rented has a profile, and deploying tiny in fast-test looked for a lock that is not there."""
    said = read(ROLES / "python_env/defaults/main.yml")["python_env__tiny_lock"]
    assert jinja2.Template(said).render(python_env__profile=profile, **mode) == lock


def test_an_answer_is_the_last_line():
    """A raw command's output comes through a terminal, what sudo complains of as well: all of it is no JSON."""
    for path in [*ROLES.glob("*/tasks/*.yml"), *ROLES.glob("*/vars/*.yml")]:
        whole = re.findall(r"(\w+)\.stdout\b[^_\n]*from_json", path.read_text())
        # What runs on the controller has no terminal.
        assert set(whole) <= {"contract__cargo"}, path
