#!/usr/bin/env bash
# Configures (only if needed) and builds. Arguments are build targets; none: everything.
#
#   build.sh [TARGET]...
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh build
# Ninja configures again by itself when a CMake file changes; a changed preset or environment needs it said.
stamp=$BUILD/.configured
wanted=$(cat CMakePresets.json scripts/requirements-build.txt | sha256sum)
if [ ! -e "$BUILD/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    cmake --preset "$PRESET" -DPython_EXECUTABLE="$PYTHON"
    printf '%s\n' "$wanted" >"$stamp"
fi
targets=()
(($# == 0)) || targets=(--target "$@")
cmake --build "$BUILD" --parallel "${JOBS:-$(nproc)}" "${targets[@]}"
