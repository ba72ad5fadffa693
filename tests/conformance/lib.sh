#!/bin/bash
# What the conformance runners have in common: their options, a wrapper for each runtime, the table.
# The including script defines cell_of TEST NAME, which runs a test with the runtime $work/NAME and
# prints a cell; one that begins with "pass" counts as passed.
# shellcheck disable=SC2034,SC2154 # shared with the including script
set -euo pipefail

runtimes=() names=() peers="runc crun" limit=120 results='' total=0 behind=() width=44
declare -A passed cells

skip() {
	echo "skipped - $1"
	exit 77
}

# take_options DEFAULT_LIMIT OPTION...: sets runtimes, limit, results; what is left is in $chosen.
take_options() {
	local option OPTARG OPTIND=1
	limit=$1
	shift
	while getopts r:o:t: option; do
		case $option in
		r) runtimes+=("$OPTARG") ;;
		o) mkdir -p "$OPTARG" && results=$(realpath "$OPTARG") ;;
		t) limit=$OPTARG ;;
		*) echo "usage: $0 [-o DIR] [-t SECONDS] [-r RUNTIME]... [TEST...]" >&2 && exit 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	chosen=("$@")
	if ((${#runtimes[@]} == 0)); then
		[[ ! ${VMRUN:-} ]] || runtimes+=("$VMRUN")
		for option in $peers; do
			! command -v "$option" >/dev/null || runtimes+=("$option")
		done
	fi
	((${#runtimes[@]} > 0)) || skip "no runtime: set VMRUN, or use -r"
}

# Whether TEST was asked for.
wanted() {
	local name
	((${#chosen[@]} > 0)) || return 0
	for name in "${chosen[@]}"; do [[ $name != "$1" ]] || return 0; done
	return 1
}

# wrap RUNTIME [OPTION...]: a program of the runtime's name in $work, with the options. Adds to names.
wrap() {
	local program name
	read -r program _ <<<"$1"
	name=$(basename "$program")
	[[ ! -e $work/$name ]] || name+=-$((${#names[@]} + 1))
	mkdir "$work/root-$name"
	printf '#!/bin/bash\nexec %s %s "$@"\n' "$1" "${2//NAME/$name}" >"$work/$name"
	chmod +x "$work/$name"
	names+=("$name")
}

heading() { # WHAT
	printf '%-*s' "$width" "$1"
	printf ' %-12s' "${names[@]}"
	echo
}

row() { # TEST
	local name got first='' other=''
	total=$((total + 1))
	printf '%-*s' "$width" "$1"
	for name in "${names[@]}"; do
		got=$(cell_of "$1" "$name")
		printf ' %-12s' "$got"
		cells[$name ${got%% *}]=$((${cells[$name ${got%% *}]:-0} + 1))
		if [[ $got == pass* ]]; then
			passed[$name]=$((${passed[$name]:-0} + 1))
			[[ $name == "${names[0]}" ]] && first=1 || other=1
		fi
	done
	echo
	[[ $first || ! $other ]] || behind+=("$1")
}

# How often each runtime got the cell KIND.
count() { # KIND
	local name
	printf '%-*s' "$width" "$1"
	for name in "${names[@]}"; do printf ' %-12s' "${cells[$name $1]:-0}"; done
	echo
}

# The counts; fails when the first runtime does not pass what another one does.
footing() {
	local name
	printf '%-*s' "$width" "passed of $total"
	for name in "${names[@]}"; do printf ' %-12s' "${passed[$name]:-0}"; done
	echo
	((${#behind[@]} == 0)) || { printf 'only others pass:%s\n' "$(printf ' %s;' "${behind[@]}")" && return 1; }
}
