"""One thing done to a host that a role must notice and repair, and how such things go together."""

import random
import shlex
from collections import Counter
from dataclasses import dataclass

# Where paths lie that a tampering will touch, until they are put back.
ASIDE = "/var/tmp/dgops-aside"


@dataclass(frozen=True)
class Tampering:
    """A root shell's script that spoils one target, and the paths that a copy puts right again.

    light: mode, owner or group; goes together with anything that leaves the target in place.
    whole: the target itself goes or changes its kind.
    adopted: the role takes a changed host as it is, or leaves it to a person: it is noticed, and not put back.
    """

    role: str
    target: str
    kind: str
    script: str
    keep: tuple[str, ...] = ()
    undo: str = ""
    # What is to be done once the copies are back.
    after: str = ""
    light: bool = False
    whole: bool = False
    adopted: bool = False

    @property
    def name(self):
        return f"{self.target}: {self.kind}"

    def conflicts(self, other):
        """Say whether two of them cannot be done to one host and still be seen as two."""
        if self.target == other.target:
            return self.whole or other.whole or not (self.light or other.light)
        outer, inner = sorted((self, other), key=lambda one: len(one.target))
        return outer.whole and inner.target.startswith(outer.target + "/")

    def alone(self, then):
        """Return the script that spoils, runs `then`, and puts everything right."""
        lines = ["set -e", f"rm -rf {ASIDE}; mkdir -m 0700 {ASIDE}"]
        lines += [f"if [ -e {q(path)} ] || [ -L {q(path)} ]; then cp -a {q(path)} {ASIDE}/{number}; fi"
                  for number, path in enumerate(self.keep)]  # fmt: skip
        lines += ["back() {", self.undo or ":"]
        for number, path in enumerate(self.keep):
            lines.append(f"rm -rf {q(path)}; if [ -e {ASIDE}/{number} ] || [ -L {ASIDE}/{number} ]; then")
            lines.append(f"cp -a {ASIDE}/{number} {q(path)}; fi")
        lines += [self.after or ":", f"rm -rf {ASIDE}", "}", "trap back EXIT", self.script, then]
        return "\n".join(lines) + "\n"


def q(text):
    """Quote a word for the shell."""
    return shlex.quote(str(text))


def batches(tamperings):
    """Put tamperings into as few groups as the order allows, none with two that conflict."""
    found = []
    for one in tamperings:
        place = next((group for group in found if not any(one.conflicts(other) for other in group)), None)
        if place is None:
            found.append([one])
        else:
            place.append(one)
    return found


def sample(tamperings, seed):
    """Put tamperings into few groups that hold every role and every kind; what else fits into the first goes along.

    The others stay small: a deploy mends only the roles that were spoilt.
    """
    ordered = list(tamperings)
    found = random.Random(seed).sample(ordered, len(ordered))
    chosen = []
    for trait in (lambda one: one.kind, lambda one: one.role):
        counts = Counter(map(trait, found))
        # Those of which there are few have the least choice.
        for wanted in sorted(counts, key=lambda name: (counts[name], name)):
            if wanted not in {trait(one) for group in chosen for one in group}:
                _add([one for one in found if trait(one) == wanted], chosen, grow=True)
    for one in found:
        if not any(one in group for group in chosen):
            _add([one], chosen[:1])
    # As they stand in the tables: a line of a file is spoilt before the file goes.
    return [sorted(group, key=ordered.index) for group in chosen]


def _add(candidates, groups, grow=False):
    """Add the first of the candidates that fits into a group, or the first of all to a new one."""
    for one in candidates:
        for group in groups:
            if not any(one.conflicts(other) for other in group):
                group.append(one)
                return
    if grow:
        groups.append(candidates[:1])
