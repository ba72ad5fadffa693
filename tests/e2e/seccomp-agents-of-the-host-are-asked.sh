#!/bin/bash
# linux.seccomp.listenerPath: what the filter notifies of is decided by an agent on the host, which
# looks at the process in the guest as it would at one of the host's: through /proc/PID.
. "$(dirname "$0")/lib.sh"
[[ -e /dev/fuse ]] || modprobe fuse 2>/dev/null || skip "no /dev/fuse"

# The agent: decides by the name of the directory that is to be made; of other system calls it says
# that they may go on. What it sees and what becomes of it is in $work/log; the states it gets are in
# $work/state.1, ... in their order.
cat >"$work/agent.py" <<'P'
import errno, fcntl, json, os, select, socket, struct, sys, threading, time
work = sys.argv[1]
RECV, SEND, VALID, ADDFD = 0xc0502100, 0xc0182101, 0x40082102, 0x40182103
MKDIR = 83
lock = threading.Lock()
both = threading.Barrier(2)
def log(*words):
    with lock, open(work + "/log", "a") as f:
        print(*words, file=f)
def name_of(e):
    return "EOPNOTSUPP" if e.errno == errno.EOPNOTSUPP else errno.errorcode.get(e.errno, str(e.errno))
def valid(fd, id):
    try:
        fcntl.ioctl(fd, VALID, struct.pack("=Q", id))
        return "valid"
    except OSError as e:
        return name_of(e)
def send(fd, id, val=0, error=0, flags=0):
    try:
        fcntl.ioctl(fd, SEND, bytearray(struct.pack("=QqiI", id, val, error, flags)))
        return "sent"
    except OSError as e:
        return name_of(e)
def receive(fd):
    b = bytearray(80)
    fcntl.ioctl(fd, RECV, b)
    return struct.unpack("=QIIiIQ6Q", b)
def path_at(pid, address):
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        return os.pread(mem.fileno(), 4096, address).split(b"\0")[0].decode()
def decide(fd, id, pid, path, address):
    name = os.path.basename(path)
    if name == "refused":
        return send(fd, id, error=-errno.ENOMEDIUM)
    if name == "made-up":
        return send(fd, id)
    if name == "by-agent": # where it would be, whether the path is relative or not
        base = "/proc/%d/%s" % (pid, "root" if path.startswith("/") else "cwd")
        os.mkdir(base + "/" + path)
        return send(fd, id)
    if name.startswith("both"):
        both.wait(60)
    if name == "slow": # until its target has been killed
        log("slow is here", valid(fd, id))
        while valid(fd, id) == "valid":
            time.sleep(0.1)
        return "too late: %s %s" % (valid(fd, id), send(fd, id, flags=1))
    if name == "renamed": # in the process's memory
        with open("/proc/%d/mem" % pid, "r+b", 0) as mem:
            os.pwrite(mem.fileno(), b"written\0", address)
    if name == "closed":
        os.close(fd)
        return "closed"
    if name == "odd":
        tries = [send(fd, id + 77), send(fd, id, val=1, flags=1), send(fd, id, flags=2), valid(fd, id + 77)]
        for cmd, arg in (ADDFD, struct.pack("=QIIII", id, 0, 0, 0, 0)), (RECV, b"1" * 80), (0x2177, b"1" * 8):
            try:
                fcntl.ioctl(fd, cmd, bytearray(arg))
                tries.append("done")
            except OSError as e:
                tries.append(name_of(e))
        try:
            os.open("/proc/self/fd/%d" % fd, os.O_RDWR)
        except OSError as e:
            tries.append(name_of(e))
        log("odd:", *tries)
    return send(fd, id, flags=1)
def handle(fd, id, pid, path, args):
    if path.endswith("both1"):
        log("stand-ins:", pid != os.getpid(), os.readlink("/proc/%d/cwd" % pid), sorted(os.listdir("/proc/%d/root" % pid)))
    log("mkdir", path, "%o" % args[1], valid(fd, id), decide(fd, id, pid, path, args[0]))
