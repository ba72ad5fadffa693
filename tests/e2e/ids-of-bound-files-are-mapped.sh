#!/bin/bash
# idmap and ridmap: what owns a bound file in the container, and on the disk when the container has
# made it; with mappings of the mount's own and with those of the container's user namespace. What
# crun says of the same bundle is compared where crun can run.
. "$(dirname "$0")/lib.sh"

version=$(uname -r)
IFS=.- read -r major minor _ <<<"$version"
((major > 5 || (major == 5 && minor >= 12))) || skip "Linux $version cannot mount with mapped ids"

# Of ext4 every such kernel can map the ids; of tmpfs it is 6.3 and later.
v=$work/volume
mkdir "$v"
disk "$v"
mkdir "$v/below" "$v/made"
truncate -s 64M "$work/below.image"
mkfs.ext4 -q "$work/below.image"
mount -o loop "$work/below.image" "$v/below"
for file in "$v/0" "$v/7" "$v/5000" "$v/below/0"; do
	echo "of ${file##*/}" >"$file"
	chown "${file##*/}:${file##*/}" "$file"
done
chmod 600 "$v/7" "$v/5000"
chmod 777 "$v/made"
owner() { stat -c %u:%g "$@" | tr '\n' ' '; }

bundle b sh -c 'echo ready; exec sleep 1000'
config "$work/b" '.process.capabilities[] += ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"]'
plain=$work/plain.json
cp "$work/b/config.json" "$plain"
mkdir "$work/b/rootfs/m"
before=$(host_state)

# bind DESTINATION SOURCE MAPPINGS OPTIONS...: a mount; MAPPINGS is UID GID, the ids of the guest
# that the first ten of the disk become, or "".
bind() {
	local dest=$1 source=$2 mappings=$3
	shift 3
	jq -n '{destination: $dest, type: "bind", source: $source, options: $ARGS.positional}
		+ if $m == "" then {} else ($m | split(" ") | map([{containerID: 0, hostID: tonumber, size: 10}])
			| {uidMappings: .[0], gidMappings: .[1]}) end' \
		--arg dest "$dest" --arg source "$source" --arg m "$mappings" --args "$@"
}
mounts() { # MOUNT...: these and the usual ones
	cp "$plain" "$work/b/config.json"
	config "$work/b" ".mounts += [$(IFS=, && echo "$*")]"
}

echo "# mappings of the mount's own"
own="1000 2000"
mounts "$(bind /m/own "$v" "$own" bind)" "$(bind /m/plain "$v" "" bind)" "$(bind /m/idmap "$v" "$own" rbind idmap)" \
	"$(bind /m/ridmap "$v" "$own" rbind ridmap)" "$(bind /m/file "$v/7" "$own" bind idmap)" \
	"$(bind /m/ro "$v" "$own" bind ro idmap)"
run vm run -d "$work/b" c </dev/null
is "it runs" "$status" 0
((status == 0)) || exit 1
in_c() { vm exec c "$@"; }
as() { vm exec --user "$1" c "${@:2}"; }
is "owners that the container sees, those without a mapping too" \
	"$(in_c stat -c %u:%g /m/own/0 /m/own/7 /m/own/5000 | tr '\n' ' ')" "1000:2000 1007:2007 65534:65534 "
is "the same files without it" "$(in_c stat -c %u:%g /m/plain/0 /m/plain/7 | tr '\n' ' ')" "0:0 7:7 "
is "of a single file" "$(in_c stat -c %u:%g /m/file)" 1007:2007
is "idmap is for the mount alone" "$(in_c stat -c %u:%g /m/idmap/0 /m/idmap/below/0 | tr '\n' ' ')" "1000:2000 0:0 "
is "ridmap for those below it, too" \
	"$(in_c stat -c %u:%g /m/ridmap/0 /m/ridmap/below/0 | tr '\n' ' ')" "1000:2000 1000:2000 "
is "its owner may read it" "$(as 1007:2007 cat /m/own/7)" "of 7"
fails "another may not" 'Permission denied' as 1006:2006 cat /m/own/7
fails "and who has the id that stands for none is not the owner of what has none" 'Permission denied' \
	as 65534:65534 cat /m/own/5000
fails "nobody may write where it is read-only" 'Read-only' as 1007:2007 sh -c 'echo >/m/ro/7'

run as 1003:2004 sh -ec 'cd /m/own/made; echo made >file; echo more >>file; mkdir dir; ln -s file link
	mkfifo fifo; ln file hard; mv hard dir/moved; chmod 640 file; cat dir/moved'
is "files are made, linked, renamed" "$(tr '\n' ' ' <"$out")" "made more "
is "and their owner on the disk is the mapped one" \
	"$(owner "$v/made/"{file,dir,link,fifo,dir/moved}; stat -c %a "$v/made/file")" "3:4 3:4 3:4 3:4 3:4 640"
