#!/bin/bash
# Behaves as Miniforge's installer does in batch mode: -b -p PREFIX, and refuses a folder that is there.
set -eu
[ "$1" = -b ] && [ "$2" = -p ]
prefix=$3
if [ -e "$prefix" ]; then
    echo "ERROR: File or directory already exists: '$prefix'" >&2
    echo "If you want to update an existing installation, use the -u option." >&2
    exit 1
fi
mkdir -p "$prefix/bin" "$prefix/conda-meta"
[ -z "${FAKE_KILLED:-}" ] || exit 137
cat >"$prefix/bin/conda" <<'CONDA'
#!/bin/bash
# conda create --yes --quiet --prefix FOLDER --file LOCK
set -eu
[ "$1 $2 $3 $4 $6" = "create --yes --quiet --prefix --file" ]
grep -qx @EXPLICIT "$7"
mkdir -p "$5/conda-meta" "$5/bin"
if grep -q broken "$7"; then echo "CondaError: broken package" >&2; exit 1; fi
grep -v '^[@#]' "$7" >"$5/conda-meta/history"
CONDA
chmod 0755 "$prefix/bin/conda"
