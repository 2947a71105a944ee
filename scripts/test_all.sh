#!/usr/bin/env bash
# Everything: the suites, the C++ suite under the sanitizers, the slow Python tests, the fuzzers, the soak,
# a real LLM server, the checks.
# Runs all parts, then says which failed.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

sanitized() {
    cmake --preset "$1" && cmake --build "build/$1" --parallel "${JOBS:-$(nproc)}" &&
        ctest --test-dir "build/$1" --output-on-failure --no-tests=error --parallel 2 --timeout 600
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

failed=()
part() {
    local name=$1
    shift
    echo
    echo "==== $name"
    "$@" || failed+=("$name")
}

scripts/setup.sh peers schema
part "tests, the slow ones too" scripts/test.sh -m "not real and not vllm"
part "address and undefined-behaviour sanitizers" sanitized asan
part "thread sanitizer" sanitized tsan
part "wheels" scripts/wheels.sh
part "Debian packages" scripts/deb.sh
part "fuzzers" scripts/fuzz.sh
part "soak" scripts/soak.sh
part "a real LLM server" scripts/test_real.sh
part "checks" scripts/check.sh

echo
((${#failed[@]} == 0)) || die "failed: $(printf '%s; ' "${failed[@]}")"
echo "everything passed"
