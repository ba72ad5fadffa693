#!/bin/bash
# --preserve-fds, LISTEN_FDS and NOTIFY_SOCKET: what the caller passes on is in the container, at the
# same numbers, and does there what it does with runc, which is asked where it is installed. What
# cannot cross is refused by name, and nothing is left.
. "$(dirname "$0")/lib.sh"
inside=$(dirname "$VMRUN")/tests/e2e/bin/inside

bundle b sleep 1000
cp "$inside" "$work/b/rootfs/bin/"
mkdir "$work/dir" "$work/runc"
touch "$work/dir/in-it"
program() {
	config "$work/b" '.process.args = ["sh", "-c", $script]' --arg script "$1"
}
vmrun_run() { vm run "$@"; }
# What runc says is what is wanted; where there is no runc, what it said when this was written.
oracle() {
	local wanted=$1
	shift
	if $runc; then wanted=$("$@"); fi
	echo "$wanted"
}
program true
runc=false
if command -v runc >/dev/null && runc --root "$work/runc" run -b "$work/b" probe >/dev/null 2>&1 </dev/null; then
	runc=true
fi
before=$(host_state)

echo "# pipes, files, directories"
program 'tr a-z A-Z <&3 >&4; head -c 3 <&5; echo; printf XY >&5; cat <&5; ls /proc/self/fd/6
	echo appended >&7; head -c 4 <&8 | wc -c; for n in 3 4 5 6 7 8 9; do test -e /proc/self/fd/$n && echo $n; done'
pass_six() {
	printf 0123456789 >"$work/file"
	printf 'first ' >"$work/log"
	(
		exec 3< <(echo question) 4>"$work/four" 5<>"$work/file" 6<"$work/dir" 7>>"$work/log" 8</dev/zero
		read -rn 2 -u 5
		"$@" </dev/null 2>"$err"
	) | tr '\n' ' '
	echo "$(cat "$work/four" "$work/file" "$work/log")" | tr '\n' ' '
}
wanted='234 789in-it 4 3 4 5 6 7 8 QUESTION 01234XY789first appended '
wanted=$(oracle "$wanted" pass_six runc --root "$work/runc" run --preserve-fds 6 -b "$work/b" r)
is "six descriptors, each at its number, with its offset" \
	"$(pass_six vmrun_run --preserve-fds 6 "$work/b" c)" "$wanted"

program 'cat <&3 >&3; exec 3>&-; sleep 1000'
vm run -d --preserve-fds 0 "$work/b" none >/dev/null 2>&1 </dev/null
is "without the option there are none" "$(vm exec none sh -c 'ls /proc/self/fd' 3</dev/null | tr '\n' ' ')" '0 1 2 3 '
echo "# exec"
is "exec --preserve-fds" "$(vm exec --preserve-fds 2 none sh -c 'cat <&3; cat <&4' 3< <(echo pipe) 4<"$work/log")" \
	$'pipe\nfirst appended'
is "a file is gone with its exec" "$(vm exec none sh -c 'test -e /proc/self/fd/3 || echo none')" none
python3 - "$VMRUN" "$root" <<'P' >"$out" 2>&1 || :
import os, socket, subprocess, sys, threading
a, b = socket.socketpair()
p = subprocess.Popen([sys.argv[1], "--root", sys.argv[2], "exec", "--preserve-fds", "1", "none",
	"sh", "-c", "cat <&3 >&3; echo bye >&3; exec 3>&-; sleep 2"], preexec_fn=lambda: os.dup2(b.fileno(), 3),
	close_fds=False)
b.close()
def say():
	a.sendall(b"hello\n" * 20000)
	a.shutdown(socket.SHUT_WR)
threading.Thread(target=say, daemon=True).start()
got = b""
while True:
	piece = a.recv(65536)
	if not piece:
		break
	got += piece
print(got.decode(), p.poll(), p.wait())
P
is "a socket, and its ends in both directions" "$(grep -c hello "$out") $(tail -2 "$out" | tr '\n' ' ')" '20000 bye  None 0 '
fails "exec: one that is not open" 'descriptor 4 is not open' vm exec --preserve-fds 2 none true 3</dev/null 4<&-
is "exec without it goes on" "$(vm exec none echo yes)" yes
vm delete --force none

echo "# to the last byte"
program 'seq 1 100000 >&3'
(vm run --preserve-fds 1 "$work/b" last 3>"$work/much" </dev/null >/dev/null 2>"$err") || fail "it runs"
is "a file written" "$(sha256sum <"$work/much")" "$(seq 1 100000 | sha256sum)"
(vm run --preserve-fds 1 "$work/b" last </dev/null 2>"$err" 3>&1 >/dev/null | cat) >"$work/piped" || fail "it runs"
is "a pipe written until the end" "$(sha256sum <"$work/piped")" "$(seq 1 100000 | sha256sum)"

