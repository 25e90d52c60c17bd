"""What roles ask of a host before they begin."""

import grp
import os
import pwd

from dgops.agent import look


def test_a_user_who_is_not_there_would_get_what_was_asked():
    seen = look.user("nobody-of-that-name", 54321, 54322)
    assert (seen["exists"], seen["uid"], seen["gid"]) == (False, 54321, 54322)
    assert seen["home"] == "/home/nobody-of-that-name"
    assert (seen["uid_taken_by"], seen["gid_taken_by"]) == ("", "")


def test_one_who_is_there_keeps_his():
    me = pwd.getpwuid(os.getuid())
    seen = look.user(me.pw_name, 54321, 54322)
    assert (seen["exists"], seen["uid"], seen["gid"], seen["home"]) == (True, me.pw_uid, me.pw_gid, me.pw_dir)


def test_others_who_hold_the_numbers_are_named():
    seen = look.user("nobody-of-that-name", 0, 0)
    assert seen["uid_taken_by"] == pwd.getpwuid(0).pw_name
    assert seen["gid_taken_by"] == grp.getgrgid(0).gr_name


def test_keys_with_options_stay_where_they_are(tmp_path, monkeypatch):
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "authorized_keys").write_text(
        '# a comment\nssh-ed25519 AAAA me\ncommand="echo no" ssh-rsa AAAA other\n  \necdsa-sha2-nistp256 BBBB\n'
    )
    login = pwd.struct_passwd(("login", "x", 1, 1, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(look.pwd, "getpwnam", lambda _name: login)
    assert look.login_keys("seanf") == ["ssh-ed25519 AAAA me", "ecdsa-sha2-nistp256 BBBB"]
    assert look.login_keys("login") == []


def test_free_space_is_a_number():
    assert look.free_mb("/") >= 0
