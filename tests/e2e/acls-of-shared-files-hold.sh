#!/bin/bash
# POSIX ACLs: a container gets what the host's file system grants, no more and no less, in its root and
# in volumes; what it makes inherits, and what it sets is on the host.
. "$(dirname "$0")/lib.sh"

bundle b sh -c 'umask 077
	for d in /t /v; do
		cat $d/denied $d/named $d/group $d/both
		echo new >$d/inherits/file
		mkdir $d/inherits/dir
		echo new >$d/plain/file
		stat -c %a $d/inherits/file $d/inherits/dir $d/plain/file
	done'
v=$work/v
mkdir "$v"
disk "$v"
for t in "$work/b/rootfs/t" "$v/t"; do
	mkdir -p "$t"/{inherits,plain}
	for f in denied named group both; do echo "$f" >"$t/$f"; done
	chmod 644 "$t/denied"
	setfacl -m u:1000:--- "$t/denied"
	chmod 600 "$t/named"
	setfacl -m u:1000:r "$t/named"
	# The mask makes the group's bits rw-, and the group has nothing.
	chgrp 3000 "$t/group"
	chmod 600 "$t/group"
	setfacl -m u:7:rw "$t/group"
	# By a group of two of which one has it.
	chmod 600 "$t/both"
	setfacl -m g:3000:r,g:1000:- "$t/both"
	chmod 777 "$t/inherits" "$t/plain"
	setfacl -d -m u:7:rwx,g::rwx "$t/inherits"
done
config "$work/b" '.process.user = {uid: 1000, gid: 1000, additionalGids: [3000]} |
	.mounts += [{destination: "/v", type: "bind", source: $v, options: ["rbind"]}]' --arg v "$v/t"
before=$(host_state)
run vm run "$work/b"
is "what a user may read, and what he makes, in the root and in a volume" "$(tr '\n' ' ' <"$out")" \
	"named both 666 777 600 named both 666 777 600 "
like "the rest is denied" "$(cat "$err")" 'denied.*denied'
like "a new file has the default ACL" "$(getfacl -cpn "$v/t/inherits/file")" 'user:7:rwx'

# By root of a container, and back.
bundle set sh -c 'setfattr -n system.posix_acl_access -v "$1" /v/set && chmod 640 /v/set && stat -c %a /v/set' sh \
	0x0200000001000600ffffffff020004000700000004000400ffffffff10000600ffffffff20000000ffffffff
cp --parents "$(type -p setfattr)" "$work/set/rootfs"
for lib in $(ldd "$(type -p setfattr)" | grep -o '/[^ ]*'); do cp -L --parents "$lib" "$work/set/rootfs"; done
echo x >"$v/t/set"
config "$work/set" '.mounts += [{destination: "/v", type: "bind", source: $v, options: ["rbind"]}]' --arg v "$v/t"
run vm run "$work/set"
is "a container sets one, and a mask with chmod" "$status $(cat "$out" "$err")" "0 640"
is "which the host has" "$(getfacl -cpn "$v/t/set" | xargs)" "user::rw- user:7:r-- group::r-- mask::r-- other::---"
same_state "nothing is left" "$before"
finish
