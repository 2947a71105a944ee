#!/usr/bin/env bash
# Formatters, linters, type checks. Runs all of them, then says which failed.
#
#   check.sh [--fix]     --fix: rewrite the sources as the formatters want them, and nothing else
#   TIDY=all             clang-tidy on every source; otherwise only on those that differ from TIDY_BASE
#   TIDY_BASE=COMMIT     default: where this branch left main; on main, the commit before
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

scripts/setup.sh check
PYTHON_SOURCES=(python tests mock scripts examples bench)

cpp_sources() {
    git ls-files --cached --others --exclude-standard -- '*.cpp' '*.hpp'
}

python_sources() {
    for folder in "${PYTHON_SOURCES[@]}"; do
        [ ! -d "$folder" ] || echo "$folder"
    done
}

tidy_base() {
    local fork
    fork=$(git merge-base HEAD main 2>/dev/null || true)
    if [ -n "$fork" ] && [ "$fork" != "$(git rev-parse HEAD)" ]; then
        echo "$fork"
    else
        git rev-parse --verify --quiet HEAD~1 || git rev-parse HEAD
    fi
}

# Sources clang-tidy looks at. Headers are seen through the sources that include them.
tidy_sources() {
    if [ "${TIDY:-changed}" = all ]; then
        cpp_sources
    else
        { git diff --name-only --diff-filter=d "${TIDY_BASE:-$(tidy_base)}" && git ls-files --others --exclude-standard; } |
            sort -u
    fi | grep -E '^(src|mock|bindings)/.*\.cpp$' || true
}

clang_format() {
    cpp_sources | xargs -r clang-format-14 "$@"
}

# A configuration that cannot be read would be no error, and check nothing.
clang_tidy() {
    ! clang-tidy-14 --dump-config 2>&1 >/dev/null | grep . || return 1
    tidy_sources | xargs -r -P "${JOBS:-$(nproc)}" -n 1 clang-tidy-14 -p "$BUILD" --quiet --warnings-as-errors='*' \
        --extra-arg=-Wno-unknown-warning-option
}

shell_scripts() {
    git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run | xargs -r shellcheck -x
}

headers_alone() {
    scripts/build.sh all_verify_interface_header_sets
}

mapfile -t folders < <(python_sources)
if [ "${1:-}" = --fix ]; then
    clang_format -i
    "$PYTHON" -m ruff format "${folders[@]}"
    "$PYTHON" -m ruff check --fix "${folders[@]}"
    exit
fi

failed=()
part() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}

scripts/build.sh
part "clang-format" clang_format --dry-run -Werror
part "each header compiles alone" headers_alone
part "every public name is documented" scripts/docs.sh
part "ruff check" "$PYTHON" -m ruff check "${folders[@]}"
part "ruff format" "$PYTHON" -m ruff format --check "${folders[@]}"
part "mypy" "$PYTHON" -m mypy
part "shellcheck" shell_scripts
part "rules of the house" env AIPERF_BUILD_DIR="$BUILD" "$PYTHON" -m pytest -q tests/python/test_house.py
part "docstrings" env AIPERF_BUILD_DIR="$BUILD" "$PYTHON" -m pytest -q tests/python/test_docstrings.py
part "clang-tidy (${TIDY:-changed})" clang_tidy

((${#failed[@]} == 0)) || die "failed: $(printf '%s; ' "${failed[@]}")"
echo "all checks passed"
