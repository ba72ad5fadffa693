#!/bin/bash
# Mounts of config.json: file systems and their options, binds of directories and files, propagation,
# options for whole trees, overlays; destinations through symlinks stay in the rootfs.
. "$(dirname "$0")/lib.sh"
inside=$(dirname "$VMRUN")/tests/e2e/bin/inside

bundle b sh -c 'cat /proc/self/mountinfo; touch /tmp/told; exec sleep 1000'
cp "$inside" "$work/b/rootfs/bin/"
fs=$work/b/rootfs
v=$work/volume
mkdir -p "$v/below" "$v/dir" "$work/secret"
echo file >"$v/file"
mknod -m 666 "$v/node" c 1 7
mknod -m 666 "$v/other" c 1 1
echo untouched >"$work/secret/file"
mount -t tmpfs tmpfs "$v/below"
echo below >"$v/below/file"

# A disk whose programs are not for running.
mkdir "$work/strict"
mount -t tmpfs -o nosuid,nodev,noexec tmpfs "$work/strict"
cp "$inside" "$work/strict/"

# What is at a destination already, and hostile symlinks in the image.
mkdir -p "$fs/filled/sub" "$fs/deep/er"
echo content >"$fs/filled/sub/file"
ln -s file "$fs/filled/sub/link"
chmod 711 "$fs/filled"
ln -s "$work/secret" "$fs/absolute"
ln -s ../../../../../../../../../../.."$work/secret" "$fs/deep/er/dots"
ln -s ../../../../../../etc/new "$fs/deep/dangling"
ln -s loop "$fs/loop"
ln -s ../../no/such/place "$fs/deep/nowhere"
ln -s ../../.. "$v/dir/up"

mkdir -p "$work/lower" "$work/disk"
disk "$work/disk" # an overlay cannot be the upper layer of another
mkdir "$work/disk/upper" "$work/disk/w"
echo lower >"$work/lower/file"

add() { config "$work/b" ".mounts += [$1]"; }
bind() { # DESTINATION OPTIONS... of the volume
	local dest=$1
	shift
	jq -n '{destination: $dest, type: "bind", source: $source, options: $ARGS.positional}' \
		--arg dest "$dest" --arg source "${source:-$v}" --args "$@"
}
tmp() {
	local dest=$1 type=$2
	shift 2
	jq -n '{destination: $dest, type: $type, source: "none", options: $ARGS.positional}' \
		--arg dest "$dest" --arg type "$type" --args "$@"
}
add "$(bind /m/bind bind)"
add "$(bind /m/rbind rbind)"
add "$(bind /m/ro rbind ro nosuid nodev noexec noatime nodiratime nosymfollow)"
add "$(bind /m/rro rbind rro rnosuid rnodev rnoexec rnoatime rnosymfollow)"
add "$(bind /m/private rbind rprivate)"
add "$(bind /m/slave rbind rslave)"
add "$(bind /m/shared bind shared)"
add "$(bind /m/unbindable bind unbindable)"
add "$(source=$work/strict bind /m/strict rbind rprivate)"
add "$(source=$work/strict bind /m/strict.ro bind ro)"
source=$v/file add "$(source=$v/file bind /m/file bind)"
add "$(source=$v/file bind /m/ro.file bind ro)"
add "$(source=/dev/null bind /m/null bind)"
add "$(source=$v/file bind /deep/nowhere bind ro)"
add "$(tmp /m/tmpfs tmpfs size=64k mode=1750 uid=7 gid=8 nr_inodes=99 nosuid strictatime)"
add "$(tmp /filled tmpfs tmpcopyup)"
add "$(tmp /m/ro.tmpfs tmpfs ro)"
add "$(tmp /m/ro.tmpfs/inner tmpfs size=4k)"
add "$(tmp /m/ramfs ramfs mode=700)"
add "$(tmp /m/mqueue mqueue)"
add "$(tmp /m/pts devpts newinstance ptmxmode=0620 mode=0600 gid=5)"
add "$(tmp /m/proc proc hidepid=2 subset=pid)"
add "$(tmp /m/sys sysfs ro nosuid)"
add "$(tmp /m/cgroup cgroup ro relatime)"
add "$(tmp /m/huge hugetlbfs pagesize=2M size=4M)"
add "$(tmp relative/dir tmpfs)"
add "$(tmp /absolute/in tmpfs)"
add "$(tmp /deep/er/dots/too tmpfs)"
add "$(tmp /deep/dangling tmpfs)"
add "$(tmp /m/bind/dir/up/up tmpfs)"
add "$(tmp /m/overlay overlay "lowerdir=$work/lower" "upperdir=$work/disk/upper" "workdir=$work/disk/w" nodev)"
add "$(tmp /m/changed tmpfs size=64k)"
add "$(tmp /m/changed none remount ro noexec size=128k)"
config "$work/b" '.linux.rootfsPropagation = "rslave" | .linux.namespaces += [{type: "ipc"}] | .linux.namespaces |= unique'

