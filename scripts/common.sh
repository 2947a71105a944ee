# shellcheck shell=bash
# Sourced by every script here: where things are, and what the surroundings ask for.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

VENV=$ROOT/.venv
PYTHON=$VENV/bin/python

# A pipeline treats warnings as errors, in a tree of its own so that changing sides recompiles nothing.
if [ "${CI:-false}" != false ]; then
    PRESET=ci
else
    PRESET=dev
fi
BUILD=$ROOT/build/$PRESET

# rustup's cargo is not on the PATH of every shell.
if [ -d "$HOME/.cargo/bin" ]; then
    PATH=$PATH:$HOME/.cargo/bin
fi
export PATH ROOT VENV PYTHON PRESET BUILD

say() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# run_logged FILE COMMAND...: shows and keeps the output, passes the exit code on.
run_logged() {
    local log=$1 status=0
    shift
    "$@" 2>&1 | tee "$log" || status=$?
    return "$status"
}
