"""One question to 1, 5, 10, 25 and 50 hosts: dgops, Ansible, pyinfra; a table and a plot."""

import json

from chart import draw
from measure import FIGURES, HERE, Contender, arguments, by_turns, keep
from place import place

COUNTS = (1, 5, 10, 25, 50)
ROWS = {f"hosts-{count}": count for count in COUNTS}
NAMES = [f"bench{number:02}" for number in range(1, max(COUNTS) + 1)]
PLOT = HERE / "hosts.png"


def measure(here, names, rounds):
    pattern = ":".join(names)
    ping = ["-m", "ping", pattern]
    contenders = [
        # The copies have no wheels, which health says (exit 1) and which costs it the same look.
        Contender("dgops health", lambda: here.dgops("health", "--host", pattern, good=(0, 1))),
        Contender("ansible -m ping", lambda: here.ansible("ansible", *ping)),
        Contender("ansible -m ping, pipelining, 50 forks", lambda: here.ansible("ansible", *ping, fast=True)),
        Contender("pyinfra fact server.Hostname", lambda: here.pyinfra(names, "fact", "server.Hostname")),
    ]
    return by_turns(contenders, rounds)


def plot():
    """Draw every row that has been measured."""
    rows = json.loads(FIGURES.read_text())["rows"]
    curves = {}
    for row, count in ROWS.items():
        for name, figure in rows.get(row, {}).items():
            curves.setdefault(name, []).append((count, figure["median"]))
    draw(curves, "Seconds to ask N hosts (median)", "hosts", PLOT)


def main():
    given = arguments(ROWS)
    first, *others = NAMES[: max(ROWS[row] for row in given.rows)]
    with place() as here:
        here.up(first)
        here.dgops("deploy", "--host", first)
        here.twins(first, others)
        for row in given.rows:
            print(row)
            keep(row, measure(here, NAMES[: ROWS[row]], given.rounds))
    plot()


if __name__ == "__main__":
    main()
