"""Every command in the README is run: the pod's in a clone against a sandbox pod, the distro's inside one."""

import re
import shutil

import pytest
from place import REPO, Place

from dgops.sandbox import hosts

pytestmark = pytest.mark.e2e
EXAMPLE = "ssh root@203.0.113.7 -p 40022 -i ~/.ssh/id_ed25519"
ACTIVATE = ". .venv/bin/activate"


def sections():
    """Return the commands of each section of the README, by its title."""
    found = {}
    for part in re.split(r"^## ", (REPO / "README.md").read_text(), flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"```bash\n(.*?)```", part, flags=re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines() if line]
        if lines:
            found[part.splitlines()[0]] = lines
    return found


def configuration(title):
    """Return what a section of the README shows of a dgops.toml."""
    part = (REPO / "README.md").read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.search(r"```toml\n(.*?)```", part, flags=re.DOTALL)[1]


def test_every_section_is_known():
    work = {"Environments that are proven", "Work on a pod", "A training set", "Edits come home"}
    assert set(sections()) == {"Two commands", "Your own pod", "On Windows", *work}


def test_the_two_commands_are_what_ci_runs():
    script = (REPO / ".ci/run").read_text()
    for command in sections()["Two commands"]:
        assert command.removeprefix("make ") in script


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    # There is no GPU here, and no forge: fast-test mode, and health asks neither.
    root = tmp_path_factory.mktemp("readme")
    found = Place(root, clone=True)
    found.env["DGOPS_MODE"] = "fast-test"
    for inventory in ("local", "wsl"):
        (root / f"inventories/{inventory}/group_vars").mkdir(exist_ok=True)
        (root / f"inventories/{inventory}/group_vars/all.yml").write_text("git_ssh__check_auth: false\n")
    try:
        stock.give(found)
        yield found
    finally:
        found.down()


def test_your_own_pod(place):
    """A controller that never deployed to it runs every role; from bare to ready is the stock's own deploy."""
    pod = hosts.listed(place.settings)[0]
    lines = sections()["Your own pod"]
    assert any(EXAMPLE in line for line in lines)
    for line in lines:
        command = line.replace(EXAMPLE, f"ssh root@127.0.0.1 -p {pod.port} -i {pod.key}")
        # OpenSSH takes the home from the password file and not from HOME.
        command = command.replace("ssh seanf@gadget", "ssh -F $HOME/.ssh/config seanf@gadget id -un </dev/null")
        if line == ACTIVATE:
            continue
        done = place.run("bash", "-ec", command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if line.startswith("ansible-playbook"):
            assert done.stdout.count("changed=0") == 1, "after a deploy, plain Ansible changes nothing"


def test_work_on_it(place):
    """What the sections on work say is done on the pod that was deployed above."""
    (place.root / "train.py").write_text(
        "import os, pathlib\npathlib.Path('results').mkdir()\n"
        "pathlib.Path('results/model.txt').write_text(str(len(os.environ['HF_TOKEN'])))\n"
    )
    place.env["HF_TOKEN"] = "hf_" + "a" * 34
    for line in [*sections()["Environments that are proven"], *sections()["Work on a pod"]]:
        done = place.run("bash", "-ec", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (place.root / "results/model.txt").read_text() == "37"
    shutil.copytree(REPO / "tests/cases/dataset", place.root / "photos", ignore=shutil.ignore_patterns("*.md"))
    for line in sections()["A training set"]:
        done = place.run("bash", "-ec", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (place.root / "outputs/amira/07_summary/amira_contact_sheet.png").is_file()
    with (place.root / "dgops.toml").open("a") as stream:
        stream.write(configuration("A training set"))
    done = place.dgops("gather", "--host", "gadget")
    assert done.returncode == 0, done.stderr


def test_edits_come_home(place):
    repository = place.root.parent / "isengard"
    (repository / "apps/api/src").mkdir(parents=True)
    (repository / "apps/api/src/main.py").write_text("one = 1\n")
    git = ("git", "-C", repository, "-c", "init.defaultBranch=main")
    for words in (["init"], ["config", "user.name", "ann"], ["config", "user.email", "ann@example.org"], ["add", "."]):
        place.run(*git, *words)
    place.run(*git, "commit", "-m", "one")
    with (place.root / "dgops.toml").open("a") as stream:
        stream.write(configuration("Edits come home"))
    for line in sections()["Edits come home"]:
        done = place.run("bash", "-ec", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert place.on("pod", "cat /app/apps/api/src/main.py") == "one = 1\n"


def test_a_wsl_distro_is_its_own_controller(place):
    """The files in the distro, somewhere: taken to seanf's home, deployed there, healthy."""
    (place.root / "inventories/local/host_vars").mkdir()
    (place.root / "inventories/local/host_vars/local.yml").write_text("dgops_mode: fast-test\n")
    distro = place.up("distro", kind="wsl")[0]
    lines = sections()["On Windows"]
    assert lines[0] == "sudo sh bootstrap.sh"
    # What the other sections made lies in the way: a host that they added has its key here, and not in the distro.
    aside = ("./.dgops", "./home", "./inventories/local/gadget.yml")
    tree = f"tar -C {place.root} {' '.join(f'--exclude {path}' for path in aside)} -c ."
    copied = place.run("bash", "-ec", f"{tree} | {distro.ssh_line} 'mkdir files && tar -C files -x'")
    assert copied.returncode == 0, copied.stderr
    done = place.run(*distro.ssh, "\n".join(["set -eu", "cd files", *lines]), timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    health = done.stdout.rpartition("HOST ")[2]
    assert re.search(r"^local +pass", health, flags=re.MULTILINE), done.stdout


def test_what_is_typed_on_windows_is_known_there():
    """The line for PowerShell cannot be run here; test_windows.py runs the script itself."""
    script = (REPO / "deploy.ps1").read_text()
    block = re.search(r"```powershell\n(.*?)```", (REPO / "README.md").read_text(), flags=re.DOTALL)[1]
    text = (REPO / "README.md").read_text().partition("## On Windows")[2].partition("\n## ")[0]
    assert block.startswith(".\\deploy.ps1 -")
    # Those of PowerShell itself aside.
    options = set(re.findall(r"[` ]-([A-Z]\w+)", text)) - {"ExecutionPolicy", "File"}
    assert options == {"Image", "RootFs", "DistroName", "Location", "WhatIf"}
    assert all(f"]${name}" in script for name in options - {"WhatIf"})
    assert "SupportsShouldProcess" in script