def serve(fd, n):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    seen = 0
    try:
        while True:
            events = poll.poll()[0][1]
            if not events & select.POLLIN:
                break
            seen |= events
            id, pid, flags, nr, arch, ip, *args = receive(fd)
            if nr != MKDIR:
                send(fd, id, flags=1)
                continue
            path = path_at(pid, args[0])
            threading.Thread(target=handle, args=(fd, id, pid, path, args), daemon=True).start()
            if path.endswith("closed"):
                return
        log("end of", n, "hung up" if events & select.POLLHUP else "error")
    except OSError as e:
        log("end of", n, name_of(e))
    os.close(fd)
s = socket.socket(socket.AF_UNIX)
s.bind(work + "/agent.sock")
s.listen(8)
n = 0
while True:
    c, _ = s.accept()
    data, fds, flags, _ = socket.recv_fds(c, 65536, 4)
    n += 1
    json.loads(data)
    with open(work + "/state.%d.new" % n, "wb") as f:
        f.write(data)
    os.rename(work + "/state.%d.new" % n, work + "/state.%d" % n)
    threading.Thread(target=serve, args=(fds[0], n), daemon=True).start()
    c.close()
P
python3 "$work/agent.py" "$work" 2>"$work/agent.err" &
agent=$!
ok "an agent" wait_for 30 test -S "$work/agent.sock"

