"""A wsl.exe for tests: its verbs, rules and messages; distros are folders, and what runs in one runs by chroot."""

import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[a-zA-Z0-9._-]{1,256}")
# The first release that installs a file under a name of one's own.
MODERN = (2, 4, 4)
# What Windows shows of a program's -1.
FAILED = -1
USAGE = (
    "Copyright (c) Microsoft Corporation. All rights reserved.\n\nUsage: wsl.exe [Argument] [Options...] [CommandLine]"
)
NONE_YET = (
    "Windows Subsystem for Linux has no installed distributions.\n"
    "You can resolve this by installing a distribution with the instructions below:\n\n"
    "Use 'wsl.exe --list --online' to list available distributions\nand 'wsl.exe --install <Distro>' to install."
)
TAKEN = "A distribution with the supplied name already exists. Use --name to choose a different name."
NO_DISTRO = "There is no distribution with the supplied name.\nError code: Wsl/Service/WSL_E_DISTRO_NOT_FOUND"
BROKEN = "Importing the distribution failed.\nbsdtar: Error opening archive: Unrecognized archive format\n"
BROKEN += "Error code: Wsl/Service/RegisterDistro/E_FAIL"
# All that a tar holds, by the word for it where Python knows one: Debian 12's does not.
WHOLE = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
# In a mount namespace of its own, so that nothing stays mounted; in a pid namespace, so that nothing stays running.
ENTER = """
mount --make-rprivate /
mount --bind "$1" "$1"
mkdir -p "$1/proc" "$1/dev" "$1/mnt/c" "$1/tmp"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/mnt/c"
[ ! -e "$1/etc/resolv.conf" ] || mount --bind /etc/resolv.conf "$1/etc/resolv.conf"
root=$1 ids=$3
shift 3
exec chroot --userspec="$ids" --groups= "$root" "$@"
"""
# In a real distro this is a link to WSL's own /init.
WSLPATH = """#!/bin/sh
[ "$1" = -u ] || exit 1
case $2 in
    [A-Za-z]:/*) ;;
    *) echo "wslpath: $2" >&2; exit 1 ;;
esac
drive=${2%%:*}
case $drive in c | C) echo "/mnt/c${2#?:}" ;; *) exit 1 ;; esac
"""


class WslError(Exception):
    """What wsl.exe says when it refuses; it then returns -1."""


@dataclass(frozen=True)
class Answer:
    """What comes of a command line: the exit code, what goes out by either door, and whose words they are."""

    code: int
    output: bytes
    errors: bytes = b""
    own: bool = False


