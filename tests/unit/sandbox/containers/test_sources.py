import json
from pathlib import Path

import pytest

from dgops.sandbox.containers.sources import machine_sources

CASES = json.loads((Path(__file__).parents[3] / "cases/sandbox/sources/cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_machines_sources_are_rewritten(case, tmp_path):
    (tmp_path / "os-release").write_text(f"ID={case.get('id', 'debian')}\nVERSION_CODENAME={case['codename']}\n")
    for name, text in case["files"].items():
        path = tmp_path / "apt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert list(machine_sources(case["suite"], tmp_path)) == case["lines"]
