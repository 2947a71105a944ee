#!/usr/bin/env bash
# Line coverage of include/ and src/ by the C++ and the Python tests (gcovr), and of python/ by the Python tests
# (coverage.py), in a build tree of its own. Prints both, and the files below 90 %.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh coverage
tree=$ROOT/build/coverage
venv=$tree/venv
mkdir -p "$tree"
if [ ! -x "$venv/bin/coverage" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input coverage==7.10.7
fi
# The flags keep a counter right where several threads or processes count.
cmake -S . -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DAIPERF_PYTHON=ON -DPython_EXECUTABLE="$PYTHON" \
    -DCMAKE_CXX_FLAGS="--coverage -O0 -fprofile-update=atomic -fprofile-abs-path" -DCMAKE_EXE_LINKER_FLAGS=--coverage \
    -DCMAKE_MODULE_LINKER_FLAGS=--coverage \
    -DAIPERF_CARGO_TARGET_DIR="${AIPERF_CARGO_TARGET_DIR:-$ROOT/build/cargo}" >/dev/null
cmake --build "$tree" --parallel "${JOBS:-$(nproc)}"
find "$tree" -name '*.gcda' -delete

status=0
ctest --test-dir "$tree" --no-tests=error --parallel 2 --timeout 600 --output-on-failure || status=1
# pytest runs in .venv; coverage.py comes from an environment of its own. Python that tests start is not counted.
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cat >"$tree/coveragerc" <<EOF
[run]
source = aiperf_cpp
parallel = true
data_file = $tree/python.coverage
[paths]
package =
    $ROOT/python/aiperf_cpp
    $tree/python/aiperf_cpp
EOF
AIPERF_BUILD_DIR=$tree PYTHONPATH=$packages:$tree/python \
    "$PYTHON" -m coverage run --rcfile="$tree/coveragerc" -m pytest -q --color=no "$@" || status=1

gcovr --root . --object-directory "$tree" --filter 'include/' --filter 'src/' --exclude-throw-branches \
    --print-summary --txt "$tree/cpp.txt" --xml "$tree/cpp.xml" "$tree" || status=1
"$venv/bin/coverage" combine --quiet --rcfile="$tree/coveragerc" "$tree"
"$venv/bin/coverage" report --rcfile="$tree/coveragerc" | tee "$tree/python.txt"
echo "below 90 % (C++):"
awk '/^(src|include)/ && $4 + 0 < 90 { print "  " $1, $4 }' "$tree/cpp.txt"
exit "$status"
