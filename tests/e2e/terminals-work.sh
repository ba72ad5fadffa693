#!/bin/bash
# run -t and exec -t: a terminal in the container, size and resize, ctrl-C, raw mode given back.
. "$(dirname "$0")/lib.sh"
command -v script >/dev/null || skip "no script(1) here (Debian: bsdutils)"
command -v socat >/dev/null || skip "no socat here (Debian: socat)"

bundle t sh -c 'tty; stty size; read line; echo "got <$line>"; exit 6'
config "$work/t" '.process.terminal = true'
run bash -c "(read -rt 20 <> <(:); echo hello; read -rt 20 <> <(:)) |
	script -qec 'stty rows 33 cols 101; \"$VMRUN\" --root \"$root\" run \"$work/t\"' /dev/null"
text=$(tr -d '\r' <"$out")
is "exit status through a terminal" "$status" 6
like "there is a terminal" "$text" '/dev/(pts/[0-9]+|console)'
like "of the right size" "$text" '33 101'
like "input arrives" "$text" 'got <hello>'
if grep -q $'\r\r' "$out"; then fail "line ends are doubled"; else pass "line ends are not doubled"; fi

bundle long sh -c 'while :; do sleep 0.2; done'
echo "a line" >"$work/t/line"

# As runc: the terminal is the one that there is, input comes from stdin and output goes to stdout
# whatever they are.
on_tty() { # COMMAND: of sh, with a controlling terminal
	run script -qec "stty rows 34 cols 102; VMRUN='$VMRUN'; R='$root'; B='$work/t'; $1" /dev/null </dev/null
	tr -d '\r' <"$out"
}
text=$(on_tty 'echo piped | "$VMRUN" --root "$R" run "$B"; echo status $?')
like "stdin that is a pipe is the terminal's input" "$text" '/dev/pts/.*34 102.*got <piped>.*status 6'
text=$(on_tty '"$VMRUN" --root "$R" run "$B" <"$B/line" >"$B/out" 2>&1; echo status $?; stty -a')
like "so is a file" "$text" 'status 6.*[^-]icanon'
like "output goes to stdout, a file" "$(tr -d '\r' <"$work/t/out")" '34 102.*got <a line>'
is "with the program's own ends of lines" "$(grep -c $'\r' "$work/t/out" || :)" 0
text=$(on_tty '"$VMRUN" --root "$R" run -d "$B/../long" e >/dev/null 2>&1 </dev/null; echo one | "$VMRUN" --root "$R" exec -t e sh -c "read x; tty; echo \$x two" | cat')
like "exec -t between pipes has a terminal" "$text" '/dev/pts/.*one two'
vm delete --force e
fails "without any terminal there is none" 'no standard stream is one .*/dev/tty' \
	setsid -w "$VMRUN" --root "$root" run "$work/t" <"$work/t/line"

vm run -d "$work/long" long >/dev/null 2>&1 </dev/null
run bash -c "(read -rt 10 <> <(:); printf '\003'; read -rt 10 <> <(:)) |
	script -qec '\"$VMRUN\" --root \"$root\" exec -t long sh -c \"trap \\\"echo interrupted; exit 3\\\" INT; echo waiting; while :; do sleep 0.2; done\"' /dev/null"
like "ctrl-C interrupts the command" "$status $(tr -d '\r\n' <"$out")" '^3 .*interrupted'
is "and only the command" "$(status_of long)" running

# --console-socket: the master of a terminal arrives there, and create returns.
bundle cs sh -c 'tty; echo on-console; read x; exit 8'
config "$work/cs" '.process.terminal = true'
python3 - "$work/console.sock" "$work/console.out" <<'P' &
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
data, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
fds = array.array("i")
fds.frombytes(anc[0][2][:4])
out = open(sys.argv[2], "wb")
sent = False
while True:
    try:
        b = os.read(fds[0], 4096)
    except OSError:
        break
    if not b:
        break
    out.write(b)
    out.flush()
    if b"on-console" in b and not sent:
        os.write(fds[0], b"\n")
        sent = True
P
ok "the console's receiver is there" wait_for 20 test -S "$work/console.sock"
vm create --bundle "$work/cs" --console-socket "$work/console.sock" --pid-file "$work/cs.pid" cs </dev/null >/dev/null 2>&1
vm start cs
cs_stopped() { has_status cs stopped; }
ok "the container read from its console and ended" wait_for 60 cs_stopped
like "its output went to the console" "$(tr -d '\r' <"$work/console.out")" 'on-console'
fails "terminal without a console socket" 'console' vm create --bundle "$work/cs" cs2
wait
