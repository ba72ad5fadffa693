#!/bin/bash
# The time of birth of a file of the host is told, and who makes a setgid file in a directory of a
# group that he is in besides his own gets one, as on the host; who is in no such group does not.
. "$(dirname "$0")/lib.sh"

disk=$work/disk
mkdir "$disk"
disk "$disk"
mkdir "$disk/group"
chown 0:99 "$disk/group"
chmod 2777 "$disk/group"
echo text >"$disk/file"

cat >"$disk/make" <<'END'
umask(0);
use Fcntl;
sysopen(F, $ARGV[0], O_CREAT | O_WRONLY, 02775) or die "$!";
END
# as GROUPS FILE
make='setpriv --reuid 1000 --regid 1000 --clear-groups perl make group/not
	setpriv --reuid 1000 --regid 1000 --groups 98,99 perl make group/in
	stat -c "%a %u:%g" group/not group/in'
born='stat -c "%W %w" file . group/in'

on_host=$(cd "$disk" && sh -c "$make") born_on_host=$(cd "$disk" && sh -c "$born")
is "on the host: a setgid file is his who is in the group" "$on_host" $'775 1000:99\n2775 1000:99'
rm "$disk/group/not"

debian v sh -c "cd /v && $born && rm group/in && $make; perl make /root/x; stat -c %W /root/x"
# shellcheck disable=SC2016 # jq's variable
config "$work/v" '.process.capabilities[] += ["CAP_SETUID", "CAP_SETGID"] | .mounts += [{destination: "/v", type: "bind", source: $v, options: ["bind"]}]' \
	--arg v "$disk"
before=$(date +%s)
run vm run "$work/v"
is "times of birth in a volume" "$(head -n 3 "$out")" "$born_on_host"
is "setgid files of who is in the group, and who is not" "$(sed -n 4,5p "$out")" "$on_host"
born=$(tail -n 1 "$out")
ok "the birth of a file that the container has made in its root" \
	test "$born" -ge "$((before - 5))" -a "$born" -le "$(($(date +%s) + 5))"
