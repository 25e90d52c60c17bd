#!/usr/bin/env bash
# Make a small repository and the four maps that tie it to the pod's /app; both stay as they are when they are there.
set -euo pipefail
folder=$1
mkdir -p "$folder"
maps=(apps/api/src apps/web/src packages/plugins packages/shared)
if [ ! -f "$folder/dgops.toml" ]; then
    {
        echo "# The demo's maps. The pod and its pins are those of the clone around it."
        echo 'state = ".."'
        echo 'inventory = ["../../inventories/sandbox"]'
        for map in "${maps[@]}"; do
            printf '\n[[sync.map]]\nname = "%s"\nhost = "pod"\nhost_path = "/app/%s"\nrepo = "workshop"\nlocal_path = "%s"\nbranch = "main"\n' \
                "${map//\//-}" "$map" "$map"
        done
    } >"$folder/dgops.toml"
fi
[ ! -d "$folder/workshop/.git" ] || exit 0
mkdir -p "$folder/workshop"
cd "$folder/workshop"
git init --quiet --initial-branch=main
git config user.name "dgops demo"
git config user.email demo@example.invalid
mkdir -p apps/api/src apps/web/src packages/plugins packages/shared/src
echo 'ROUTES = ["/health"]' >apps/api/src/routes.py
echo 'export const title = "workshop";' >apps/web/src/title.ts
echo '{"plugins": ["template"]}' >packages/plugins/plugins.json
printf '"""What time it is."""\n\nimport time\n\n\ndef now() -> float:\n    """Return the seconds since the epoch."""\n    return time.time()\n' \
    >packages/shared/src/clock.py
git add --all
git -c core.hooksPath=/dev/null -c commit.gpgsign=false commit --quiet --message "feat: a workshop with four rooms"
