"""Deploys that change nothing, mend one file, or begin with a bare host, against ssh, Ansible and pyinfra."""

from measure import HERE, Contender, arguments, by_turns, keep
from place import place

REFERENCE = HERE / "reference"
WHEELS = "/workspace/wheels"
TAMPERED = "/etc/sudoers.d/seanf"
# What a first deploy downloaded: a pod that is made again finds both there, whoever provisions it.
CACHES = (WHEELS, "/var/cache/apt/archives")
HOSTS = [f"bench{number:02}" for number in range(1, 11)]


def whole(here):
    """Return the option that makes dgops run every role, where a deploy would else look first."""
    return ["--full"] if b"--full" in here.dgops("deploy", "--help").stdout else []


def reference(here, name, fast=False):
    chosen = ["--limit", name, "-e", f"wheels={WHEELS}", REFERENCE / "site.yml"]
    return here.ansible("ansible-playbook", *chosen, fast=fast)


def deploy_one(here, rounds):
    host = HOSTS[0]
    reference(here, host)
    contenders = [
        Contender("ssh host python3 -c pass", lambda: here.ssh(host, "python3", "-c", "pass")),
        Contender("dgops deploy", lambda: here.dgops("deploy", "--host", host)),
        Contender("ansible-playbook", lambda: reference(here, host)),
        Contender("ansible-playbook, pipelining, 50 forks", lambda: reference(here, host, fast=True)),
        Contender("pyinfra", lambda: here.pyinfra([host], REFERENCE / "pyinfra_deploy.py", wheels=WHEELS)),
    ]
    keep("deploy-one", by_turns(contenders, rounds))


def deploy_ten(here, rounds):
    here.up(*HOSTS)
    here.dgops("deploy", "--host", ":".join(HOSTS))
    contenders = [
        Contender("dgops deploy, 1 host", lambda: here.dgops("deploy", "--host", HOSTS[0])),
        Contender("dgops deploy, 10 hosts", lambda: here.dgops("deploy", "--host", ":".join(HOSTS))),
    ]
    keep("deploy-ten", by_turns(contenders, rounds))


def tampered(here, rounds):
    host = HOSTS[0]
    again = whole(here)

    def tamper():
        here.ssh(host, "sh", "-c", f"echo '# tampered' >> {TAMPERED}")

    contenders = [
        Contender("dgops deploy", lambda: here.dgops("deploy", "--host", host), tamper),
        Contender("dgops deploy, whole", lambda: here.dgops("deploy", *again, "--host", host), tamper),
    ]
    keep("tampered", by_turns(contenders, rounds))


def cold(here, rounds):
    host = "cold"
    caches = here.ssh(HOSTS[0], "tar", "-cf", "-", *CACHES).stdout

    def bare():
        here.remove(host)
        here.up(host)
        here.unpack(host, caches)

    contenders = [
        Contender("dgops deploy", lambda: here.dgops("deploy", "--host", host), bare),
        Contender("ansible-playbook", lambda: reference(here, host), bare),
    ]
    keep("cold", by_turns(contenders, rounds))
    here.remove(host)


ROWS = {"deploy-one": deploy_one, "deploy-ten": deploy_ten, "tampered": tampered, "cold": cold}


def main():
    given = arguments(ROWS)
    with place() as here:
        here.up(HOSTS[0])
        here.dgops("deploy", "--host", HOSTS[0])
        for row in given.rows:
            print(row)
            ROWS[row](here, given.rounds)


if __name__ == "__main__":
    main()
