#!/bin/bash
# What Podman and containerd's shim make of a failed command: its error is the last line of stderr and
# alone in a log file, no other line has an error's words, and it says everything once.
. "$(dirname "$0")/lib.sh"
export VMRUN_LOG=warning

# Podman takes these words, in any line, for a kind of error; containerd's shim the last three.
words='no such file or directory|not found|permission denied|operation not permitted|is a directory'
words+='|exists|does not exist|no such process|container not running'

logged() { # COMMAND...: run with a JSON log of its own
	rm -f "$work/log"
	run "$VMRUN" --root "$root" --log "$work/log" --log-format json "$@"
}
levels() { jq -r .level "$work/log" | tr '\n' ' '; }
# Emulation is warned of as well, where there is any.
other_words() { sed '$d' "$err" | grep -ciE "$words" || :; }

bundle b sh -c 'while :; do sleep 0.2; done'
VMRUN_LOG=error vm run -d "$work/b" b >/dev/null 2>&1 </dev/null

logged exec --cap CAP_NOSUCH b no-such-program </dev/null
is "a warning before an error is not in the log" "$(levels)" "error "
like "the error is" "$(jq -r .msg "$work/log")" 'executable file not found'
like "stderr has the warning" "$(cat "$err")" 'warning: --cap: unknown capability "CAP_NOSUCH"'
like "and the error, last" "$(tail -1 "$err")" '^vmrun: exec: "no-such-program": executable file not found'
logged exec --cap CAP_NOSUCH b true </dev/null
is "the warning of a command that succeeds is in the log" "$status $(levels)" "0 warning "

mkfifo "$work/in"
rm -f "$work/log"
"$VMRUN" --root "$root" --log "$work/log" --log-format json exec --cap CAP_NOSUCH b cat <"$work/in" >/dev/null &
exec 5>"$work/in"
ok "it does not wait for the program's end" wait_for 60 grep -q CAP_NOSUCH "$work/log"
exec 5>&-
wait

echo "# a warning has the names of errors, not their texts"
cp -a "$work/b" "$work/hooks"
config "$work/hooks" '.process.args = ["true"] | .hooks = {poststop: [{path: "/no/such/hook"}]}'
logged run "$work/hooks" h
is "a poststop hook that is not there fails nothing" "$status" 0
like "it is a warning" "$(jq -r 'select(.msg | test("poststop")) | .level + " " + .msg' "$work/log")" \
	'^warning error running poststop hook #0: /no/such/hook: .*ENOENT'
is "without the words of an error" "$(grep -ciE "$words" "$work/log" || :)" 0
config "$work/hooks" '.hooks.poststart = [{path: "/bin/sh", args: ["sh", "-c", "exit 3"]}]'
logged run "$work/hooks" h
is "an error with a warning about its clean-up is alone in the log" "$(levels)" "error "
like "it is the hook's" "$(jq -r .msg "$work/log")" '^cannot start container "h": error running poststart hook #0: '
like "and the last line of stderr" "$(tail -1 "$err")" 'error running poststart hook #0'
is "where no other has an error's words" "$(other_words)" 0

echo "# whatever the command and the status, nothing is said twice"
export VMRUN_LOG=error
echo '{"memory": {"limit": "lots"}}' >"$work/wrong"
echo '{' >"$work/cut"
echo '{"unified": {"memory.nosuch": "1"}}' >"$work/refused"
config "$work/hooks" 'del(.hooks)'
# once COMMAND...: when it fails, it says one thing.
failed=0
once() {
	run vm "$@" </dev/null
	((status)) || return 0
	failed=$((failed + 1))
	if (($(wc -l <"$err") != 1)); then
		fail "$*: not one line of error"
	elif [[ $(awk -F': ' '{for (i = 1; i <= NF; i++) if (seen[$i]++) print $i}' "$err") ]] ||
		(($(grep -oE 'container "?[bc]"?' "$err" | wc -l) > 1)); then
		fail "$*: says something twice"
	fi
}
each() { # ID COMMAND...: what fails whatever the status, and the commands
	local id=$1 command
	shift
	for command in "$@"; do once "$command" "$id"; done
	once exec "$id" /no/such
	once exec --cwd /no/such "$id" true
	once exec --process "$work/cut" "$id"
	once update --memory 12x "$id"
	once update -r "$work/wrong" "$id"
	once update -r "$work/cut" "$id"
	once update -r "$work/refused" "$id"
	once update -r /no/such "$id"
	once kill "$id" NOSUCH
	once ps "$id" -Z
	once events --interval 0 "$id"
	once create --bundle /no/such "$id"
	once create --bundle "$work/hooks" --pid-file /no/such/pid "$id"
	once create --bundle "$work/hooks" --console-socket /no/such "$id"
}
each c start state pause resume kill delete ps why events
each b start resume delete
vm pause b
each b start pause delete
vm resume b
vm kill b KILL
gone() { has_status b stopped; }
wait_for 60 gone
each b start pause resume kill events
VMRUN_LOG=error vm delete b
vm create --bundle "$work/b" b >/dev/null 2>&1 </dev/null
each b resume
vm delete --force b
ok "$failed commands failed, each with one line that repeats nothing" test "$failed" -gt 60
