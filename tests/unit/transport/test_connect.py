import subprocess
import sys

import pytest

from dgops.errors import UsageError
from dgops.hosts.host import Host
from dgops.transport.connect import connect
from dgops.transport.local import LocalTransport
from dgops.transport.talk import TalkingTransport


def test_local(settings):
    opened = connect(Host("here", connection="local"), settings)
    assert isinstance(opened, TalkingTransport)
    assert opened.beneath == LocalTransport("here")


def test_unknown(settings):
    with pytest.raises(UsageError, match="no connection of dgops"):
        connect(Host("here", connection="winrm"), settings)


def test_fabric_is_imported_only_for_a_connection():
    program = "import sys, dgops.transport.connect, dgops.transport.enroll, dgops.cli.hosts; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"fabric", "paramiko", "pyinfra", "gevent", "yaml", "rich"} & set(loaded)
