#!/bin/sh
# Rebuild the trust store if a certificate below /usr/local/share/ca-certificates is not in it. Argument: check or apply.
set -eu
bundle=/etc/ssl/certs/ca-certificates.crt

missing=""
for file in /usr/local/share/ca-certificates/*.crt; do
    # The line before the last belongs to the signature, so no two certificates share it.
    line=$(tr -d '\r' <"$file" | sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' | tail -n 3 | head -n 1)
    grep -qsF -e "$line" "$bundle" || missing="$missing $file"
done
[ -n "$missing" ] || exit 0
echo "trusted:$missing"
[ "$1" = apply ] || exit 0

if command -v update-ca-certificates >/dev/null; then
    update-ca-certificates >/dev/null
else
    # The package comes with the role base; its installation then rebuilds the bundle with these files in it.
    mkdir -p "${bundle%/*}"
    # shellcheck disable=SC2086 # a list of names
    cat $missing >>"$bundle"
fi
