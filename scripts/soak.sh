#!/usr/bin/env bash
# 200 short runs, each with one fault at a random instant, and checks of what is left. The seed is printed first.
# Arguments go to tests/soak/run.py: --runs N, --seed N, --only INDEX ..., --backend NAME.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh dev
scripts/build.sh
AIPERF_BUILD_DIR=$BUILD exec "$PYTHON" tests/soak/run.py "$@"
