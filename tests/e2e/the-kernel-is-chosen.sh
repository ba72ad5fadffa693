#!/bin/bash
# kernel=auto: ours if there is one, else the newest in /boot that can be used. One that cannot is passed
# over with a line for debugging; when none is left each is named with its reason.
. "$(dirname "$0")/lib.sh"
[[ $(id -u) == 0 ]] || skip "a mount namespace with a /boot of its own takes root"
bundle b uname -r
before=$(host_state)
stock=$("$(dirname "$0")/../../contrib/fetch-kernel")
release=${stock##*/vmlinuz-}
# Its modules, and a newer kernel without any; nothing of ours.
mkdir "$work"/{boot,modules,none}
cp "$stock" "$work/boot/"
LC_ALL=C sed "s/$release/${release/#6/9}/" "$stock" >"$work/boot/vmlinuz-99.0-newest"
echo "no kernel" >"$work/boot/vmlinuz-98.0-damaged"
mkdir "$work/bin"
cp "$(dirname "$VMRUN")"/{vmrun,vmrun-*} "$work/bin/"
printf '{"cache_dir": "%s"}\n' "$work/cache" >"$work/vmrun.conf"

# elsewhere BOOT MODULES COMMAND...: with another /boot and /lib/modules, and no kernel of ours.
elsewhere() {
	local boot=$1 modules=$2
	shift 2
	# shellcheck disable=SC2016 # for the inner shell
	env -u VMRUN_KERNEL unshare -m sh -c 'mount --bind "$1" /boot && mkdir -p /lib/modules &&
		mount --bind "$2" /lib/modules && shift 2 &&
		for dir in /usr/lib/vmrun /usr/local/lib/vmrun; do
			[ ! -e $dir ] || mount -t tmpfs tmpfs $dir || exit; done && exec "$@"' - "$boot" "$modules" "$@"
}

cp -a "$(dirname "$stock")/../lib/modules/$release" "$work/modules/"
run elsewhere "$work/boot" "$work/modules" "$work/bin/vmrun" --config "$work/vmrun.conf" --root "$root" --debug run "$work/b"
is "the newest that can be used boots" "$status $(cat "$out")" "0 $release"
like "the one without modules is passed over" "$(cat "$err")" 'passed over: .*/boot/vmlinuz-99\.0-newest'
like "and the damaged one" "$(cat "$err")" 'passed over: .*/boot/vmlinuz-98\.0-damaged'
run elsewhere "$work/boot" "$work/modules" "$work/bin/vmrun" --config "$work/vmrun.conf" --root "$root" run "$work/b"
is "nobody is bothered with that" "$status $(grep -c 'passed over' "$err")" "0 0"
run elsewhere "$work/boot" "$work/modules" "$work/bin/vmrun" --config "$work/vmrun.conf" --root "$root" check --format json
like "check names the one that is taken" "$(jq -r '.rows[] | select(.name == "guest kernel").found' "$out")" "/boot/vmlinuz-$release"

fails "none can be used: each is named with its reason" \
	'VMRUN_KERNEL.*vmlinuz-99\.0-newest: driver virtio_mmio .*vmlinuz-98\.0-damaged.*vmlinuz-6' \
	elsewhere "$work/boot" "$work/none" "$work/bin/vmrun" --config "$work/vmrun.conf" --root "$root" run "$work/b"
fails "no kernel at all" 'no guest kernel: .*install' \
	elsewhere "$work/none" "$work/none" "$work/bin/vmrun" --config "$work/vmrun.conf" --root "$root" run "$work/b"

own=$(dirname "$VMRUN")/guest-kernel/vmlinux
if [[ -e $own ]]; then
	mkdir "$work/bin/guest-kernel"
	cp "$own" "$work/bin/guest-kernel/"
	run elsewhere "$work/boot" "$work/modules" "$work/bin/vmrun" --config "$work/vmrun.conf" --root "$root" run "$work/b"
	like "ours comes first" "$status $(cat "$out")" '^0 .*-vmrun$'
else
	echo "  note: no kernel of ours was built (make guest-kernel), so that it comes first was not tried"
fi
same_state "nothing is left" "$before"
