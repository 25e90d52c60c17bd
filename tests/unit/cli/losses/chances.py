"""What the schedules of this folder have in common: how many there are, and what the provider does wrong in them."""

from soak import SOAK

SCHEDULES = range(200 if SOAK else 20)
STEPS = 8
FAULTS = (
    {},
    {},
    {"no_capacity": 1},
    {"fail_after_create": 1},
    {"errors": 1},
    {"throttled": 1},
    {"stale_port": 1},
    {"zero_gpu": 1},
    {"full_host": 1},
)
# As the pods of one schedule have no sshd in place of a slow one.
DEAD = ({"dead_sshd": 1}, {"no_capacity": 3})
NOTHING = dict.fromkeys((name for fault in (*FAULTS, *DEAD) for name in fault), 0)