echo "# refusals"
refused() { # WHAT PATTERN PYTHON-EXPRESSION
	fails "$1" "$2" python3 -c "
import ctypes, os, select, signal, socket, sys
libc = ctypes.CDLL(None)
fd = $3
os.dup2(fd if isinstance(fd, int) else fd.fileno(), 3)
os.set_inheritable(3, True)
os.execv('$VMRUN', ['vmrun', '--root', '$root', 'run', '--preserve-fds', '1', '$work/b', 'refused'])"
}
cannot='descriptor 3 is %s, which cannot cross into a virtual machine$'
refused "an eventfd" "${cannot/\%s/an eventfd}" 'libc.eventfd(0, 0)'
refused "an epoll instance" "${cannot/\%s/an epoll instance}" 'select.epoll()'
refused "a pidfd" "${cannot/\%s/a pidfd}" 'os.pidfd_open(os.getpid())'
refused "a datagram socket" "${cannot/\%s/a datagram socket}" 'socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)'
refused "a socket without connection" "${cannot/\%s/a socket without connection}" 'socket.socket()'
refused "a file of proc" "${cannot/\%s/a file of the host.s proc}" 'os.open("/proc/version", 0)'
refused "a namespace" "${cannot/\%s/a namespace}" 'os.open("/proc/self/ns/net", 0)'
fails "one that is not open" '^vmrun: --preserve-fds: descriptor 5 is not open$' \
	vm run --preserve-fds 3 "$work/b" refused 3</dev/null 4</dev/null 5<&-
fails "too many" 'no more than 48 descriptors' vm run --preserve-fds 49 "$work/b" refused
fails "no number" '--preserve-fds: expected a number' vm run --preserve-fds x "$work/b" refused
same_state "nothing is left" "$before"

echo "# socket activation"
# Starts a command as systemd does with two listening sockets, and asks each of them three times.
cat >"$work/activate.py" <<'P'
import os, socket, subprocess, sys, threading
work, command = sys.argv[1], sys.argv[2:]
path = work + "/activation.sock"
if os.path.exists(path):
	os.unlink(path)
u = socket.socket(socket.AF_UNIX)
u.bind(path)
u.listen(8)
t = socket.socket()
t.bind(("127.0.0.1", 0))
t.listen(8)
port = t.getsockname()[1]
def child():
	high = [os.dup2(u.fileno(), 100), os.dup2(t.fileno(), 101)]
	for i, fd in enumerate(high):
		os.dup2(fd, 3 + i)
	os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="first:second")
	os.execvp(command[0], command)
p = subprocess.Popen(["true"], preexec_fn=child, close_fds=False, stdin=subprocess.DEVNULL,
	stdout=open(work + "/inner", "w"))
def ask(s, text):
	def say():
		s.sendall(text)
		s.shutdown(socket.SHUT_WR)
	threading.Thread(target=say, daemon=True).start()
	s.settimeout(120)
	answer = b""
	while True:
		piece = s.recv(65536)
		if not piece:
			return answer.decode().replace(path, "PATH").replace(str(port), "PORT")
		answer += piece
for i in range(3):
	s = socket.socket(socket.AF_UNIX)
	s.connect(path)
	print(ask(s, b"unix%d" % i))
	print(ask(socket.create_connection(("127.0.0.1", port)), b"inet%d" % i))
s = socket.socket(socket.AF_UNIX)
s.connect(path)
print(len(ask(s, b"x" * 3000000)))
s = p.wait()
print(s, open(work + "/inner").read().replace(path, "PATH").replace(str(port), "PORT"))
P
program 'echo $LISTEN_FDS $LISTEN_PID; inside socket 3; inside socket 4; inside serve 4 3 & inside serve 3 4; wait'
activated() { python3 "$work/activate.py" "$work" "$@" 2>"$err"; }
wanted='unix connected PATH: unix0
inet connected 127.0.0.1:PORT: inet0
unix connected PATH: unix1
inet connected 127.0.0.1:PORT: inet1
unix connected PATH: unix2
inet connected 127.0.0.1:PORT: inet2
3000000
0 2 1
unix listening PATH
inet listening 127.0.0.1:PORT
ok
ok'
plain() { sed 's/^30000[0-9][0-9]$/3000000/'; }
wanted=$(oracle "$wanted" activated runc --root "$work/runc" run -b "$work/b" r | plain)
is "a UNIX and a TCP socket, three times each" "$(activated "$VMRUN" --root "$root" run "$work/b" act | plain)" "$wanted"
program 'echo $LISTEN_FDNAMES; inside serve 4 3 & inside serve 3 4; wait'
like "LISTEN_FDNAMES" "$(activated "$VMRUN" --root "$root" run "$work/b" names)" 'first:second'
program 'env | grep -c LISTEN; ls /proc/self/fd'
is "which are not for us are not passed" \
	"$(LISTEN_FDS=1 LISTEN_PID=1 vm run "$work/b" other 3</dev/null 2>/dev/null </dev/null | tr '\n' ' ')" '0 0 1 2 3 '
