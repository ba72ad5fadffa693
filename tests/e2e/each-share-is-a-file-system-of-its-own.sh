#!/bin/bash
# A container's root, its volumes, and what the host has mounted below a volume are told apart by
# st_dev, so that what stays in one file system stays there; inode numbers are the host's.
. "$(dirname "$0")/lib.sh"

v=$work/v
before=$(host_state)
mkdir -p "$v/below" "$work/w"
mount -t tmpfs none "$v/below"
echo v >"$v/file"
ln "$v/file" "$v/link"
echo b >"$v/below/file"
echo w >"$work/w/file"
echo single >"$work/single"
bundle b sh -c 'stat -c %d / /v /v/below | sort -u | wc -l
	find / -xdev -path "/v/*"
	find /v -xdev -name file
	stat -c %i /file /v/file /v/link /v/below/file /w/file /single
	ls -i /v | while read -r ino name; do [ "$ino" = "$(stat -c %i "/v/$name")" ] || echo "$name: $ino"; done
	stat -fc %t /v/below
	grep -c " /v/below virtiofs " /proc/mounts'
echo root >"$work/b/rootfs/file"
config "$work/b" '.mounts += [
	{destination: "/v", type: "bind", source: $v, options: ["rbind"]},
	{destination: "/w", type: "bind", source: $w, options: ["bind"]},
	{destination: "/single", type: "bind", source: $s, options: ["bind"]}]' \
	--arg v "$v" --arg w "$work/w" --arg s "$work/single"
run vm run "$work/b"
mapfile -t line <"$out"
is "three file systems" "${line[0]}" 3
is "find -xdev stays in the root, and in the volume" "${line[1]}" /v/file
is "numbers are the host's" "${line[*]:2:6}" \
	"$(stat -c %i "$work/b/rootfs/file" "$v/file" "$v/link" "$v/below/file" "$work/w/file" "$work/single" | tr '\n' ' ' | sed 's/ $//')"
is "names have the numbers of their files, and a mount below is one" "${line[*]:8}" "65735546 1"
umount "$v/below"
same_state "nothing is left" "$before"
finish