bundle b sh -c 'cd /tmp; mkdir -p /tmp/dir; sleep 1000'
cat >"$work/b/rootfs/calls" <<'END'
cd /var
t() { mkdir "$@" 2>&1 && echo "$1: made" || :; }
t refused; t /tmp/real; t made-up; t by-agent; t /tmp/by-agent; t odd; t renamed
t both1 & t both2 & wait
ls -d /var/* /tmp/*
grep -E "^(CapEff|CapPrm|Seccomp|NoNewPrivs):" /proc/self/status
END
config "$work/b" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "'"$work"'/agent.sock",
	listenerMetadata: "of the \"test\"", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}
	| .process.args = ["sh", "/calls"] | .annotations = {"org.example.field": "kept"}'
says() { ok "$1 ($2)" grep -qxF -- "$2" "$out"; }
logged() { # WHAT LINE [-E, for a pattern]
	local was=$failures
	ok "$1 ($2)" wait_for 30 grep -qx "${3:--F}" -- "$2" "$work/log"
	((failures == was)) || sed 's/^/    logged: /' "$work/log"
}
before=$(host_state)

run vm run --pid-file "$work/pid" "$work/b" asked </dev/null
is "a container whose agent decides" "$status" 0
((failures == 0)) || exit 1
says "an error of the agent's" "mkdir: can't create directory 'refused': No medium found"
says "the call goes on" "/tmp/real"
says "a success that is none" "made-up: made"
fails_to_show() { ! grep -qx "/var/$1" "$out"; }
ok "nothing appears" fails_to_show made-up
ok "nor for a refused one" fails_to_show refused
says "what the agent makes in the cwd is there" "/var/by-agent"
says "or in the root" "/tmp/by-agent"
says "two at once: the first" "both1: made"
says "and the second" "both2: made"
says "without more rights than it has asked for" $'CapEff:\t0000000020000420'
says "what the agent writes to its memory is there" "/var/written"
ok "in place of what was there" fails_to_show renamed
logged "the path is in its memory" "mkdir refused 777 valid sent"
logged "an absolute one" "mkdir /tmp/real 777 valid sent"
logged "its root and cwd are the container's" \
	"stand-ins: True /var ['bin', 'calls', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'var']"
logged "what the kernel refuses" "odd: ENOENT EINVAL EINVAL ENOENT EOPNOTSUPP EINVAL EINVAL ENXIO"
logged "the end is seen" "end of 1 hung up"
like "the state" "$(jq -c '[.ociVersion, .fds, .metadata, .state.id, .state.status, .state.bundle, .state.annotations,
	.pid == .state.pid]' "$work/state.1")" \
	'^\["1\.[0-9.]+",\["seccompFd"\],"of the \\"test\\"","asked","creating","'"$work"'/b",\{"org.example.field":"kept"\},true\]$'
is "the pid is the container's" "$(jq .pid "$work/state.1")" "$(cat "$work/pid")"
same_state "nothing is left" "$before"

echo "# without no_new_privs, as a user; what comes before the program is asked about, too"
: >"$work/log"
config "$work/b" '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000} |
	.process.args = ["sh", "-c", "mkdir /tmp/refused; mkdir /tmp/real2; grep CapEff: /proc/self/status; exec sleep 1000"] |
	.linux.seccomp.syscalls[0].names += ["read", "close", "execve", "capset", "chdir", "openat", "sendmsg"] |
	.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
vm run -d "$work/b" asked-user >"$out" 2>&1 </dev/null || fail "it runs"
logged "it runs" "mkdir /tmp/real2 777 valid sent"
ok "and goes on" wait_for 30 grep -q CapEff "$out"
says "a user has no capabilities" $'CapEff:\t0000000000000000'

echo "# exec has a listener of its own"
run vm exec asked-user sh -c 'mkdir /tmp/refused; mkdir /tmp/real3; ls /tmp'
says "exec: refused" "real3"
logged "exec: asked" "mkdir /tmp/real3 777 valid sent"
is "exec: its state" "$(jq -c '[.state.status, .state.pid, .pid == .state.pid]' "$work/state.3")" \
	"[\"running\",$(anchor_of asked-user),false]"
fails "exec: a program that is not there" 'nosuch' vm exec asked-user nosuch
run vm exec asked-user sh -c 'mkdir /tmp/closed; mkdir /tmp/after'
is "the agent closes its descriptor: nobody decides" \
	"$(grep -c 'Function not implemented' "$err" || :)" 2

echo "# a process that is killed while the agent thinks"
vm exec -d --pid-file "$work/exec.pid" asked-user mkdir /tmp/slow </dev/null >/dev/null 2>&1
logged "it waits" "slow is here valid"
vm exec asked-user sh -c 'kill -9 $(pidof mkdir)' || fail "it is killed"
# The proxy of the exec goes with it, so its listener may be gone before the agent can ask.
gone='(ENOENT|ECONNABORTED|ENOTCONN)'
logged "the agent is told" "(mkdir /tmp/slow 777 valid too late: $gone $gone|end of 6 .*)" -E
vm exec asked-user true || fail "others go on"

echo "# the anchor is killed"
kill -KILL "$(anchor_of asked-user)"
# Nobody serves the file any more; or the guest, which ends as well, could say so before.
logged "the agent sees the end" "end of 2 (error|hung up)" -E
vm delete --force asked-user
same_state "nothing is left" "$before"

echo "# what cannot be"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/nobody.sock"
refused() { # WHAT FILTER PATTERN
	cp "$work/b/config.json" "$work/config.json"
	config "$work/b" "$2"
	fails "$1" "$3" vm create --bundle "$work/b" asked-not
	cp "$work/config.json" "$work/b/config.json"
}
refused "no socket" '.linux.seccomp.listenerPath = "/nosuch/socket"' \
	'config.json: linux\.seccomp\.listenerPath: failed to connect with seccomp agent at /nosuch/socket: No such file'
refused "nobody listens" ".linux.seccomp.listenerPath = \"$work/nobody.sock\"" \
	'linux\.seccomp\.listenerPath: .*nobody.sock: Connection refused'
refused "no socket but a file" ".linux.seccomp.listenerPath = \"$work/log\"" \
	'linux\.seccomp\.listenerPath: .*/log: Socket operation on non-socket'
refused "no path" 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata)' \
	'linux\.seccomp\.listenerPath: missing'
refused "metadata for nobody" 'del(.linux.seccomp.listenerPath)' 'linux\.seccomp\.listenerMetadata: needs listenerPath'
refused "a default that notifies" '.linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY"' 'linux\.seccomp\.defaultAction: '
refused "write" '.linux.seccomp.syscalls[0].names += ["write"]' 'linux\.seccomp\.syscalls\[0\]\.names\[9\]: .* the write syscall$'
mkdir "$work/dev"
cp -a /dev/null /dev/urandom "$work/dev"
without_fuse() { unshare -m sh -c 'mount --bind "$1/dev" /dev && shift && exec "$@"' - "$work" "$VMRUN" --root "$root" "$@"; }
fails "no FUSE" 'linux\.seccomp\.listenerPath: needs FUSE .*modprobe fuse' without_fuse create --bundle "$work/b" asked-not
same_state "nothing is left of them" "$before"
kill "$agent"
wait "$agent" || :
[[ ! -s $work/agent.err ]] || fail "the agent is not well: $(tail -3 "$work/agent.err")"
