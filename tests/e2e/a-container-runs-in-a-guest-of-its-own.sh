#!/bin/bash
# Output on the right streams, exit status, identity of the guest: the main job.
. "$(dirname "$0")/lib.sh"

script='uname -r; id -u; cat /proc/1/cgroup; cat /proc/mounts; ls -a /; echo out; echo err >&2; exit 7'
bundle b sh -c "$script"
before=$(host_state)

run vm run "$work/b"
is "exit status is the program's" "$status" 7
is "stderr has what was written there" "$(cat "$err")" err
like "stdout has what was written there" "$(tail -1 "$out")" '^out$'
kernel=$(head -1 "$out")
like "a Linux runs in the guest" "$kernel" '^[0-9]+\.[0-9]+'
if [[ $kernel == "$(uname -r)" ]]; then
	echo "  note: host and guest run the same kernel release ($kernel)"
fi
is "the user is root" "$(sed -n 2p "$out")" 0
is "the container sees its own cgroup root" "$(sed -n 3p "$out")" "0::/"
like "the rootfs is a share" "$(cat "$out")" '/ (virtiofs|fuse)'
like "the usual mounts are there" "$(tr '\n' ' ' <"$out")" '/proc proc.* /dev tmpfs.* /dev/pts devpts'

run vm run "$work/b" named
is "an id may be given" "$status" 7
(cd "$work/b" && run vm run named2 && echo "$status" >"$work/status")
is "the bundle may be the working directory" "$(cat "$work/status")" 7

# The init of a pid namespace is not harmed by its own signals, but by SIGKILL from outside.
bundle kills sh -c 'echo up; while :; do sleep 0.2; done'
vm run "$work/kills" killed >"$work/killed.out" </dev/null &
runner=$!
up() { grep -q up "$work/killed.out"; }
ok "it runs" wait_for 60 up
vm kill killed KILL
code=0
wait $runner || code=$?
is "death by signal 9 is 137" "$code" 137
same_state "nothing is left behind" "$before"

if [[ -d $E2E_CACHE/debian ]]; then
	debian d bash -c 'id; . /etc/os-release; echo $ID; exit 9'
	run vm run "$work/d"
	is "a Debian container runs" "$status $(tail -1 "$out")" "9 debian"
else
	echo "  skipped - no Debian tree in $E2E_CACHE"
fi