vm run -d "$work/b" c >"$work/mounts" 2>"$err" </dev/null || fail "it runs"
in_c() { vm exec c "$@"; }
ok "the container runs" wait_for 30 in_c test -e /tmp/told
((failures == 0)) || exit 1
# option|super option|propagation of what is mounted at a place
mount_of() { awk -v at="$1" '$5 == at {o = $6; p = ""; for (i = 7; $i != "-"; i++) p = p $i " ";
	print o " | " $(i + 1) " | " $(i + 3) " | " p}' "$work/mounts" | tail -n 1; }

run in_c sh -c '
	t() { if "$@" >/dev/null 2>&1; then echo -n "yes "; else echo -n "no "; fi; }
	say() { echo; echo -n "$1: "; }
	say bind; t test -e /m/bind/file; t test -e /m/bind/below/file; t touch /m/bind/made
	say rbind; t test -e /m/rbind/below/file; t touch /m/rbind/below/made
	say ro; t touch /m/ro/x; t test -e /m/ro/below/file
	say rro; t touch /m/rro/x; t touch /m/rro/below/x; t test -e /m/rro/below/file
	say nosymfollow; t ls /m/ro/dir/up/; t ls /m/bind/dir/up/
	say file; cat /m/file | tr "\n" " "; t sh -c "echo more >>/m/file"; t sh -c "echo more >>/m/ro.file"
	say nodes; t sh -c "cat </m/bind/node | head -c 1"; t sh -c "echo x >/m/bind/node"; t cat /m/bind/other
	say null; stat -c %t:%T /m/null | tr "\n" " "; t sh -c "echo x >/m/null"
	say tmpfs; stat -c "%a %u %g" /m/tmpfs | tr "\n" " "; df -k /m/tmpfs | awk "NR == 2 {printf \"%s \", \$2}"
	say copyup; cat /filled/sub/link | tr "\n" " "; stat -c %a /filled | tr "\n" " "; echo changed >/filled/sub/file
	say modes; stat -c %a /m/ro.tmpfs/inner /m/ro.tmpfs | tr "\n" " "; grep -c "^none /filled tmpfs .*mode=711" /proc/mounts
	say ro.tmpfs; t touch /m/ro.tmpfs/x; t touch /m/ro.tmpfs/inner/x
	say pts; stat -c %a /m/pts/ptmx | tr "\n" " "
	say proc; t test -e /m/proc/self; t test -e /m/proc/cpuinfo
	say cgroup; t test -e /m/cgroup/cgroup.controllers
	say relative; t touch /relative/dir/x
	say overlay; cat /m/overlay/file | tr "\n" " "; t sh -c "echo upper >/m/overlay/file"; t touch /m/overlay/new
	say changed; t touch /m/changed/x; df -k /m/changed | awk "NR == 2 {printf \"%s \", \$2}"
	echo'
