"""The tables of variables: fresh, and around them what people wrote."""

import shutil

from dgops.deploy import role_tables, tree


def test_the_tables_are_fresh():
    assert role_tables.stale() == {}, "make generate"


def test_what_people_wrote_stays(tmp_path):
    role = tmp_path / "user"
    shutil.copytree(tree.root() / "roles" / "user", role)
    (role / "README.md").write_text(f"before\n{role_tables.BEGIN}\nold\n{role_tables.END}\nafter\n")
    text = role_tables.render(role)
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| `user__uid` | int | `1100` | Uid of a user who is made, the same on every host. |" in text


def test_a_role_without_a_page_gets_one(tmp_path):
    role = tmp_path / "base"
    shutil.copytree(tree.root() / "roles" / "base", role)
    (role / "README.md").unlink()
    assert role_tables.render(role).startswith("# base\n\nDebian packages")
