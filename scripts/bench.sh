#!/usr/bin/env bash
# Compares this client with other load generators, each pinned, in one run on this machine. Arguments go to bench/run.sh.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[ -x bench/run.sh ] || die "bench/run.sh is missing"
scripts/setup.sh bench
scripts/build.sh
exec bench/run.sh "$@"
