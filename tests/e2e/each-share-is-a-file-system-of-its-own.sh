#!/bin/bash
# A container's root, its volumes, and what the host has mounted below a volume are told apart by
# st_dev, so that what stays in one file system stays there; inode numbers are the host's.
. "$(dirname "$0")/lib.sh"

before=$(host_state)
# An overlay, as /tmp may be, has files on several devices.
mkdir "$work/disk"
disk "$work/disk"
v=$work/disk/v
mkdir -p "$v/below" "$work/disk/w"
mount -t tmpfs none "$v/below"
echo v >"$v/file"
ln "$v/file" "$v/link"
echo b >"$v/below/file"
echo w >"$work/disk/w/file"
echo single >"$work/disk/single"
bundle b sh -c 'stat -c %d / /v /v/below | sort -u | wc -l
	find / -xdev -path "/v/*"
	find /v -xdev -name file
	stat -c %i /file /v/file /v/link /v/below/file /w/file /single
	ls -i /v | while read -r ino name; do [ "$ino" = "$(stat -c %i "/v/$name")" ] || echo "$name: $ino"; done
	stat -fc %t /v/below
	grep -c " /v/below virtiofs " /proc/mounts'
cp -r "$work/b/rootfs" "$work/disk/root"
echo root >"$work/disk/root/file"
config "$work/b" '.root.path = $r | .mounts += [
	{destination: "/v", type: "bind", source: $v, options: ["rbind"]},
	{destination: "/w", type: "bind", source: $w, options: ["bind"]},
	{destination: "/single", type: "bind", source: $s, options: ["bind"]}]' \
	--arg r "$work/disk/root" --arg v "$v" --arg w "$work/disk/w" --arg s "$work/disk/single"
run vm run "$work/b"
mapfile -t line <"$out"
is "three file systems" "${line[0]}" 3
is "find -xdev stays in the root, and in the volume" "${line[1]}" /v/file
is "numbers are the host's" "${line[*]:2:6}" \
	"$(stat -c %i "$work/disk/root/file" "$v/file" "$v/link" "$v/below/file" "$work/disk/w/file" "$work/disk/single" | tr '\n' ' ' | sed 's/ $//')"
is "names have the numbers of their files, and a mount below is one" "${line[*]:8}" "65735546 1"
umount "$v/below" "$work/disk"
same_state "nothing is left" "$before"
finish
