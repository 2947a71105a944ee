#!/usr/bin/env bash
# Tests against a real LLM server on this machine's CPU. The first run builds the server (minutes); it is kept in
# build/real. REAL=vllm: tests against a real vLLM (6 GB of packages, kept in build/vllm). Arguments go to pytest.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# pytest's mark of the server that REAL names
marker() {
    case ${REAL:-llama} in
    llama) echo real ;;
    vllm) echo vllm ;;
    *) die "REAL: '$REAL' is not allowed; llama or vllm is" ;;
    esac
}
marker >/dev/null

scripts/setup.sh dev
scripts/build.sh
AIPERF_BUILD_DIR=$BUILD exec "$PYTHON" -m pytest -m "$(marker)" tests/real "$@"