told=$(<"$out")
# tells WHAT LINE ANSWERS
tells() { is "$1" "$(sed -n "s/^$2: //p" <<<"$told" | sed 's/ $//')" "$3"; }
tells "bind leaves out what is mounted below its source" bind 'yes no yes'
tells "rbind does not" rbind 'yes yes'
tells "ro" ro 'no yes'
tells "rro holds for all of the tree" rro 'no no yes'
tells "nosymfollow" nosymfollow 'no yes'
tells "a file" file 'file yes no'
tells "a device that all containers have" null '1:3 yes'
tells "nodes in a bound directory are the guest's devices, by the container's rules" nodes 'yes no no'
tells "a tmpfs: mode, owner, size" tmpfs '1750 7 8 64'
tells "tmpcopyup" copyup 'content 711'
tells "a tmpfs has its own mode where there was nothing, else the directory's, as an option" modes '1777 1777 1'
tells "a read-only tmpfs with another one in it" ro.tmpfs 'no yes'
tells "devpts" pts 620
tells "proc" proc 'yes no'
tells "cgroup is cgroup2" cgroup yes
tells "a relative destination" relative yes
tells "an overlay" overlay 'lower yes yes'
tells "a remount" changed 'no 128'

like "mount flags of a bind" "$(mount_of /m/ro)" '^ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow '
like "a bind that names none has those of the host's mount" "$(mount_of /m/strict)" '^rw,nosuid,nodev,noexec,'
if in_c /m/strict/inside clocks >/dev/null 2>&1; then fail "and they hold"; else pass "and they hold"; fi
like "one that names some has these" "$(mount_of /m/strict.ro)" '^ro,relatime '
like "of a whole tree" "$(mount_of /m/rro)" '^ro,nosuid,nodev,noexec,noatime,nosymfollow '
like "and of what is in it" "$(in_c cat /proc/self/mountinfo | grep ' /m/rro/below ' || echo "${told:+one mount}")" ' ro,|one mount'
for at in "$work/secret/in" "$work/secret/too" /etc/new /up; do
	like "symlinks lead nowhere but into the rootfs: $at" "$(mount_of "$at")" tmpfs
done
is "a file behind one, too" "$(in_c head -n 1 /no/such/place)" file
like "rprivate" "$(mount_of /m/private)" '\| $'
like "rslave and shared and unbindable, whatever the root is" \
	"$(mount_of /m/slave)-$(mount_of /m/shared)-$(mount_of /m/unbindable)" '-.* \| shared:[0-9]+ -.*unbindable $'
like "hidepid and subset" "$(mount_of /m/proc)" 'hidepid=invisible,subset=pid'
like "hugetlbfs" "$(mount_of /m/huge)" 'hugetlbfs.*pagesize=2M,size=4194304'
like "mqueue, ramfs, sysfs" "$(mount_of /m/mqueue)$(mount_of /m/ramfs)$(mount_of /m/sys)" \
	'mqueue .*ramfs .*ro,nosuid.*sysfs '
like "nodev of an overlay" "$(mount_of /m/overlay)" 'nodev'

echo "# on the host"
is "the file has what was written" "$(tr '\n' ' ' <"$v/file")" 'file more '
is "the overlay's upper layer, too" "$(<"$work/disk/upper/file")-$(<"$work/lower/file")" upper-lower
is "tmpcopyup left the image alone" "$(<"$fs/filled/sub/file")" content
is "nothing was made outside of the rootfs" "$(ls "$work/secret")$(<"$work/secret/file")" fileuntouched
vm delete --force c

echo "# what cannot be mounted"
refused() {
	cp "$work/b/config.json" "$work/config"
	config "$work/b" ".mounts = [$3]"
	fails "$1" "$2" vm create --bundle "$work/b" refused
	cp "$work/config" "$work/b/config.json"
}
mknod "$work/sda" b 8 0
mkfifo "$work/fifo"
refused "a device of the host" 'mounts\[0\]\.source: .*/sda is a device of the host' "$(source=$work/sda bind /m/sda bind)"
refused "a pipe" 'mounts\[0\]\.source: .*/fifo is a pipe' "$(source=$work/fifo bind /m/fifo bind)"
refused "crun's way to map ids" 'mounts\[0\]\.options\[1\]: "idmap=uids=0-1-10" is not supported, ' "$(bind /m/x bind idmap=uids=0-1-10)"
refused "a loop of symlinks" 'mounts\[0\]: .*(symbolic links|ELOOP)' "$(tmp /loop/in tmpfs)"
refused "the root as destination" 'mounts\[0\]: .*the destination is the root' "$(tmp /m/../ tmpfs)"
refused "proc behind a symlink" 'mounts\[0\]: .*proc must be mounted on ordinary directory, not through a symlink' "$(tmp /absolute proc)"
refused "a directory on a file" 'mounts\[0\]: .*is not a directory' "$(bind /etc/passwd bind)"
refused "an unknown file system" 'mounts\[0\]: .*nosuchfs' "$(tmp /m/x nosuchfs)"
refused "an unknown option" 'mounts\[0\]: .*flavour' "$(tmp /m/x tmpfs flavour=sweet)"
