"""The source tree as the architecture tests see it."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


def modules(folder):
    """Return every Python module below a folder that git tracks or would track."""
    argv = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        f"{folder}/**.py",
        f"{folder}/*.py",
    ]
    names = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return sorted({ROOT / name for name in names if (ROOT / name).exists()})


@cache
def tree(path):
    return ast.parse(path.read_text())


def functions(path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def strings(path):
    """Return the string constants of a module that are no docstrings."""
    docs = {id(node.body[0].value) for node in ast.walk(tree(path)) if _has_docstring(node)}
    nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [node.value for node in nodes if id(node) not in docs]


def _has_docstring(node):
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, holders) and ast.get_docstring(node) is not None
