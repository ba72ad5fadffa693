# shellcheck shell=bash
# What every end-to-end case sources: a private state root and work folder, bundles, checks, and a
# clean-up that fails the case when something of vmrun is left behind.
#
# From tests/e2e/run: VMRUN (the binary), E2E_CACHE (prepared root file systems).
set -euo pipefail
: "${VMRUN:?the vmrun binary to test}" "${E2E_CACHE:?run tests/e2e/prepare first}"

# What software emulation warns of is a case of its own.
export VMRUN_LOG=error

work=$(mktemp -d "${TMPDIR:-/tmp}/vmrun-e2e.XXXXXX")
root=$work/root
out=$work/out err=$work/err status=0 failures=0

vm() { "$VMRUN" --root "$root" "$@"; }

# run COMMAND...: stdout, stderr and exit status go to $out, $err, $status.
run() {
	status=0
	"$@" >"$out" 2>"$err" || status=$?
}

pass() { printf '  ok - %s\n' "$1"; }

fail() {
	printf '  not ok - %s\n' "$1"
	failures=$((failures + 1))
	if [[ -s $out ]]; then printf '    stdout: %s\n' "$(tail -c 1500 "$out")"; fi
	if [[ -s $err ]]; then printf '    stderr: %s\n' "$(tail -c 1500 "$err")"; fi
}

# ok WHAT COMMAND...: the command succeeds.
ok() {
	local what=$1
	shift
	if "$@" >/dev/null; then pass "$what"; else fail "$what (failed: $*)"; fi
}

# is WHAT GOT WANTED
is() {
	if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1: got \"$2\", wanted \"$3\""; fi
}

# like WHAT GOT PATTERN (an extended regular expression)
like() {
	if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1: \"$2\" does not match \"$3\""; fi
}

# fails WHAT PATTERN COMMAND...: exit status not 0, one line on stderr that matches.
fails() {
	local what=$1 pattern=$2
	shift 2
	run "$@"
	if ((status == 0)); then
		fail "$what: succeeded"
	elif (($(wc -l <"$err") != 1)); then
		fail "$what: not exactly one line of error"
	elif ! grep -qE -- "$pattern" "$err"; then
		fail "$what: the error does not match \"$pattern\""
	else
		pass "$what"
	fi
}

skip() {
	printf '  skipped - %s\n' "$1"
	exit 77
}

# wait_for SECONDS COMMAND...: until it succeeds. Generous, because emulated machines are slow.
wait_for() {
	local limit=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < limit)) || return 1
		read -rt 0.05 <> <(:) || :
	done
}

# bundle NAME ARGS...: a busybox bundle in $work/NAME that runs ARGS.
bundle() {
	local dir=$work/$1
	shift
	mkdir -p "$dir"
	cp -a "$E2E_CACHE/busybox" "$dir/rootfs"
	(cd "$dir" && "$VMRUN" spec)
	config "$dir" '.process.terminal = false | .process.args = $ARGS.positional | .root.readonly = false' \
		--args -- "$@"
}

# disk DIR: mounts an empty ext4 file system of 2 GiB there (a tmpfs of Linux 6.1 has no user.*
# attributes).
disk() {
	truncate -s 2G "$1.image"
	mkfs.ext4 -q "$1.image"
	mount -o loop "$1.image" "$1"
}

# debian NAME ARGS...: the same with Debian (minbase, gcc). The tree is shared and writable only
# where a case may write: it is an overlay of its own.
debian() {
	local dir=$work/$1
	shift
	mkdir -p "$dir/upper" "$dir/work" "$dir/rootfs"
	disk "$dir/upper"
	mkdir "$dir/upper/u" "$dir/upper/w"
	mount -t overlay overlay -o "lowerdir=$E2E_CACHE/debian,upperdir=$dir/upper/u,workdir=$dir/upper/w" \
		"$dir/rootfs"
	(cd "$dir" && "$VMRUN" spec)
	config "$dir" '.process.terminal = false | .process.args = $ARGS.positional | .root.readonly = false' \
		--args -- "$@"
}

