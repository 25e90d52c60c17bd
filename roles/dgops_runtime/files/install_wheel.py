"""Install a wheel in a venv unless its files are there as the wheel has them: install_wheel.py WHEEL VENV UV MODE.

MODE is check or apply. Compared is content, not version: the wheel of a working tree changes under one version.
"""

import base64
import csv
import glob
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile


def digest(path):
    """Return a file's digest as a wheel's RECORD writes it, None where there is no such file."""
    try:
        with open(path, "rb") as stream:
            total = hashlib.sha256(stream.read()).digest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return "sha256=" + base64.urlsafe_b64encode(total).rstrip(b"=").decode()


def same(wheel, site_packages):
    """Say whether every file of the wheel is installed with its content."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(archive.read(name).decode().splitlines()))
    return all(digest(os.path.join(site_packages, path)) == wanted for path, wanted, _ in rows if wanted)


def main(wheel, venv, uv, mode):
    """Compare, and install if need be."""
    folders = glob.glob(os.path.join(glob.escape(venv), "lib", "python3*", "site-packages"))
    if not folders:
        sys.exit("" if mode == "check" else "error: {} is no venv: deploy the role python_env first".format(venv))
    if same(wheel, folders[0]) and os.access(os.path.join(venv, "bin", "dgops"), os.X_OK):
        return
    print("installed " + os.path.basename(wheel))
    if mode == "check":
        return
    with tempfile.TemporaryDirectory(prefix=".dgops-scratch-", dir=os.path.dirname(venv)) as scratch:
        argv = [uv, "pip", "install", "--quiet", "--no-config", "--offline", "--no-index", "--no-deps"]
        argv += ["--cache-dir", scratch, "--link-mode", "copy", "--reinstall", "--python", venv + "/bin/python", wheel]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(done.stderr.strip())


if __name__ == "__main__":
    main(*sys.argv[1:])
