"""`make soak` repeats what `make test` does once, and does all of what `make test` takes a sample of."""

import os

SOAK = os.environ.get("DGOPS_SOAK") == "1"


def many(count):
    """Return how many examples of a property are tried, count being those of an ordinary run."""
    return count * 20 if SOAK else count
