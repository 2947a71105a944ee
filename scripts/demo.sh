#!/usr/bin/env bash
# One benchmark from nothing: builds, starts the bundled mock server, measures it, prints the table, says where the
# artifacts are, and stops what it started, also after Ctrl-C or a failure.
#
#   demo.sh [REQUESTS [ARTIFACT_DIRECTORY]]      default: 400 artifacts/demo
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh build
scripts/build.sh aiperf-cpp

program=$BUILD/bin/aiperf-cpp
requests=${1:-400}
artifacts=${2:-artifacts/demo}
work=$(mktemp -d)
mock=

clean_up() {
    if [ -n "$mock" ]; then
        kill "$mock" 2>/dev/null || true
        wait "$mock" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# First token after about 30 ms, then one every 5 ms: a small model on a fast server.
"$program" mock --port 0 --port-file "$work/port" --ttft-ms 30 --ttft-jitter-ms 6 --itl-ms 5 --itl-jitter-ms 1 \
    --seed 1 >"$work/mock.log" 2>&1 &
mock=$!
for ((i = 0; i < 200; ++i)); do
    [ ! -s "$work/port" ] || break
    kill -0 "$mock" 2>/dev/null || die "the mock server ended: $(tail -n 3 "$work/mock.log")"
    sleep 0.05
done
[ -s "$work/port" ] || die "the mock server did not start within 10 s: $(tail -n 3 "$work/mock.log")"

command=(aiperf-cpp profile --url "127.0.0.1:$(<"$work/port")" --model mock-model --streaming --tokenizer builtin
    --concurrency 16 --request-count "$requests" --warmup-request-count 16 --isl 200 --osl 64 --random-seed 42
    --artifact-dir "$artifacts")
say "${command[*]}"
status=0
"$program" "${command[@]:1}" || status=$?

((status == 0)) || exit "$status"
echo
echo "The artifacts are in $artifacts:"
(cd "$artifacts" && find . -maxdepth 1 -type f -printf '  %f (%s bytes)\n' | sort)
