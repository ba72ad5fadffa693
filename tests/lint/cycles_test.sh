#!/bin/bash
# Whether cycles.awk finds what it is for: a knot through a header that two files share, and one
# through a file without a header of its own; nothing where there is none.
set -uo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir -p src/knot src/above

# write FILE INCLUDED... and the rest of the file from stdin
write() {
	local file=$1 header
	shift
	for header; do echo "#include \"$header\""; done >"$file"
	cat >>"$file"
}

write src/knot/low.h <<<'int low(void);'
write src/knot/low.c knot/low.h <<<'int low(void) {}'
write src/knot/part_own.h knot/low.h <<<'int part_inside(void);'
write src/knot/part.h <<<'int part(void);'
write src/knot/part.c knot/part.h knot/part_own.h <<<'int part(void) {}'
write src/knot/part_more.c knot/part_own.h <<<'int part_inside(void) {}'
write src/knot/user.h knot/part.h <<<'int user(void);'
write src/above/top.c knot/user.h <<<'int main(void) {}'

look() { find src -name '*.[ch]' | sort | xargs awk -f "$here/cycles.awk" "$@"; }

fail() {
	echo "cycles.awk: $1"
	[[ ! ${2:-} ]] || echo "$2"
	exit 1
}

# finds WHAT CYCLE
finds() {
	local found
	found=$(look) && fail "$1 is not found"
	[[ $found == *"a cycle of includes: $2"* ]] || fail "$1 is found as" "$found"
}

found=$(look) || fail "finds a cycle where there is none" "$found"

write src/knot/low.c knot/low.h knot/user.h <<<'int low(void) {}'
finds "a cycle through headers that share a node" \
	"src/knot/user -> src/knot/part -> src/knot/low -> src/knot/user"
for folder in src src/knot; do
	echo $folder >exempt
	found=$(look exempt=exempt) || fail "looks into an exempt folder" "$found"
done

write src/knot/low.c knot/low.h <<<'int low(void) {}'
write src/knot/part_more.c knot/part_own.h knot/user.h <<<'int part_inside(void) {}'
finds "a cycle through a file without a header" "src/knot/user -> src/knot/part -> src/knot/user"
