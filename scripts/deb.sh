#!/usr/bin/env bash
# Builds the Debian packages aiperf-cpp and libaiperf-dev into dist/, and tries them: unpacked into an empty folder the
# program measures its own mock server, and the C++ examples are built against the headers and the library.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh deb
tree=$ROOT/build/deb
rm -rf "$tree/packages"
cmake -S . -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release -DAIPERF_DEVELOPER=OFF \
    -DAIPERF_CARGO_TARGET_DIR="${AIPERF_CARGO_TARGET_DIR:-$ROOT/build/cargo}" >/dev/null
cmake --build "$tree" --parallel "${JOBS:-$(nproc)}"
cpack -G DEB --config "$tree/CPackConfig.cmake" -B "$tree/packages" >"$tree/cpack.log" || {
    cat "$tree/cpack.log"
    die "cpack has failed"
}
mkdir -p dist
rm -f dist/*.deb
cp "$tree"/packages/*.deb dist/
AIPERF_DEB_DIR=$ROOT/dist "$PYTHON" -m pytest -q --color=no -m "" tests/packages/test_deb.py
ls -l dist/*.deb