fails "who has no mapping makes nothing" 'Value too large' in_c touch /m/own/made/not
ok "nothing is there" test ! -e "$v/made/not"
in_c chown 1009:2008 /m/own/made/file
is "chown maps, too" "$(owner "$v/made/file")" "9:8 "
run in_c chown 5:5 /m/own/made/file
like "not to an id without a mapping" "$status $(owner "$v/made/file")" '^[1-9][0-9]* 9:8 $'
in_c rm -r /m/own/made/dir /m/own/made/file
ok "and what was made can be removed" test ! -e "$v/made/dir"
vm delete --force c
rm -f "$v/made/"*
same_state "nothing is left of it" "$before"

echo "# mappings of the container's user namespace"
user='.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
	| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 1000}]
	| .mounts |= map(select(.type != "sysfs"))'
chown -R 100000:200000 "$work/b/rootfs"
mounts "$(bind /m/user "$v" "" bind idmap)" "$(bind /m/own "$v" "100005 200006" bind idmap)" \
	"$(bind /m/plain "$v" "" bind)"
config "$work/b" "$user"
run vm run -d "$work/b" u </dev/null
is "it runs" "$status" 0
in_u() { vm exec u "$@"; }
is "owners are the disk's in the container" \
	"$(in_u stat -c %u:%g /m/user/0 /m/user/7 /m/user/5000 | tr '\n' ' ')" "0:0 7:7 65534:65534 "
is "a mapping of the mount's own comes before the container's" \
	"$(in_u stat -c %u:%g /m/own/0 /m/own/7 | tr '\n' ' ')" "5:6 12:13 "
is "without a mapping they are nobody's" "$(in_u stat -c %u:%g /m/plain/0)" 65534:65534
in_u sh -c 'echo of the container >/m/user/made/root; cat /m/user/7 >/dev/null'
vm exec --user 33:44 u sh -c 'echo >/m/user/made/user; echo >/m/own/made/none' 2>/dev/null || :
is "and on the disk, of what the container makes" "$(owner "$v/made/root" "$v/made/user")" "0:0 33:44 "
ok "what the mount's own mapping does not have is not made" test ! -e "$v/made/none"
in_u sh -c 'mkdir /m/user/made/theirs && chmod 755 /m/user/made/theirs && chown 5:5 /m/user/made/theirs &&
	cd /m/user/made/theirs && echo >a && mv a b && ln b c' || :
is "its root may in the directories of its other users" "$(owner "$v/made/theirs" "$v/made/theirs/c")" "5:5 0:0 "
in_u sh -c 'rm -r /m/user/made/*'
is "and remove it all" "$(ls "$v/made")" ""

# The same bundle under crun, without what this machine may lack for it.
cat >"$work/ask" <<'A'
stat -c '%n %u:%g' /m/user/0 /m/user/7 /m/user/5000 /m/own/0 /m/own/5000 /m/plain/0
echo >/m/user/made/root 2>/dev/null || echo not root
echo >/m/own/made/own 2>/dev/null || echo not own
A
asked=$(in_u sh -c "$(<"$work/ask")" 2>/dev/null; owner "$v/made/"*)
vm delete --force u
rm -f "$v/made/"*
if command -v crun >/dev/null; then
	mkdir "$work/crun"
	cp "$work/b/config.json" "$work/config"
	chmod 711 "$work" "$work/b"
	config "$work/b" '.ociVersion = "1.0.2" | .process.args = ["sh", "-c", $ask] | del(.linux.resources)' --arg ask "$(<"$work/ask")"
	run unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null
		exec crun --root "$1" --cgroup-manager=disabled run --bundle "$2" vmrun-e2e-ids' \
		sh "$work/crun" "$work/b" </dev/null
	if ((status == 0)); then
		is "as under crun" "$asked" "$(cat "$out"; owner "$v/made/"*)"
	else
		echo "  not compared with crun, which fails here: $(tail -n 1 "$err")"
	fi
	cp "$work/config" "$work/b/config.json"
	rm -f "$v/made/"*
fi

echo "# what cannot be mapped"
refused() { # WHAT PATTERN MOUNT
	mounts "$3"
	fails "$1" "$2" vm create --bundle "$work/b" refused
}
refused "a file system that cannot" \
	'mounts\[[0-9]+\]\.uidMappings: the file system of /sys/kernel cannot be mounted with mapped ids on this kernel' \
	"$(bind /m/x /sys/kernel "$own" bind idmap)"
mount -t sysfs sysfs "$v/below"
refused "one below, with ridmap" 'mounts\[[0-9]+\]\.uidMappings: .* or one below it cannot be mounted with mapped ids' \
	"$(bind /m/x "$v" "$own" rbind ridmap)"
umount "$v/below"
refused "without a mapping anywhere" 'mounts\[[0-9]+\]\.options: to map ids takes uidMappings' \
	"$(bind /m/x "$v" "" bind idmap)"
refused "another file system than a bind" 'mounts\[[0-9]+\]\.options: only bind mounts can have mapped ids' \
	'{"destination": "/m/x", "type": "tmpfs", "source": "t", "options": ["idmap"]}'
same_state "refusals leave nothing" "$before"
