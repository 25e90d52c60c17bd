"""The house's sizes: small files, small functions, few parameters."""

import ast
import statistics

import pytest
from tests_tree import ROOT, functions, modules

SOURCES = modules("dgops")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def test_files():
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in SOURCES}
    assert statistics.median(lengths.values()) <= 90, lengths
    assert percentile(lengths.values(), 0.95) <= 300, lengths
    assert {path: count for path, count in lengths.items() if count > 500} == {}


def test_functions():
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in functions(path)
    }
    assert statistics.median(lengths.values()) <= 12
    assert percentile(lengths.values(), 0.95) <= 40
    assert {name: count for name, count in lengths.items() if count > 80} == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_parameters(path):
    for node in functions(path):
        callback = any("option" in ast.dump(one) or "argument" in ast.dump(one) for one in node.decorator_list)
        count = len(node.args.args) + len(node.args.kwonlyargs) + len(node.args.posonlyargs)
        assert callback or count <= 8, node.name
