#!/bin/bash
# run.sh SCRIPT [ARGUMENT ...] - runs bench/peers/SCRIPT.py in the peers' Python environment, making that first where it is missing.
#
#   side_by_side      vecd and its peers in turns, ids in, vectors out: table, CSV, SVG
#   start_up          process start to first vector
#   tokenizers_speed  text to ids on one thread
#   families          full-size models of other families beside torch
#
# The environment and the converted models are kept in $VECD_PEERS_DIR (build/peers); the first run takes minutes and 7 GB.
set -eu
cd "$(dirname "$0")/../.."

say() { printf 'peers: %s\n' "$*" >&2; }

script=bench/peers/${1?usage: bench/peers/run.sh SCRIPT [ARGUMENT ...]}.py
shift
[ -f "$script" ] || { say "no such script: $script"; exit 2; }

export VECD_PEERS_DIR=${VECD_PEERS_DIR:-build/peers}
venv=$VECD_PEERS_DIR/venv
want=$(sha256sum bench/peers/requirements.txt)
if [ "$(cat "$venv/.made-from" 2>/dev/null)" != "$want" ]; then
  say "making the Python environment $venv (several minutes, 6 GB)"
  rm -rf "$venv"
  mkdir -p "$VECD_PEERS_DIR"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
  printf '%s\n' "$want" >"$venv/.made-from"
fi
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" bench/peers/export.py
exec env PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$script" "$@"
