import pytest

from dgops.hosts.yaml_files import is_empty, syntax_problems, where


@pytest.mark.parametrize(
    ("text", "empty"), [("", True), ("---\n# x\n", True), ("# x", True), ("all:\n", False), ("[]", False)]
)
def test_empty(tmp_path, text, empty):
    (tmp_path / "a.yml").write_text(text)
    assert is_empty(tmp_path / "a.yml") is empty


def test_what_is_no_yaml_is_not_empty(tmp_path):
    (tmp_path / "hosts").write_text("")
    assert is_empty(tmp_path / "hosts") is False


def test_syntax(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("a: !vault |\n  x\nb: [1, 2]\n")
    assert syntax_problems(path) == []
    path.write_text("a: 1\n\tb: 2\n")
    (problem,) = syntax_problems(path)
    assert problem.startswith(f"{path}:2: not YAML: ")


def test_the_strongest_place_is_named(tmp_path):
    def write(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return where(tmp_path, "pod", ["pods", "all"], "port")

    assert where(tmp_path, "pod", ["pods"], "port") == str(tmp_path)
    assert write("hosts.yml", "all:\n  vars:\n    port: 1\n") == f"{tmp_path}/hosts.yml:3"
    assert write("group_vars/other.yml", "port: 1\n") == f"{tmp_path}/hosts.yml:3"
    assert write("group_vars/pods.yml", "\nport: 1\n") == f"{tmp_path}/group_vars/pods.yml:2"
    assert write("more.yml", "all:\n  hosts:\n    pod: {port: 1}\n") == f"{tmp_path}/more.yml:3"
    assert write("host_vars/pod.yml", "port: 1\n") == f"{tmp_path}/host_vars/pod.yml:1"
