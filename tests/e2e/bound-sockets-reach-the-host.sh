#!/bin/bash
# A UNIX socket of the host that a container has bound: connections from inside reach who listens
# on the host, both directions and their ends; nothing is left when either side goes.
. "$(dirname "$0")/lib.sh"
inside=$(dirname "$VMRUN")/tests/e2e/bin/inside

bundle b sh -c 'touch /tmp/told; exec sleep 1000'
cp "$inside" "$work/b/rootfs/bin/"
# A server that answers when the other side has said all: with the length of what it got, and that
# turned around; "hold" leaves traces of its beginning and end, "close" closes at once. Nobody
# listens on the other sockets.
python3 - "$work" <<'P' &
import os, socket, sys, threading
work = sys.argv[1]
dead = socket.socket(socket.AF_UNIX)
dead.bind(work + "/dead.sock")
os.chmod(work + "/dead.sock", 0o777)
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
d.bind(work + "/datagram.sock")
os.chmod(work + "/datagram.sock", 0o777)
def serve(c):
    data = b""
    while True:
        piece = c.recv(65536)
        data += piece
        if data == b"close\n":
            break
        if data == b"hold\n":
            open(work + "/held", "w").close()
        if not piece:
            if data == b"hold\n":
                open(work + "/released", "w").close()
            try:
                c.sendall(b"%d:" % len(data) + data[::-1])
            except BrokenPipeError:
                pass
            break
    c.close()
s = socket.socket(socket.AF_UNIX)
s.bind(work + "/a.sock")
os.chmod(work + "/a.sock", 0o640)
os.chown(work + "/a.sock", 1000, 1000)
s.listen(32)
open(work + "/ready", "w").close()
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
P
server=$!
ok "a server" wait_for 30 test -e "$work/ready"
config "$work/b" '.mounts += [
	{destination: "/run/a.sock", type: "bind", source: "'"$work"'/a.sock", options: ["bind", "ro"]},
	{destination: "/dead", type: "bind", source: "'"$work"'/dead.sock", options: ["bind"]},
	{destination: "/datagram", type: "bind", source: "'"$work"'/datagram.sock", options: ["bind"]}]
	| .process.user = {uid: 1000, gid: 1000}'
before=$(host_state)
vm run -d "$work/b" c >/dev/null 2>"$err" </dev/null || fail "it runs"
in_c() { vm exec c "$@"; }
ok "the container runs" wait_for 30 in_c test -e /tmp/told
((failures == 0)) || exit 1
# The name is moved away: what is bound is the socket, not its path.
mv "$work/a.sock" "$work/elsewhere.sock"

is "a question and its answer" "$(echo abc | in_c inside connect /run/a.sock)" $'4:\ncba'
reversed() { python3 -c 'import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])'; }
seq 1 300000 >"$work/much"
in_c inside connect /run/a.sock <"$work/much" >"$work/answer" || :
is "two megabytes each way" "$(sed -n '1s/:.*//p' "$work/answer") $(tail -c +9 "$work/answer" | reversed | sha256sum)" \
	"$(stat -c %s "$work/much") $(sha256sum <"$work/much")"
is "many at once" "$(in_c sh -c 'for i in 1 2 3 4 5 6 7 8 9; do (echo n$i | inside connect /run/a.sock >/tmp/n$i) & done; wait
	cat /tmp/n? | grep -c n')" 9
is "mode and owner are the host socket's" "$(in_c stat -c '%F %a %u %g' /run/a.sock)" 'socket 640 1000 1000'
is "who may not, may not" "$(vm exec -u 7:7 c inside connect /run/a.sock </dev/null)" EACCES
is "the server closes first" "$(echo close | in_c inside connect /run/a.sock)" ''
like "nobody listens there" "$(echo x | in_c inside connect /dead)" '^(|ECONNRESET|EPIPE)$'
like "nor on a socket of datagrams" "$(echo x | in_c inside connect /datagram)" '^(|ECONNRESET|EPIPE)$'
is "others go on meanwhile" "$(echo abc | in_c inside connect /run/a.sock)" $'4:\ncba'

echo "# one side dies"
hold='rm -f /tmp/f; mkfifo /tmp/f; (echo hold; exec sleep 1000) >/tmp/f & exec inside connect /run/a.sock </tmp/f'
vm exec -d --pid-file "$work/exec.pid" c sh -c "$hold" </dev/null >/dev/null 2>&1
ok "a connection is held" wait_for 30 test -e "$work/held"
kill -KILL "$(cat "$work/exec.pid")"
ok "its process is killed: the server sees the end" wait_for 30 test -e "$work/released"
rm "$work/held" "$work/released"
vm exec -d c sh -c "$hold" </dev/null >/dev/null 2>&1
ok "a connection is held" wait_for 30 test -e "$work/held"
vm delete --force c
ok "the container is deleted: the server sees the end" wait_for 30 test -e "$work/released"
same_state "nothing is left" "$before"

mv "$work/elsewhere.sock" "$work/a.sock"
vm run -d "$work/b" c2 >/dev/null 2>"$err" </dev/null || fail "it runs again"
kill "$server"
wait "$server" || :
like "the server is gone" "$(echo x | vm exec c2 inside connect /run/a.sock 2>&1)" '^(|ECONNRESET|EPIPE)$'
vm delete --force c2
