#!/bin/bash
# Compiles every header alone: headers.sh HEADER... Run in the build folder, with the top of the
# sources in $srcdir, the compiler in $CC and its options in $LINT_CPPFLAGS.
set -uo pipefail
: "${srcdir:?the top of the sources}"
bad=0
read -ra options <<<"${LINT_CPPFLAGS:--D_GNU_SOURCE}"

for header; do
	"${CC:-cc}" -std=gnu11 -Wall -Werror -fsyntax-only "${options[@]}" \
		-I"$srcdir/src" -I"$srcdir" -Isrc -I. -x c - <<<"#include \"${header#src/}\"" || {
		echo "$header does not compile alone"
		bad=1
	}
done
exit $bad
