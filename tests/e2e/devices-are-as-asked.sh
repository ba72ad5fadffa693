#!/bin/bash
# Devices: nodes of all types with mode and owner, those of every container, rules of the device
# cgroup as runc has them; for /dev as a tmpfs and in the image.
. "$(dirname "$0")/lib.sh"
inside=$(dirname "$VMRUN")/tests/e2e/bin/inside

bundle b sh -c 'touch /tmp/told; exec sleep 1000'
fs=$work/b/rootfs
cp "$inside" "$fs/bin/"
# shellcheck disable=SC2016
config "$work/b" '.linux.devices = [
	{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 8576, uid: 7, gid: 8},
	{path: "/dev/deep/er/block", type: "b", major: 7, minor: 3, fileMode: 432},
	{path: "/dev/unbuffered", type: "u", major: 1, minor: 11},
	{path: "/elsewhere/pipe", type: "p", fileMode: 384, uid: 9},
	{path: "/elsewhere/node", type: "c", major: 1, minor: 11, fileMode: 416, gid: 8},
	{path: "/dev/zero", type: "c", major: 1, minor: 7, fileMode: 292},
	{path: "/dev/kmsg", type: "c", major: 1, minor: 11},
	{path: "/dev/mem", type: "c", major: 1, minor: 1},
	{path: "/dev/port", type: "c", major: 1, minor: 4},
	{path: "/dev/ptmx0", type: "c", major: 5, minor: 2}]
	| .linux.resources.devices = [
		{allow: false, access: "rwm"},
		{allow: true, type: "c", major: 1, minor: 11, access: "r"},
		{allow: true, type: "b", access: "r"},
		{allow: true, type: "c", major: 1, access: "w"},
		{allow: false, type: "c", major: 1, minor: 4, access: "rw"},
		{allow: true, type: "c", major: 10, minor: 229, access: "rw"},
		{allow: false, type: "c", major: 1, minor: 9, access: "w"}]
	| .process.capabilities[] |= . + ["CAP_MKNOD", "CAP_SYS_RAWIO", "CAP_SYSLOG", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]'
vm run -d "$work/b" c >/dev/null 2>"$err" </dev/null || fail "it runs"
in_c() { vm exec c "$@"; }
ok "the container runs" wait_for 30 in_c test -e /tmp/told
((failures == 0)) || exit 1

run in_c sh -c '
	for d in fuse deep/er/block unbuffered null random full tty zero urandom ptmx0; do
		echo "$d: $(stat -c "%F %t:%T %a %u %g" /dev/$d)"; done
	echo "node: $(stat -c "%F %t:%T %a %u %g" /elsewhere/node) $(inside open r /elsewhere/node)"
	echo "pipe: $(stat -c "%F %a %u %g" /elsewhere/pipe)"
	for l in fd stdin stdout stderr ptmx core; do echo "$l: $(readlink /dev/$l)"; done
	try() { echo "$1 $2: $(inside open $1 /dev/$2)"; }
	for d in null zero full random tty; do try r $d; try w $d; done
	try r urandom; try w urandom; try rw fuse; try r kmsg; try w kmsg; try rw kmsg; try w mem; try r mem
	try w port; try r ptmx; try w ptmx; try r deep/er/block; try w deep/er/block
	echo "mknod c: $(inside mknod c 99 1 /dev/node)"; echo "mknod b: $(inside mknod b 99 2 /dev/node2)"
	echo "open what was made: $(inside open r /dev/node)"; echo "block, too: $(inside open r /dev/node2)"'
told=$(<"$out")
tells() { is "$1: $2" "$(sed -n "s|^$1: ||p" <<<"$told")" "$2"; }
tells fuse 'character special file a:e5 600 7 8'
tells deep/er/block 'block special file 7:3 660 0 0'
tells unbuffered 'character special file 1:b 666 0 0'
tells node 'character special file 1:b 640 0 8 ok'
tells pipe 'fifo 600 9 0'
tells null 'character special file 1:3 666 0 0'
tells random 'character special file 1:8 666 0 0'
tells full 'character special file 1:7 666 0 0'
tells urandom 'character special file 1:9 666 0 0'
tells tty 'character special file 5:0 666 0 0'
tells zero 'character special file 1:7 444 0 0' # the configuration's, not the default one
tells fd /proc/self/fd
tells stdin /proc/self/fd/0
tells stdout /proc/self/fd/1
tells stderr /proc/self/fd/2
tells ptmx pts/ptmx
for d in null full random zero; do
	tells "r $d" ok
	tells "w $d" ok
