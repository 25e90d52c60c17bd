#!/bin/sh
# Makes a fresh WSL distro ready, from inside and as root: packages, the user, /etc/wsl.conf, dgops, its deploy.
# Run it again whenever you like. The next line can be read with Windows' line ends, too: its last word is a comment.
if grep -q "$(printf '\r')" "$0"; then printf "error: %s has Windows' line ends\nhint: copy the files from a clone; git keeps the line ends of Linux there\n" "$0" >&2; exit 1; fi #
set -eu
umask 022

user=seanf
packages="ca-certificates git openssh-client python3 python3-venv rsync sudo"
here=$(cd "$(dirname "$0")" && pwd -P)
changed=""

die() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit "${3:-1}"
}

# Something was done.
did() {
    changed=yes
    printf 'bootstrap  %s\n' "$*"
}

as_user() {
    (cd "$target" && runuser -u "$user" -- env HOME="$home" USER="$user" LOGNAME="$user" "$@")
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "this needs root, and there is no sudo" "from Windows: wsl -d NAME -u root"
    # With the environment: proxies, DGOPS_MODE and the distro's name are in it.
    exec sudo -E sh "$0" "$@"
}

require_distro() {
    grep -qi microsoft /proc/sys/kernel/osrelease || [ -n "${WSL_DISTRO_NAME:-}" ] || [ -e /etc/wsl.conf ] ||
        die "this is no WSL distro" "on another Debian: make setup, inventories/local, dgops deploy --host local"
    # shellcheck source=/dev/null
    . /etc/os-release
    case " ${ID:-} ${ID_LIKE:-} " in
        *" debian "*) ;;
        *) die "${PRETTY_NAME:-this} is neither Debian nor Ubuntu" "wsl --install Debian has what dgops needs" ;;
    esac
    # Where there is none yet, apt brings one, and this is asked again.
    ! command -v python3 >/dev/null || require_python
}

require_python() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$PRETTY_NAME has $(python3 --version); dgops needs 3.11" "Debian 12 and Ubuntu 24.04 have it"
}

