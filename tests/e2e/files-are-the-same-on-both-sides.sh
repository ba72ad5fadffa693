#!/bin/bash
# What the container writes into its rootfs is on the host, and the other way round.
. "$(dirname "$0")/lib.sh"

bundle w sh -c 'dd if=/dev/urandom of=/data bs=1M count=100 2>/dev/null; sha256sum </data'
run vm run "$work/w"
is "100 MiB written in the guest" "$(cat "$out")" "$(sha256sum <"$work/w/rootfs/data")"

bundle r sh -c 'sha256sum </data; stat -c "%a %u:%g" /data'
head -c 100M /dev/urandom >"$work/r/rootfs/data"
chmod 644 "$work/r/rootfs/data"
chown 7:8 "$work/r/rootfs/data"
run vm run "$work/r"
is "100 MiB written on the host" "$(head -1 "$out")" "$(sha256sum <"$work/r/rootfs/data")"
is "owner and mode" "$(tail -1 "$out")" "644 7:8"

bundle live sh -c 'echo up >/ready; until [ -e /go ]; do sleep 0.2; done; cat /go'
vm run -d "$work/live" live >/dev/null 2>&1 </dev/null
ok "a file made in the guest shows on the host while it runs" wait_for 60 test -s "$work/live/rootfs/ready"
echo from-the-host >"$work/live/rootfs/new" && mv "$work/live/rootfs/new" "$work/live/rootfs/go"
gone() { has_status live stopped; }
ok "a file made on the host shows in the guest while it runs" wait_for 60 gone

mkdir "$work/volume"
echo content >"$work/volume/file"
echo single >"$work/single"
bundle v sh -c 'cat /vol/file /etc/single; echo more >/vol/other; echo x >/ro/file; echo $?'
config "$work/v" '.mounts += [
	{destination: "/vol", type: "bind", source: $v, options: ["rbind", "rw"]},
	{destination: "/ro", type: "bind", source: $v, options: ["bind", "ro"]},
	{destination: "/etc/single", type: "bind", source: $s, options: ["bind", "ro"]}]' \
	--arg v "$work/volume" --arg s "$work/single"
run vm run "$work/v"
is "volumes: a directory, read-only, a single file" "$(tr '\n' ' ' <"$out")" "content single 1 "
like "a read-only volume refuses writes" "$(cat "$err")" "Read-only file system"
is "a volume's new file is on the host" "$(cat "$work/volume/other")" more

bundle ro sh -c 'touch /x'
config "$work/ro" '.root.readonly = true'
run vm run "$work/ro"
like "a read-only rootfs refuses writes" "$status $(cat "$err")" "1 .*Read-only file system"