done
like "r tty is not denied" "$told" $'\nr tty: (ok|ENXIO)'
tells "r urandom" ok
tells "w urandom" ok # those of every container come last
tells "rw fuse" ok
tells "r kmsg" ok
tells "w kmsg" ok
tells "rw kmsg" ok # each bit by a rule of its own
tells "w mem" ok
tells "r mem" EPERM
tells "w port" EPERM
tells "r ptmx" ok
like "reading a block device is not denied" "$told" $'\nr deep/er/block: (ok|ENXIO|ENODEV)'
tells "w deep/er/block" EPERM
tells "mknod c" ok # as under runc: of any, which opens nothing
tells "mknod b" ok
tells "open what was made" EPERM
like "a block device again" "$told" $'block, too: (ENXIO|ENODEV)'

echo "# update"
# rules: what they let the container do with a device, and one that all have.
rules() { for way in r w; do in_c inside open $way /dev/mem; done | tr '\n' ' '; in_c inside open rw /dev/null; }
update() { vm update --resources - c <<<"$1"; }
readable='{"allow": true, "type": "c", "major": 1, "minor": 1, "access": "r"}'
ok "update without rules" update '{"pids": {"limit": 77}}'
is "leaves them alone" "$(rules)" "EPERM ok ok"
fails "rules that are none" 'stdin: devices\[1\]\.access: must be of "rwm", got "x"' \
	update "{\"devices\": [$readable, {\"allow\": true, \"access\": \"x\"}]}"
fails "rules with a limit that is refused" 'memory\.nosuch' \
	update "{\"devices\": [$readable], \"unified\": {\"memory.nosuch\": \"1\"}}"
is "they are as they were" "$(rules)" "EPERM ok ok"
ok "update with rules" update "{\"devices\": [{\"allow\": false, \"access\": \"rwm\"}, $readable], \"pids\": {\"limit\": 78}}"
is "which are those of the processes that run, too, in the place of the others" \
	"$(rules) $(in_c cat /sys/fs/cgroup/pids.max)" "ok EPERM ok 78"
ok "and once more" update '{"devices": [{"allow": true, "access": "rwm"}]}'
is "the last ones hold" "$(rules)" "ok ok ok"
vm delete --force c

echo "# without a tmpfs at /dev, in a user namespace, everything allowed"
rm -rf "${fs:?}/dev"
mkdir -m 755 "$fs/dev"
config "$work/b" '.mounts |= map(select(.destination | startswith("/dev") | not))
	| .linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
	| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
	| .linux.devices |= map(select(.path == "/dev/fuse" or .path == "/dev/mem"))
	| .linux.resources.devices = [{allow: true, access: "rwm"}]'
chown -R 100000:100000 "$fs"
config "$work/b" '.process.args = ["sh", "-c", "stat -c \"%t:%T %a %u %g\" /dev/fuse; inside open rw /dev/fuse; inside open w /dev/null; inside open r /dev/zero"]'
run vm run "$work/b" c3
is "nodes are there, and owned by whom they should be" "$(tr '\n' ' ' <"$out")" 'a:e5 600 7 8 ok ok ok '
is "what was left in the image is no node" "$(stat -c %F "$fs/dev/fuse")" 'regular empty file'

echo "# something else where a device should be"
refused() {
	cp "$work/b/config.json" "$work/config"
	config "$work/b" "$3"
	fails "$1" "$2" vm create --bundle "$work/b" refused
	cp "$work/config" "$work/b/config.json"
}
config "$work/b" 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
	| .mounts += [{destination: "/dev", type: "tmpfs", source: "tmpfs"}]'
ln -s /etc/passwd "$fs/link"
refused "a file" 'device /etc/passwd: something else is there' \
	'.linux.devices = [{path: "/etc/passwd", type: "c", major: 1, minor: 3}]'
refused "a symlink" 'device /link: something else is there' '.linux.devices = [{path: "/link", type: "p", fileMode: 511}]'
is "it was left alone" "$(stat -c '%F %a' "$fs/etc/passwd")" 'regular file 644'
