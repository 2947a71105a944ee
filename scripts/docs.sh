#!/usr/bin/env bash
# The public headers as web pages in build/docs/html. Fails, with the names, where one is not documented.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

command -v doxygen >/dev/null || scripts/setup.sh check
mkdir -p build/docs
doxygen docs/Doxyfile || die "some public names are not documented, or wrongly"
say "build/docs/html/index.html"