same_state "nothing is left" "$before"

echo "# notifications"
# A service manager: writes what it hears, and answers barriers by closing what comes along.
cat >"$work/manager.py" <<'P'
import os, socket, sys
work = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(work + "/manager.sock")
open(work + "/manager-ready", "w").close()
while True:
	text = s.recv(65536).decode()
	with open(work + "/heard", "a") as f:
		f.write(text + "\n")
P
python3 "$work/manager.py" "$work" &
manager=$!
ok "a service manager" wait_for 30 test -e "$work/manager-ready"
before=$(host_state)
heard() { grep -qx "$1" "$work/heard"; }
program 'inside notify "STATUS=getting there|MAINPID=1|FDSTORE=1|X=Y"; touch /tmp/before
	while ! test -e /tmp/go; do sleep 0.1; done; inside notify "READY=1"; inside barrier >/tmp/barrier
	while ! test -e /tmp/stop; do sleep 0.1; done; inside notify "STOPPING=1|ERRNO=7"'
: >"$work/heard"
NOTIFY_SOCKET=$work/manager.sock vm run -d --pid-file "$work/pid" "$work/b" n >/dev/null 2>"$err" </dev/null &
runner=$!
ok "what comes before" wait_for 60 heard 'STATUS=getting there'
ok "run -d waits for READY=1" kill -0 $runner
touch "$work/b/rootfs/tmp/go"
ok "and returns then" wait $runner
is "READY=1 and MAINPID" "$(grep -cx 'READY=1' "$work/heard") $(grep -x 'MAINPID=.*' "$work/heard" | sort -u)" \
	"2 MAINPID=$(cat "$work/pid")"
ok "the barrier is passed" wait_for 30 test -s "$work/b/rootfs/tmp/barrier"
is "so that what was sent before has been heard" "$(cat "$work/b/rootfs/tmp/barrier")" ok
is "the container has the socket where runc has it" \
	"$(vm exec n sh -c 'tr "\0" "\n" </proc/1/environ | grep NOTIFY; stat -c "%F %a" /run/notify/notify.sock; touch /run/notify/notify.sock 2>&1')" \
	$'NOTIFY_SOCKET=/run/notify/notify.sock\nsocket 777\ntouch: /run/notify/notify.sock: Read-only file system'
touch "$work/b/rootfs/tmp/stop"
ok "its last words" wait_for 30 heard 'STOPPING=1'
ok "all of them" wait_for 30 heard 'ERRNO=7'
is "and nothing else" "$(grep -vxE 'READY=1|MAINPID=[0-9]+|BARRIER=1|STOPPING=1|ERRNO=7|STATUS=getting there' "$work/heard")" ''
vm delete --force n
rm -f "$work/b/rootfs/tmp/"*
program 'inside notify "READY=1"'
: >"$work/heard"
NOTIFY_SOCKET=$work/manager.sock "$VMRUN" --root "$root" run "$work/b" f >/dev/null 2>"$err" </dev/null &
runner=$!
ok "in the foreground" wait $runner
is "MAINPID is the runtime's own there, which ends as the service does" "$(sort -u "$work/heard" | tr '\n' ' ')" \
	"MAINPID=$runner READY=1 "
# As Podman has it: config.json names the socket, and a mount brings the folder that it is in.
mkdir "$work/notify"
ln "$work/manager.sock" "$work/notify/notify.sock"
config "$work/b" '.process.env += ["NOTIFY_SOCKET=/run/notify/notify.sock"] | .mounts += [{
	destination: "/run/notify", type: "bind", source: $dir, options: ["bind", "rprivate"]}]' --arg dir "$work/notify"
: >"$work/heard"
ok "a socket of config.json" vm run "$work/b" p </dev/null
is "gets no MAINPID: who has put it there says that" "$(cat "$work/heard")" 'READY=1'
kill "$manager"
wait "$manager" || :
same_state "nothing is left" "$before"
