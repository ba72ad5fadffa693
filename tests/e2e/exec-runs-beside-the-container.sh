#!/bin/bash
# exec: exit status, environment, user, working directory, process file, detached, many at once.
. "$(dirname "$0")/lib.sh"
bundle b sh -c 'echo marker >/tmp/m; while :; do sleep 0.2; done'
config "$work/b" '(.mounts[] | select(.destination == "/sys/fs/cgroup").options) -= ["ro"]'
vm run -d "$work/b" c >/dev/null 2>&1 </dev/null
in_c() { vm exec c "$@"; }
ok "the container runs" wait_for 30 in_c test -e /tmp/m

is "same file system" "$(in_c cat /tmp/m)" marker
is "same pid namespace" "$(in_c sh -c 'tr "\0" " " </proc/1/cmdline | cut -c1-5')" "sh -c"
is "stdin reaches it, end of file too" "$(seq 1 20000 | in_c sha256sum)" "$(seq 1 20000 | sha256sum)"
run in_c sh -c 'exit 42'
is "exit status" "$status" 42
run in_c sh -c 'kill -9 $$'
is "killed by 9" "$status" 137
is "--env" "$(vm exec --env A=b -e C=d c sh -c 'echo $A$C')" bd
is "--env in place of what there was" "$(vm exec --env PATH=/bin:/x c sh -c 'echo $PATH; env | grep -c ^PATH=')" $'/bin:/x\n1'
is "--cap" "$(vm exec --cap CAP_SYS_TIME c sh -c 'grep CapEff /proc/self/status | cut -f2')" "$(printf '%016x' $((0x20000420 | 1 << 25)))"
is "--cwd" "$(vm exec --cwd /etc c pwd)" /etc
in_c mkdir /sys/fs/cgroup/below
is "--cgroup" "$(vm exec --cgroup below c cat /proc/self/cgroup)" 0::/below
is "--cgroup as from the container's root" "$(vm exec --cgroup /below c cat /proc/self/cgroup)" 0::/below
fails "--cgroup leads no higher" 'cgroup' vm exec --cgroup ../../below c cat /proc/self/cgroup
is "--user" "$(vm exec --user 1000:1000 c id -u)$(vm exec -u 1000:1000 c id -g)" 10001000
fails "an unknown program" 'executable file not found in \$PATH' vm exec c no-such-program
fails "a program that is not executable" 'permission denied' vm exec c /etc/passwd
fails "an unknown container" 'does not exist' vm exec nosuch true

cat >"$work/process.json" <<'J'
{"args": ["sh", "-c", "echo $X in $(pwd) as $(id -u)"], "cwd": "/tmp", "env": ["PATH=/bin", "X=file"],
 "user": {"uid": 1000, "gid": 1000}}
J
is "--process" "$(vm exec --process "$work/process.json" c)" "file in /tmp as 1000"

vm exec -d --pid-file "$work/exec.pid" c sh -c 'sleep 0.5; echo done >/tmp/detached' >/dev/null 2>&1 </dev/null
ok "--detach leaves a process on the host" test -s "$work/exec.pid"
ok "and the work is done" wait_for 30 in_c test -e /tmp/detached

vm exec -d --pid-file "$work/exec2.pid" c sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' \
	>/dev/null 2>&1 </dev/null
kill -TERM "$(cat "$work/exec2.pid")"
is_gone() { ! kill -0 "$(cat "$work/exec2.pid")" 2>/dev/null; }
ok "a signal to the exec's process on the host reaches it" wait_for 30 is_gone

for i in 1 2 3 4 5 6 7 8; do
	(in_c echo "number $i" >"$work/many.$i") &
done
wait
is "eight at once" "$(cat "$work"/many.* | sort | tr '\n' ' ')" \
	"$(for i in 1 2 3 4 5 6 7 8; do echo "number $i"; done | tr '\n' ' ')"
