#!/usr/bin/env bash
# Tests against a real LLM server on this machine's CPU. The first run builds the server (minutes); it is kept in
# build/real. Arguments go to pytest.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh dev
scripts/build.sh
AIPERF_BUILD_DIR=$BUILD exec "$PYTHON" -m pytest -m real tests/real "$@"