class Wsl:
    """A wsl.exe of one version: `2.4.13`, or `inbox` as Windows 10 has it, or `first` from before WSL 2."""

    def __init__(self, version, folder, drive):
        self.version, self.folder, self.drive = version, folder, drive
        self.numbers = tuple(int(part) for part in version.split(".")) if version[0].isdigit() else (0,)
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, words, piped, utf8, to_linux):
        """Run one command line; what wsl.exe itself says comes as UTF-16, on the same door for good and bad."""
        try:
            answer = self.answer(words, to_linux)
        except WslError as refusal:
            answer = Answer(FAILED, str(refusal).encode(), own=True)
        if not answer.own:
            return answer
        said = answer.output.decode().rstrip("\n").replace("\n", "\r\n") + "\r\n"
        # Old ones do not know WSL_UTF8; a console takes neither, it is written to by another call.
        wide = piped and not (utf8 and self.numbers >= (0, 64))
        return Answer(answer.code, said.encode("utf-16-le" if wide else "utf-8"), own=True)

    def answer(self, words, to_linux):
        verbs = {"--version": self.tell_version, "--list": self.list, "--install": self.install}
        verbs |= {"--import": self.import_, "--manage": self.manage, "--terminate": self.terminate}
        if words[0] == "-d":
            return self.launch(words[1:], to_linux)
        if words[0] not in verbs:
            raise WslError(f"Invalid command line argument: {words[0]}\nPlease use 'wsl.exe --help'.")
        return Answer(0, verbs[words[0]](words[1:]).encode(), own=True)

    def tell_version(self, words):
        if self.numbers == (0,):
            raise WslError(f"Invalid command line option: --version\n{USAGE}")
        return f"WSL version: {self.version}.0\nKernel version: 5.15.167.4-1\nWindows version: 10.0.22631.4602"

    def list(self, words):
        if words != ["--verbose"] or self.version == "first":
            raise WslError(f"Invalid command line option: --list\n{USAGE}")
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        if not names:
            raise WslError(NONE_YET)
        rows = [(name, "Stopped", str(self.record(name)["version"])) for name in names]
        lines = [f"{'* ' if not place else '  '}{row[0]:<24}{row[1]:<16}{row[2]}" for place, row in enumerate(rows)]
        return "\n".join([f"  {'NAME':<24}{'STATE':<16}VERSION", *lines])

    def install(self, words):
        if self.numbers < MODERN:
            raise WslError("Invalid command line argument: --from-file\nPlease use 'wsl.exe --help'.")
        options = dict(zip(words[::2], words[1::2], strict=False)) | {"--no-launch": words.count("--no-launch")}
        if words[-1:] != ["--no-launch"] or not set(options) <= {"--from-file", "--name", "--location", "--no-launch"}:
            raise WslError(f"Invalid command line arguments: {words}")
        return self.register(options["--name"], options["--location"], options["--from-file"], oobe=True)

    def import_(self, words):
        if self.version == "first" or words[3:] != ["--version", "2"]:
            raise WslError("Invalid command line option: --version")
        return self.register(*words[:3], oobe=False)

    def register(self, name, location, file, oobe):
        """Make a distro of a tar; `oobe` says whether its first interactive start runs what the image asks for."""
        if not NAME.fullmatch(name):
            raise WslError(f"Invalid distribution name: '{name}'.")
        if self.known(name):
            raise WslError(TAKEN)
        if any(self.record(path.stem)["location"].lower() == location.lower() for path in self.folder.glob("*.json")):
            raise WslError("The supplied install location is already in use.")
        root = self.folder / name
        try:
            with tarfile.open(self.here(file)) as archive:
                archive.extractall(root, **WHOLE)
        except FileNotFoundError:
            raise WslError("The system cannot find the file specified.") from None
        except tarfile.ReadError:
            raise WslError(BROKEN) from None
        if not (root / "etc").exists() and not (root / "bin/sh").exists():
            shutil.rmtree(root)
            raise WslError("The imported file is not a valid Linux distribution.")
        self.note(name, {"version": 2, "location": location, "oobe": oobe, "uid": 0})
        return f"Installing: {file}\nDistribution successfully installed. It can be launched via 'wsl.exe -d {name}'"

    def manage(self, words):
        name, verb, user = words
        name = self.known(name, insist=True)
        if self.numbers < MODERN or verb != "--set-default-user":
            raise WslError(f"Invalid command line argument: {verb}")
        self.note(name, {"uid": self.user(name, user)[0]})
        return "The operation completed successfully. "

    def terminate(self, words):
        self.known(words[0], insist=True)
        return "The operation completed successfully. "

    def launch(self, words, to_linux):
        """`-d NAME [-u USER] --exec CMD…`, or `-d NAME` alone: interactive, so the first start's command is run."""
        name, words = self.known(words[0], insist=True), words[1:]
        record, who = self.record(name), None
        if words[:1] == ["-u"]:
            who, words = words[1], words[2:]
        if not words:
            return self.first_start(name, record, to_linux)
        if words[0] not in ("--exec", "-e"):
            raise WslError(f"Invalid command line argument: {words[0]}")
        return self.inside(name, self.user(name, who or str(record["uid"])), words[1:], to_linux)

    def first_start(self, name, record, to_linux):
        conf = self.folder / name / "etc/wsl-distribution.conf"
        asked = re.search(r"^\s*command\s*=\s*(.+)$", conf.read_text(), re.MULTILINE) if conf.exists() else None
        if record["oobe"] and asked:
            first = self.inside(name, (0, 0, "/root"), ["/bin/sh", "-c", asked[1]], to_linux)
            if first.code:
                return first
        self.note(name, {"oobe": False})
        return self.inside(name, self.user(name, str(record["uid"])), ["/bin/sh", "-c", "id -u"], to_linux)

    def inside(self, name, user, words, to_linux):
        """Run a command in a distro as WSL does: its own few variables, /mnt/c, and wslpath."""
        root = self.folder / name
        path = root / "usr/bin/wslpath"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WSLPATH)
        path.chmod(0o755)
        uid, gid, home = user
        plain = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home}
        plain |= {"WSL_DISTRO_NAME": name, "LANG": "C.UTF-8", **to_linux}
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", ENTER, "wsl"]
        argv += [str(root), str(self.drive), f"{uid}:{gid}", *words]
        done = subprocess.run(argv, env=plain, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=900)
        return Answer(done.returncode, done.stdout, done.stderr)

    def user(self, name, who):
        """Return uid, gid and home of a user by name or uid, as the distro's own files say; root needs no file."""
        passwd = self.folder / name / "etc/passwd"
        lines = passwd.read_text().splitlines() if passwd.exists() else ["root:x:0:0:root:/root:/bin/sh"]
        for line in lines:
            fields = line.split(":")
            if who in (fields[0], fields[2]):
                return int(fields[2]), int(fields[3]), fields[5]
        raise WslError(f"User '{who}' not found.\nError code: Wsl/Service/CreateInstance/E_INVALIDARG")

    def known(self, name, insist=False):
        """Return the name as it was registered, whatever case it is asked in."""
        found = [path.stem for path in self.folder.glob("*.json") if path.stem.lower() == name.lower()]
        if insist and not found:
            raise WslError(NO_DISTRO)
        return found[0] if found else None

    def record(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    def note(self, name, values):
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps((json.loads(file.read_text()) if file.exists() else {}) | values))

    def here(self, path):
        """Return the file that a Windows path names on this machine."""
        return Path(self.drive, *re.split(r"[\\/]+", path)[1:])
