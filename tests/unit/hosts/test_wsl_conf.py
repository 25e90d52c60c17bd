import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.errors import UsageError
from dgops.hosts.wsl_conf import main, merged, mount_root, value

MINE = """\
# mine, and in my order
[automount]
root = /windows/
options = "metadata,umask=22"

[user]
# who I am
default = bob  # for now

[boot]
systemd=true
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[user]\ndefault=seanf\n"),
        ("[user]\n", "[user]\ndefault=seanf\n"),
        ("[user]\ndefault=seanf\n", "[user]\ndefault=seanf\n"),
        ("[User]\nDefault = seanf\n", "[User]\nDefault = seanf\n"),
        ('[user]\ndefault="seanf"\n', '[user]\ndefault="seanf"\n'),
        ("[user]\ndefault=bob\n", "[user]\ndefault=seanf\n"),
        ("[user]\n# default=seanf\n", "[user]\n# default=seanf\ndefault=seanf\n"),
        ("[boot]\ndefault=bob\n", "[boot]\ndefault=bob\n\n[user]\ndefault=seanf\n"),
        ("[boot]\r\nsystemd=true\r\n", "[boot]\nsystemd=true\n\n[user]\ndefault=seanf\n"),
        ("[user]\r\ndefault=seanf\r\n", "[user]\ndefault=seanf\n"),
        ("\ufeff[user]\r\ndefault=bob", "[user]\ndefault=seanf\n"),
        ("[user]\n\n\n[boot]\nsystemd=true\n", "[user]\ndefault=seanf\n\n\n[boot]\nsystemd=true\n"),
        (MINE, MINE.replace("bob ", "seanf ")),
    ],
)
def test_one_key_is_set_and_the_rest_stays(before, after):
    assert merged(before, "user", "default", "seanf") == after


WORD = st.text("abcXYZ09_-/.", min_size=1)
LINE = st.one_of(
    st.just(""),
    WORD.map("# {}".format),
    st.sampled_from(["[user]", "[boot]", " [ automount ] ", "[USER]"]),
    st.builds(
        "{}{}{}".format, st.sampled_from(["default", "root", "systemd", " Default"]), st.sampled_from("= "), WORD
    ),
    st.text("ab=[]# \t"),
)
TEXT = st.builds(lambda lines, end: end.join(lines) + end, st.lists(LINE), st.sampled_from(["\n", "\r\n"]))


@given(TEXT, WORD)
def test_merging(text, wanted):
    once = merged(text, "user", "default", wanted)
    assert value(once, "user", "default") == wanted
    assert merged(once, "user", "default", wanted) == once
    for section, key in (("boot", "systemd"), ("automount", "root"), ("boot", "default"), ("user", "root")):
        assert value(once, section, key) == value(text, section, key)
    kept = [line for line in text.replace("\r", "").split("\n") if line and "default" not in line.lower()]
    left = iter(once.split("\n"))
    assert all(line in left for line in kept), "every other line, in its order"


def test_the_last_one_counts():
    text = "[user]\ndefault=ann\n[boot]\n[user]\ndefault=bob\n"
    assert value(text, "user", "default") == "bob"
    assert value(merged(text, "user", "default", "seanf"), "user", "default") == "seanf"
    assert value(text, "user", "shell") is None


@pytest.mark.parametrize(
    ("text", "root"),
    [
        (None, "/mnt"),
        ("", "/mnt"),
        (MINE, "/windows"),
        ("[automount]\nroot=/\n", "/"),
        ("[automount]\r\nroot = /win/\r\n", "/win"),
        ('[automount]\nroot = "/my drives/"\n', "/my drives"),
        ("[automount]\nroot = mnt\n", "/mnt"),
        ("[automount]\nenabled=false\n", "/mnt"),
    ],
)
def test_where_the_drives_are(tmp_path, text, root):
    if text is not None:
        (tmp_path / "wsl.conf").write_text(text)
    assert mount_root.__wrapped__(tmp_path / "wsl.conf") == root


def test_the_file_is_written_only_when_it_changes(tmp_path, capsys):
    file = tmp_path / "wsl.conf"
    main([str(file), "user.default=seanf"])
    assert capsys.readouterr().out == "user.default=seanf\n"
    before = file.stat()
    main([str(file), "user.default=seanf"])
    assert capsys.readouterr().out == ""
    assert file.stat().st_ino == before.st_ino
    file.write_bytes(b"[user]\r\ndefault=b\xf6b\r\n# \xff\r\n")
    main([str(file), "user.default=seanf"])
    assert file.read_bytes() == b"[user]\ndefault=seanf\n# \xff\n"
    with pytest.raises(UsageError):
        main([str(file), "user=seanf"])
