"""The operations of site.yml for pyinfra, in the same order: change nothing here either."""

from io import StringIO

from pyinfra import host
from pyinfra.operations import apt, files, pip, server

PACKAGES = [
    "aria2",
    "ca-certificates",
    "git",
    "openssh-client",
    "procps",
    "python3-packaging",
    "python3-venv",
    "rsync",
    "sudo",
    "tmux",
]
DISTRIBUTIONS = [
    "click==8.5.1",
    "markdown-it-py==4.3.0",
    "mdurl==0.1.2",
    "numpy==2.4.6",
    "nvidia-ml-py==13.615.71",
    "opencv-python-headless==4.14.0.94",
    "pillow==13.0.0",
    "psutil==7.2.2",
    "pygments==2.21.0",
    "rich==15.0.0",
]
FOLDERS = [
    ("/home/bench", "bench", "755"),
    ("/home/bench/.ssh", "bench", "700"),
    ("/home/bench/.config", "bench", "755"),
    ("/home/bench/bin", "bench", "755"),
    ("/home/bench/work", "bench", "755"),
    ("/home/bench/logs", "bench", "750"),
    ("/srv/bench", "root", "755"),
    ("/srv/bench/data", "bench", "755"),
    ("/srv/bench/models", "bench", "755"),
    ("/srv/bench/outputs", "bench", "755"),
    ("/srv/bench/cache", "bench", "700"),
    ("/etc/bench", "root", "755"),
]
FILES = [
    ("/etc/bench/paths.conf", "root", "644", "data=/srv/bench/data\nmodels=/srv/bench/models\n"),
    ("/etc/bench/limits.conf", "root", "644", "open_files=4096\nprocesses=8192\n"),
    ("/etc/bench/motd", "root", "644", "a host of the reference playbook\n"),
    ("/etc/profile.d/bench.sh", "root", "644", "export BENCH_DATA=/srv/bench/data\n"),
    ("/home/bench/.gitconfig", "bench", "644", "[user]\n  name = Bench\n  email = bench@example.org\n"),
    ("/home/bench/.config/train.yml", "bench", "644", "steps: 1000\nrank: 16\n"),
    ("/home/bench/.ssh/config", "bench", "600", "Host *\n  ServerAliveInterval 5\n"),
    ("/home/bench/bin/train", "bench", "755", '#!/bin/sh\nexec /home/bench/.venv/bin/python -m train "$@"\n'),
]
LINES = [
    ("/home/bench/.bashrc", "export EDITOR=vi"),
    ("/home/bench/.bashrc", "export PAGER=less"),
    ("/home/bench/.bashrc", "umask 022"),
    ("/home/bench/.profile", "export LANG=C.UTF-8"),
    ("/home/bench/.profile", "export TZ=UTC"),
]

apt.packages(packages=PACKAGES, no_recommends=True, update=True, cache_time=86400)
server.user(user="bench", uid=1200, shell="/bin/bash", home="/home/bench")
files.put(
    src=StringIO("bench ALL=(ALL) NOPASSWD:ALL\n"),
    dest="/etc/sudoers.d/bench",
    user="root",
    group="root",
    mode="440",
)
for path, user, mode in FOLDERS:
    files.directory(path=path, user=user, group=user, mode=mode)
for path, user, mode, content in FILES:
    files.put(src=StringIO(content), dest=path, user=user, group=user, mode=mode)
pip.venv(path="/home/bench/.venv", python="python3")
pip.packages(
    packages=DISTRIBUTIONS,
    virtualenv="/home/bench/.venv",
    extra_install_args=f"--no-index --find-links {host.data.wheels}" if host.data.get("wheels") else None,
)
for path, line in LINES:
    files.line(path=path, line=line)
