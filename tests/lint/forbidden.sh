#!/bin/bash
# Looks for code that forbidden.txt lists: forbidden.sh FILE...
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
code=$(mktemp)
trap 'rm -f "$code"' EXIT
awk -f "$here/code.awk" "$@" >"$code"
bad=0

while IFS=$'\t' read -r pattern allowed reason; do
	[[ $pattern && $pattern != \#* ]] || continue
	while IFS=: read -r file line rest; do
		[[ ! $file =~ $allowed ]] || continue
		echo "$file:$line:$rest"
		echo "    $reason"
		bad=1
	done < <(grep -E -- "$pattern" "$code")
done <"$here/forbidden.txt"

# Notes to oneself are no comments.
if grep -nE '\<(TODO|FIXME|XXX)\>' "$@"; then bad=1; fi
exit $bad
