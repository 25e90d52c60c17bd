"""When the wheel of dgops counts as installed: by content."""

import base64
import hashlib
import zipfile

import pytest
from role_programs import load

install_wheel = load("dgops_runtime/files/install_wheel.py")


@pytest.fixture
def place(tmp_path):
    """Return a wheel and a venv that it is installed in."""
    data = b"x = 1\n"
    total = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    with zipfile.ZipFile(tmp_path / "dgops-1-py3-none-any.whl", "w") as archive:
        archive.writestr("dgops/x.py", data)
        archive.writestr("dgops-1.dist-info/RECORD", f"dgops/x.py,sha256={total},6\ndgops-1.dist-info/RECORD,,\n")
    site = tmp_path / "venv/lib/python3.11/site-packages"
    (site / "dgops").mkdir(parents=True)
    (site / "dgops/x.py").write_bytes(data)
    (tmp_path / "venv/bin").mkdir()
    (tmp_path / "venv/bin/dgops").touch(0o755)
    return tmp_path


def check(place, capsys):
    install_wheel.main(str(place / "dgops-1-py3-none-any.whl"), str(place / "venv"), "uv", "check")
    return capsys.readouterr().out


def test_the_same(place, capsys):
    assert check(place, capsys) == ""


def test_an_edit_under_the_same_version(place, capsys):
    (place / "venv/lib/python3.11/site-packages/dgops/x.py").write_text("x = 2\n")
    assert check(place, capsys) == "installed dgops-1-py3-none-any.whl\n"


def test_a_program_that_is_gone(place, capsys):
    (place / "venv/bin/dgops").unlink()
    assert check(place, capsys) != ""


def test_no_venv(place):
    with pytest.raises(SystemExit, match="deploy the role python_env first"):
        install_wheel.main(str(place / "dgops-1-py3-none-any.whl"), str(place / "none"), "uv", "apply")
