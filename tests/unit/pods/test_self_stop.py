"""Why a pod stopped itself: what is billed, else what its container printed last."""

import pytest

from dgops.errors import UnreachableError
from dgops.pods import self_stop as room
from dgops.pods.limits import Asked
from dgops.pods.models import Pod

KEY = "256 SHA256:" + "a" * 43 + " root@pod (ED25519)"
BYE = "dgops: this pod stops itself: "


class Log:
    """A provider whose pod printed these lines; where they end in an error, it comes after them."""

    def __init__(self, *lines):
        self.lines = lines

    def log(self, *_asked):
        for line in self.lines:
            if isinstance(line, Exception):
                raise line
            yield line


def pod(**asked):
    return Pod("abc", "dgops-a", "EXITED", limits=Asked(**asked).environment(1.0))


@pytest.mark.parametrize(
    ("asked", "spent", "lines", "why"),
    [
        ({"ttl": 60}, 0.0, (KEY, "started", f"{BYE}its TTL of 60 s"), "its TTL of 60 s"),
        ({"ttl": 60}, 0.0, (KEY, f"{BYE}its TTL of 60 s", KEY, "started"), ""),
        ({"ttl": 60}, 0.0, (), ""),
        ({"ttl": 60}, 0.0, (f"{BYE}idle for 30 min", UnreachableError("cut")), "idle for 30 min"),
        ({"ttl": 60}, 0.0, (BYE + "x" * 5000,), "x" * room.LONGEST),
        ({"max_cost": 2}, 2.1, (), "its ceiling of 2.00 $ is reached, 2.10 $ are billed"),
        ({"max_cost": 2, "idle": 60}, 1.0, (f"{BYE}idle for 60 s",), "idle for 60 s"),
        ({}, 9.0, (f"{BYE}whatever",), ""),
    ],
)
def test_each(asked, spent, lines, why):
    assert room.reason(Log(*lines), pod(**asked), spent) == why
