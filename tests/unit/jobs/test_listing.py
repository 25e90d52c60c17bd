"""Jobs of many hosts: one that cannot be asked hides nobody, one damaged folder neither."""

from dgops.errors import UnreachableError
from dgops.jobs import listing


def test_listed(three, settings):
    one, gone = listing.listed(list(three.hosts.values()), settings)
    assert [(job.id, job.host) for job in one.jobs] == [("0123abcd", "one")]
    assert isinstance(gone.error, UnreachableError)
