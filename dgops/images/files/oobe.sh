#!/bin/sh
# Run by WSL as root at the first interactive start. The user is in the image already, so nothing is asked here.
set -eu

manifest=/usr/share/dgops/image.json
commit=$(sed -n 's/^ *"commit": "\([0-9a-f]\{12\}\).*/\1/p' "$manifest")
user=$(getent passwd 1000 | cut -d: -f1)

cat <<EOF
dgops image of commit ${commit:-unknown}: user ${user:-root}, git over SSH, the environment of dgops.

Next, in a clone of dgops in this distro:
  make setup && . .venv/bin/activate
  dgops --inventory inventories/wsl deploy --host all
  dgops --inventory inventories/wsl health

What was built into this image: $manifest
EOF
