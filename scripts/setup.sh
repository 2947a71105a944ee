#!/usr/bin/env bash
# Installs what is missing: Debian packages by apt, Python packages into .venv. A moment when nothing is.
#
#   setup.sh [build|dev|check|peers|schema|bench|fuzz|wheels|deb|coverage]...      default: dev
#
#   build   compiler, libraries, pybind11
#   dev     build, and what the Python tests need: packages, servers to speak to
#   check   dev, and the formatters and linters
#   peers   dev, and Node, which the slow tests speak HTTP/2 to
#   schema  dev, and schemathesis in build/schema/venv, for a slow test
#   fuzz    build, and a clang with libFuzzer
#   wheels  dev, and nothing more: the tools come into an environment of scripts/wheels.sh
#   deb     dev, and what finds a package's dependencies
#   coverage  dev, and gcovr
#   bench   build, and the load generator it is compared with
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

BUILD_PACKAGES=(make g++ cmake ninja-build ccache mold libasio-dev libsimdjson-dev nlohmann-json3-dev
    libspdlog-dev libfmt-dev libssl-dev zlib1g-dev libzstd-dev libnghttp2-dev libcli11-dev librestinio-dev catch2)
CHECK_PACKAGES=(clang-format-14 clang-tidy-14 shellcheck doxygen)
FUZZ_PACKAGES=(clang-14 libclang-rt-14-dev)
# A tracer, and servers of others that the tests speak HTTP/2 to.
DEV_PACKAGES=(strace nginx-light nghttp2-proxy openssl)
DEB_PACKAGES=(dpkg-dev file)
COVERAGE_PACKAGES=(gcovr)
BENCH_PACKAGES=(wrk libbenchmark-dev)
MIN_CARGO_MINOR=85

new_enough_cargo() {
    local version
    version=$(cargo --version 2>/dev/null) || return 1
    [[ $version =~ ^cargo\ ([0-9]+)\.([0-9]+) ]] || return 1
    ((BASH_REMATCH[1] > 1 || BASH_REMATCH[2] >= MIN_CARGO_MINOR))
}

python_can() {
    python3 -c "$1" >/dev/null 2>&1
}

# The packages of the named sets that this machine lacks, one a line.
missing_packages() {
    local wanted=("$@")
    command -v python3 >/dev/null || wanted+=(python3)
    python_can 'import ensurepip, venv' || wanted+=(python3-venv)
    python_can 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' || wanted+=(python3-dev)
    new_enough_cargo || wanted+=(cargo-web rustc-web)
    local installed
    installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^ii *//p' || true)
    comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(sort -u <<<"$installed")
}

install_packages() {
    local list missing
    list=$(missing_packages "$@")
    [ -n "$list" ] || return 0
    mapfile -t missing <<<"$list"
    command -v apt-get >/dev/null || die "no apt-get here; please install the equivalents of: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "neither root nor sudo; please install: ${missing[*]}"
        as_root=(sudo)
    fi
    # RUNLEVEL: services that come with a package are not started.
    say "installing ${missing[*]}"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o Dpkg::Use-Pty=0)
    "${apt[@]}" update </dev/null
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# install_requirements NAME: brings .venv to scripts/requirements-NAME.txt, unless it is there already.
install_requirements() {
    local files=("scripts/requirements-$1.txt" scripts/constraints.txt)
    [ "$1" = build ] || files+=(scripts/requirements-build.txt)
    local stamp=$VENV/.requirements-$1 hash
    hash=$({ cat "${files[@]}"; python3 --version; } | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ] || return 0
    "$PYTHON" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$VENV"
    say "installing scripts/requirements-$1.txt into .venv"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-input \
        -r "scripts/requirements-$1.txt" -c scripts/constraints.txt </dev/null
    printf '%s\n' "$hash" >"$stamp"
}

# An environment of its own, build/schema/venv, with scripts/requirements-schema.txt.
install_schema() {
    local venv=$ROOT/build/schema/venv
    local files=(scripts/requirements-schema.txt scripts/constraints.txt)
    ! cat "${files[@]}" | cmp -s - "$venv/.requirements" || return 0
    python3 -m venv --clear "$venv"
    say "installing scripts/requirements-schema.txt into build/schema/venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input \
        -r scripts/requirements-schema.txt -c scripts/constraints.txt </dev/null
    cat "${files[@]}" >"$venv/.requirements"
}

packages=("${BUILD_PACKAGES[@]}")
requirements=build
schema=
for part in "${@:-dev}"; do
    case $part in
        build) ;;
        dev) packages+=("${DEV_PACKAGES[@]}") requirements=dev ;;
        check) packages+=("${DEV_PACKAGES[@]}" "${CHECK_PACKAGES[@]}") requirements=dev ;;
        peers) packages+=("${DEV_PACKAGES[@]}" nodejs) requirements=dev ;;
        schema) packages+=("${DEV_PACKAGES[@]}") requirements=dev schema=yes ;;
        fuzz) packages+=("${FUZZ_PACKAGES[@]}") ;;
        wheels) requirements=dev ;;
        deb) packages+=("${DEB_PACKAGES[@]}") requirements=dev ;;
        coverage) packages+=("${COVERAGE_PACKAGES[@]}") requirements=dev ;;
        bench) packages+=("${BENCH_PACKAGES[@]}") ;;
        *) die "unknown part '$part'; known: build, dev, check, peers, schema, bench, fuzz, wheels, deb, coverage" ;;
    esac
done
install_packages "${packages[@]}"
install_requirements "$requirements"
[ -z "$schema" ] || install_schema
