#!/usr/bin/env bash
# Builds, runs the C++ tests (ctest) and the Python tests (pytest), and prints both counts last. Both suites run even
# where the first one fails; no test at all is a failure. Arguments go to pytest.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh dev
scripts/build.sh

logs=$BUILD/test-logs
mkdir -p "$logs"
cpp=0 python=0
run_logged "$logs/ctest.log" ctest --test-dir "$BUILD" --output-on-failure --no-tests=error --parallel 2 \
    --output-junit "$logs/ctest.xml" || cpp=$?
AIPERF_BUILD_DIR=$BUILD run_logged "$logs/pytest.log" "$PYTHON" -m pytest --color=no \
    --junit-xml="$logs/pytest.xml" "$@" || python=$?

echo
grep -E 'tests passed, [0-9]+ tests failed out of' "$logs/ctest.log" || echo "ctest: no count, exit code $cpp"
grep -E '^=+ .*(passed|failed|error|no tests ran).* in .*=+$' "$logs/pytest.log" | tail -1 | grep . ||
    echo "pytest: no count, exit code $python"
((cpp == 0 && python == 0))
