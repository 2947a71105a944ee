#!/usr/bin/env bash
# Compares this client with wrk on this machine; see bench/throughput.py. Arguments are passed on.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

exec "$PYTHON" bench/throughput.py --program "$BUILD/bin/aiperf-cpp" "$@"
