#!/usr/bin/env bash
# Searches for inputs that break a parser: every target of fuzz/ in turn, by libFuzzer. Runs all, then says which failed.
#
#   fuzz.sh [SECONDS]    for each target; default: AIPERF_FUZZ_SECONDS, else 600
#   FUZZ_TARGETS="a b"   these only
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

seconds=${1:-${AIPERF_FUZZ_SECONDS:-600}}
[[ $seconds =~ ^[0-9]+$ ]] || die "'$seconds' is no number of seconds"
scripts/setup.sh fuzz
build=$ROOT/build/fuzz
cmake --preset fuzz >/dev/null
cmake --build "$build" --target fuzzers --parallel "${JOBS:-$(nproc)}"
mkdir -p "$build/found"
# Journals and artifacts are synced to their disk; in memory that costs nothing.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ]; then
    export TMPDIR=/dev/shm
fi

targets=${FUZZ_TARGETS:-$(ls fuzz/corpus)}
failed=()
for target in $targets; do
    learnt=$build/learnt/$target
    mkdir -p "$learnt"
    echo "==== $target, $seconds s"
    log=$build/found/$target.log
    run_logged "$log" "$build/bin/fuzz_$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$build/found/$target-" "$learnt" "fuzz/corpus/$target" ||
        failed+=("$target")
done
((${#failed[@]} == 0)) || die "faults found by: ${failed[*]}; the inputs are in $build/found"
say "nothing found"
