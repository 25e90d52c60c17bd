#!/bin/sh
# Rebuild the trust store if a certificate below /usr/local/share/ca-certificates is not in it. Argument: check or apply.
set -eu
bundle=/etc/ssl/certs/ca-certificates.crt

flat=$(cat "$bundle" 2>/dev/null | tr -d '\r' | tr '\n' ' ' || :)
missing=""
for file in /usr/local/share/ca-certificates/*.crt; do
    # As one line, so that a certificate is there whole or not at all.
    body=$(tr -d '\r' <"$file" | sed -n '/BEGIN CERTIFICATE/,$p' | tac | sed -n '/END CERTIFICATE/,$p' | tac | tr '\n' ' ')
    printf '%s' "$flat" | grep -qF -e "$body" || missing="$missing $file"
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
