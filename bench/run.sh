#!/usr/bin/env bash
# Compares this client with wrk on this machine; see bench/throughput.py. With the first argument `send-accuracy`: how true
# sends are to their schedule; see bench/send_accuracy.py. With `scale`: many streams, requests and prompts; see
# bench/scale.py. With `peers`: beside the other tools that are installed; see bench/peers.py. Other arguments are passed on.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

if [ "${1:-}" = send-accuracy ]; then
    shift
    cmake --build "$BUILD" --target bench_send_floor >&2
    exec "$PYTHON" bench/send_accuracy.py --program "$BUILD/bin/aiperf-cpp" --floor "$BUILD/bin/bench_send_floor" "$@"
fi
if [ "${1:-}" = scale ]; then
    shift
    cmake --build "$BUILD" --target _core >&2
    exec "$PYTHON" bench/scale.py --program "$BUILD/bin/aiperf-cpp" "$@"
fi
if [ "${1:-}" = peers ]; then
    shift
    cmake --build "$BUILD" --target bench_send_floor bench_counted_server >&2
    exec "$PYTHON" bench/peers.py --build "$BUILD" "$@"
fi
exec "$PYTHON" bench/throughput.py --program "$BUILD/bin/aiperf-cpp" "$@"