# Where Windows' drives are is the distro's to say.
drives() {
    root=$(awk -F= '/^[ \t]*\[/ { on = tolower($0) ~ /\[ *automount *\]/ }
        on && $1 ~ /^[ \t]*root[ \t]*$/ { gsub(/[ \t\r"]/, "", $2); print $2 }' /etc/wsl.conf 2>/dev/null | tail -n 1)
    root=${root:-/mnt}
    echo "${root%/}"
}

require_source() {
    case $here/ in
        "$(drives)"/[a-z]/*) windows=yes ;;
        *) windows="" ;;
    esac
    if [ -n "$windows" ] && [ -e "$here/.git" ]; then
        die "$here holds .git, and git does not belong on a Windows drive: it is slow there, and loses modes and links" \
            "copy the files without .git, or clone below /home and run bootstrap.sh there"
    fi
    wheel=$(find "$here" -maxdepth 1 -name 'dgops-*.whl' | sort | tail -n 1)
    [ -f "$here/pyproject.toml" ] || [ -n "$wheel" ] ||
        die "there is no dgops beside $0" "copy the whole repository, or put dgops-VERSION-py3-none-any.whl there"
}

# What the roles are made of: in a repository at its top, in a wheel below dgops/share.
unpack_wheel() {
    share=$here
    [ ! -f "$here/pyproject.toml" ] || return 0
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    python3 -m zipfile -e "$wheel" "$scratch"
    share=$scratch/dgops/share
}

require_packages() {
    missing=""
    for package in $packages; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    did "apt-get install$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=120 -o APT::Update::Error-Mode=any update ||
        die "apt-get does not reach its sources" "is there a network? ip route tells; a proxy belongs into /etc/apt/apt.conf.d"
    # shellcheck disable=SC2086 # a list of names
    apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends $missing >/dev/null ||
        die "apt-get did not install$missing" "what it says stands above; dpkg --configure -a mends an install cut off"
}

# Behind a proxy that signs its traffic the distro's own certificates are the right ones.
trust() {
    for file in /usr/local/share/ca-certificates/*.crt; do
        [ -e "$file" ] || continue
        said=$(sh "$share/roles/ca_certificates/files/trust.sh" apply)
        [ -z "$said" ] || did "$said"
        break
    done
    bundle=/etc/ssl/certs/ca-certificates.crt
    [ ! -f "$bundle" ] || export PIP_CERT="${PIP_CERT:-$bundle}" SSL_CERT_FILE="${SSL_CERT_FILE:-$bundle}"
}

# As the role user makes him: his folder is needed before there is a dgops to run that role.
require_user() {
    if ! id "$user" >/dev/null 2>&1; then
        taken=$(getent passwd 1100 | cut -d: -f1)
        [ -z "$taken" ] || die "uid 1100 belongs to $taken, so $user cannot have it" "useradd --create-home $user, then again"
        useradd --create-home --user-group --uid 1100 --shell /bin/bash --password '*' "$user"
        did "user $user"
    fi
    home=$(getent passwd "$user" | cut -d: -f6)
    target=$home/dgops
    line=$(sed "s/{{ user__name }}/$user/" "$share/roles/user/templates/etc/sudoers.d/user.j2")
    if [ "$(cat "/etc/sudoers.d/$user" 2>/dev/null || :)" != "$line" ]; then
        # sudo reads no file with a dot in its name.
        (umask 0337 && printf '%s\n' "$line" >"/etc/sudoers.d/.$user.new")
        visudo -cqf "/etc/sudoers.d/.$user.new" && mv "/etc/sudoers.d/.$user.new" "/etc/sudoers.d/$user"
        did "sudo without a password for $user"
    fi
}

# A Windows drive is slow, and everything on it is everybody's: work is done on a copy in the Linux file system.
bring_source() {
    case $here/ in
        "$home"/*) target=$here ;;
        *) copy_source ;;
    esac
    [ "$(stat -c %U "$target")" = "$user" ] || chown -R "$user:$user" "$target"
}

copy_source() {
    install -d -o "$user" -g "$user" "$target"
    [ -f "$here/pyproject.toml" ] || return 0
    if [ -d "$target/.git" ] && [ ! -d "$here/.git" ]; then
        die "$target is a clone, and $here would be copied over it" "sh $target/bootstrap.sh"
    fi
    # The link is none in a copy that Windows made; modes there are everybody's everything.
    modes=--perms
    [ -z "$windows" ] || modes=--chmod=D755,F644
    copied=$(rsync -rltog "$modes" --chown="$user:$user" --delete --out-format=%n --exclude=/.venv --exclude=/.dgops \
        --exclude=__pycache__ --exclude='.*_cache' --exclude=/playbooks/roles --exclude=/inventories \
        --exclude=/dgops.toml --exclude=/outputs "$here/" "$target/")
    # Those two are yours to edit, there as here: the newer one is taken, and the older kept beside it.
    own=$(rsync -rltog "$modes" --chown="$user:$user" --update --backup --out-format=%n --exclude='*~' \
        --exclude=/inventories/sandbox "$here/inventories" "$here/dgops.toml" "$target/")
    copied=$(printf '%s\n%s\n' "$copied" "$own" | grep -v '/$' || :)
    [ -L "$target/playbooks/roles" ] || as_user sh -c 'rm -rf playbooks/roles; ln -s ../roles playbooks/roles'
    [ -n "$copied" ] || return 0
    did "copied $here to $target: $(printf '%s\n' "$copied" | wc -l) files"
    [ -z "$windows" ] || mark_programs
}

mark_programs() {
    find "$target" -path "$target/.venv" -prune -o -type f -print0 |
        xargs -0 awk 'FNR == 1 && /^#!/ { print FILENAME }' | xargs -r -d '\n' chmod 755
}

# Only if what it is made of has changed: a second run leaves it alone.
require_dgops() {
    if [ -f "$target/pyproject.toml" ]; then
        set -- .ci/setup locks/controller.txt locks/uv.txt pyproject.toml
        made_of=$(cd "$target" && sha256sum "$@")
    else
        made_of=$(sha256sum "$wheel")
    fi
    stamp=$target/.venv/.controller
    [ "$(cat "$stamp" 2>/dev/null || :)" != "$made_of" ] || return 0
    did "dgops in $target/.venv"
    if [ -f "$target/pyproject.toml" ]; then
        as_user sh .ci/setup controller
    else
        install_wheel
    fi || die "Python packages were not installed" "is there a network? pip's own settings (a proxy, an index) count"
    printf '%s\n' "$made_of" >"$stamp"
    chown "$user:$user" "$stamp"
}

install_wheel() {
    chmod -R a+rX "$scratch"
    as_user python3 -m venv .venv &&
        as_user .venv/bin/python -m pip -q --disable-pip-version-check install --require-hashes \
            -r "$share/locks/controller.txt" &&
        cat "$wheel" >"$scratch/${wheel##*/}" &&
        as_user .venv/bin/python -m pip -q --disable-pip-version-check install --no-deps --force-reinstall \
            "$scratch/${wheel##*/}" &&
        as_user .venv/bin/dgops init
}

# The only key that is dgops' business. systemd stays as it is: no role needs it, and it keeps no distro up.
# appendWindowsPath, too: Windows' programs come last on the PATH, and `code` and `explorer.exe` are on it.
merge_wsl_conf() {
    said=$("$target/.venv/bin/python" -B -m dgops.hosts.wsl_conf /etc/wsl.conf "user.default=$user")
    [ -z "$said" ] || did "/etc/wsl.conf: $said; counts after wsl --terminate ${WSL_DISTRO_NAME:-NAME}, from Windows"
}

# `local` is this distro, with the values of inventories/wsl.
list_host() {
    local_hosts=$target/inventories/local
    ! grep -qs '^ *local:' "$local_hosts/hosts.yml" "$local_hosts/local.yml" || return 0
    as_user mkdir -p inventories/local/group_vars
    [ ! -f "$target/inventories/wsl/group_vars/wsl.yml" ] ||
        as_user ln -sfn ../../wsl/group_vars/wsl.yml inventories/local/group_vars/wsl.yml
    as_user tee inventories/local/local.yml >/dev/null <<'END'
# Written by bootstrap.sh: the distro that dgops runs in. Its values are those of inventories/wsl.
---
all:
  children:
    wsl:
      hosts:
        local:
          ansible_connection: local
          ansible_python_interpreter: /usr/bin/python3
          base__sshd: false
END
    did "the host local in $local_hosts"
}

become_root "$@"
require_distro
require_source
[ ! -f "$here/pyproject.toml" ] || share=$here
[ -z "${share:-}" ] || trust
require_packages
require_python
unpack_wheel
trust
require_user
bring_source
require_dgops
merge_wsl_conf
list_host
[ -n "$changed" ] || echo "bootstrap  unchanged: nothing was to do before the deploy"
as_user .venv/bin/dgops deploy --host local
# What only a look from outside can tell (a GPU, a key not yet at the forge) keeps nothing from being ready.
as_user .venv/bin/dgops health --host local ||
    echo "bootstrap  ready, and what fails above is left to you; each names its next step"
cat <<END
next:  su - $user    then: cd $target && . .venv/bin/activate && dgops health
END
