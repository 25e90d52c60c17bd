#!/bin/sh
# Install packages: install.sh SECONDS PACKAGE... Waits for another apt, finishes an interrupted dpkg, and lets apt's
# own errors be the first thing seen.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
deadline=$(($(date +%s) + $1))
shift
log=$(mktemp)
trap 'rm -f "$log" "$log.update"' EXIT

# Run a command, again and again while another apt holds a lock, until the deadline.
patiently() {
    while ! "$@" >"$log" 2>&1 </dev/null; do
        grep -qE 'Could not get lock|is held by process|[Ll]ock.*another process' "$log" || return 1
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 2
    done
}

# A run that was killed in the middle leaves packages half configured; apt then refuses everything.
patiently dpkg --configure -a || { cat "$log" >&2 && exit 1; }
# An index that cannot be had is no failure yet: an old one, or another source, may do.
patiently apt-get update -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 || :
grep -E '^(E|W|Err)' "$log" >"$log.update" || :
if ! patiently apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 "$@"; then
    sed 's/^W: /E: /' "$log.update" >&2
    grep -E '^(E|Err|W|dpkg)' "$log" >&2 || tail -n 20 "$log" >&2
    exit 1
fi