# config DIR FILTER [JQ OPTIONS...]: edits the bundle's config.json.
config() {
	local dir=$1 filter=$2
	shift 2
	jq "$filter" "$dir/config.json" "$@" >"$dir/config.json.new"
	mv "$dir/config.json.new" "$dir/config.json"
}

# Everything of vmrun, or that vmrun could have made, on this host.
host_state() {
	ps -eo comm= | grep -E '^vmrun' | sort || :
	awk '{print $5, $9}' /proc/self/mountinfo | sort
	# Those that vmrun makes, or cases ask for; others come and go.
	find /sys/fs/cgroup -type d | grep -E 'vmrun|e2e' | sort || :
	ip -o link show 2>/dev/null | awk '{print $2}' || :
	grep -o "$root.*" /proc/net/unix || :
	# The two directories that everything is in stay.
	if [[ -d $root ]]; then
		find "$root" -mindepth 1 ! -path "$root/pods" ! -path "$root/containers" ! -name '*.lock' | sort
	fi
}

# same_state WHAT BEFORE: host_state is what it was. What dies asynchronously (a killed monitor) gets
# a moment.
same_state() {
	local what=$1 before=$2
	same() { [[ $(host_state) == "$before" ]]; }
	if wait_for 20 same; then
		pass "$what"
	else
		fail "$what"
		diff <(echo "$before") <(host_state) | sed 's/^/    /' || :
	fi
}

anchor_of() { vm state "$1" | jq -r .pid; }
status_of() { vm state "$1" | jq -r .status; }
has_status() { [[ $(status_of "$1") == "$2" ]]; }
# The processes of this case's pods: the machine may have others.
monitors() {
	local pid
	for pid in $(pgrep -x vmrun-vm); do
		[[ ! $(find "/proc/$pid/fd" -lname "$root/*" -print -quit 2>/dev/null) ]] || echo "$pid"
	done
}
emulators() {
	local pid
	for pid in $(monitors); do pgrep -x -P "$pid" vmrun-qemu || :; done
}
# The kernel that guests boot here.
kernel_here() { vm check --format json | jq -r '.rows[] | select(.name == "guest kernel").found' | sed 's/, release .*//'; }
# kvm, qemu-kvm or qemu-tcg: what runs guests here.
monitor_here() { vm check --format json | jq -r .monitor; }

# bootprobe_and_kernel: what a case about the monitor alone needs: the probe in $probe, vmrun-vm in
# $monitor, and the kernel that pods boot, in $kernel, as vmrun unpacks it into $work/cache.
bootprobe_and_kernel() {
	probe=$(dirname "$VMRUN")/tests/e2e/bin/bootprobe
	monitor=$(dirname "$VMRUN")/vmrun-vm
	[[ $(monitor_here) == kvm ]] || skip "guests run in QEMU here, not in our own machine"
	[[ -x $probe && -x $monitor ]] || skip "not a build folder: $(dirname "$VMRUN")"
	bundle b true
	printf '{"cache_dir": "%s/cache"}\n' "$work" >"$work/vmrun.conf"
	ok "a container runs" "$VMRUN" --config "$work/vmrun.conf" --root "$root" run "$work/b"
	kernel=$(find "$work/cache" -name 'vmlinux*' | head -n 1)
	# One that needs no unpacking is used as it is.
	[[ $kernel ]] || kernel=$(kernel_here)
}

finish() {
	local code=$? id
	trap - EXIT
	for id in $(vm list -q 2>/dev/null || :); do
		vm delete --force "$id" || :
	done
	awk -v w="$work" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | sort -r |
		while read -r m; do umount -l "$m"; done
	rm -rf "$work"
	((code == 0 && failures > 0)) && code=1
	exit "$code"
}
trap finish EXIT
