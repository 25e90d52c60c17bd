"""What may happen to a venv, to the distributions in it, and to the program that makes it."""

from mutation.files import AWAY
from mutation.tampering import Tampering, q

# Distribution → a file of it that is imported. Pure Python, compiled, with and without a program in bin.
DISTRIBUTIONS = {
    "click": "click/core.py",
    "markdown_it_py": "markdown_it/main.py",
    "mdurl": "mdurl/_parse.py",
    "nvidia_ml_py": "pynvml.py",
    "psutil": "psutil/__init__.py",
    "pygments": "pygments/lexer.py",
    "rich": "rich/console.py",
}
PROGRAMS = ("markdown-it", "pygmentize")


def venv(role, path):
    """Everything that a lock decides about a venv."""
    site = f"$(echo {q(path)}/lib/python3*/site-packages)"
    found = [one for name, module in DISTRIBUTIONS.items() for one in distribution(role, path, name, module)]
    found += [one for name in PROGRAMS for one in program(role, f"{path}/bin/{name}")]
    planted = {
        "a module planted": "echo 'x = 1' >{site}/sitecustomize.py",
        "a .pth planted": "echo 'import os' >{site}/planted.pth",
        "a package planted": "mkdir {site}/planted; echo 'x = 1' >{site}/planted/__init__.py",
        "a distribution planted": "mkdir {site}/planted-1.0.dist-info; touch {site}/planted-1.0.dist-info/RECORD",
        "a distribution without RECORD planted": "mkdir {site}/planted_too-1.0.dist-info",
        "a module planted in a package": "echo 'x = 1' >{site}/click/planted.py",
    }
    places = "sitecustomize.py planted.pth planted planted-1.0.dist-info planted_too-1.0.dist-info click/planted.py"
    undo = f'site="{site}"; for one in {places}; do rm -rf "$site/$one"; done'
    for kind, script in planted.items():
        found.append(
            Tampering(role, f"{path}/{kind}", kind, f'site="{site}"; ' + script.format(site="$site"), undo=undo)
        )
    return [*found, *interpreter(role, path)]


def distribution(role, path, name, module):
    """What an edit, a killed upgrade or a person's pip leaves of a distribution."""
    site = f'cd {q(path)}/lib/python3*/site-packages; info=$(echo {name}-*.dist-info); at="$PWD"'
    ways = {
        "module altered": f"echo 'planted = 1' >>{module}",
        "a byte of a module altered": f"printf '~' | dd of={module} bs=1 conv=notrunc status=none",
        "module removed": f"rm {module}",
        "RECORD removed": 'rm "$info/RECORD"',
        "METADATA altered": 'echo "Planted: 1" >>"$info/METADATA"',
        "dist-info removed": 'rm -r "$info"',
        "version altered": f'mv "$info" {name}-0.0.1.dist-info',
    }
    undo = f'cd "$at"; cp -a {ASIDE_COPY}/* .; [ ! -d {name}-0.0.1.dist-info ] || rm -r {name}-0.0.1.dist-info; '
    undo += f"rm -rf {ASIDE_COPY}"
    # Together with others one of the two may be gone, and nothing is put back then.
    save = f'rm -rf {ASIDE_COPY}; mkdir {ASIDE_COPY}; cp -a --parents "$info" {module} {ASIDE_COPY} 2>&- || :'
    # What the distribution says of itself is a target of its own.
    return [
        Tampering(role, f"{path}/{name}{'.dist-info' * ('info' in way)}", kind, f"{site}; {save}; {way}", undo=undo)
        for kind, way in ways.items()
    ]


ASIDE_COPY = "/var/tmp/dgops-aside-venv"


def program(role, path):
    """What may happen to a program that somebody starts."""
    return [
        Tampering(role, path, "altered", f"echo '# planted' >>{q(path)}", (path,)),
        Tampering(role, path, "not executable", f"chmod 0644 {q(path)}", (path,), light=True),
        Tampering(role, path, "owner changed", f"chown nobody {q(path)}", (path,), light=True),
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
    ]


def interpreter(role, path):
    """What makes a folder a venv of this Python."""
    python, config = f"{path}/bin/python", f"{path}/pyvenv.cfg"
    sight = "sed -i 's/include-system-site-packages = false/include-system-site-packages = true/'"
    return [
        Tampering(role, python, "leads elsewhere", f"ln -sfn /bin/true {q(python)}", (python,), whole=True),
        Tampering(role, python, "removed", f"rm {q(python)}", (python,), whole=True),
        Tampering(role, config, "system's packages let in", f"{sight} {q(config)}", (config,)),
        Tampering(role, config, "another home", f"sed -i 's#^home = .*#home = /opt#' {q(config)}", (config,)),
        Tampering(role, config, "removed", f"rm {q(config)}", (config,), whole=True),
        Tampering(
            role, path, "removed", f"mv {q(path)} {q(path + AWAY)}", whole=True,
            undo=f"rm -rf {q(path)}; mv {q(path + AWAY)} {q(path)}",
        ),
    ]  # fmt: skip


def owner(role, path):
    """What a pip that root ran leaves behind."""
    inner = f"$(echo {q(path)}/lib/python3*/site-packages/rich/console.py)"
    folder = f"chown --reference={q(path)}/bin {q(path)}"
    module = f"chown --reference={q(path)} {inner}"
    return [
        Tampering(role, path, "owner changed", f"chown nobody {q(path)}", undo=folder, light=True),
        Tampering(role, f"{path}/owner", "a file is root's", f"chown root: {inner}", undo=module, light=True),
    ]
