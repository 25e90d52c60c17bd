"""A job's inputs, linked from the mirror into its work folder."""

from __future__ import annotations

import os
import shutil
from typing import Any, Callable, Dict, List

# Where parts of files gather until they are whole: part of no input.
PARTS = ".dgops-parts"


def link_all(base: str, work: str, inputs: List[Dict[str, Any]], beat: Callable[[], None]) -> int:
    """Link each input from `base`/inputs into `work` and return the number of files; `beat` is called between files.

    Raises OSError where an input is missing, is not what it should be, or stands in the way of another.
    """
    count = 0
    for one in inputs:
        store = os.path.join(base, "inputs", one["store"])
        target = os.path.join(work, one["path"])
        if os.path.islink(store) or not os.path.isdir(store):
            raise OSError("input {} was not uploaded".format(one["path"]))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if one.get("file"):
            _link(os.path.join(store, os.path.basename(target)), target)
            count += 1
        else:
            count += _link_folder(store, target, beat)
        beat()
    return count


def _link_folder(source: str, target: str, beat: Callable[[], None]) -> int:
    count = 0
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            path = os.path.join(target, entry.name)
            if entry.name == PARTS:
                continue
            if entry.is_dir(follow_symlinks=False):
                count += _link_folder(entry.path, path, beat)
            elif entry.is_file(follow_symlinks=False):
                _link(entry.path, path)
                count += 1
                beat()
    return count


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:
        # Another file system, one without links, or one file linked too often.
        shutil.copy2(source, target, follow_symlinks=False)
