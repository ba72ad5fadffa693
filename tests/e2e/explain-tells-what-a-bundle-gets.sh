#!/bin/bash
# explain: a line for each field, the exit status of what create would say, strict; features is as
# the specification's schema demands. No container is started, and neither root nor KVM is needed.
. "$(dirname "$0")/lib.sh"
bundle b sh

run vm explain "$work/b"
is "a new bundle runs" "$status" 0
like "the first line sums up" "$(head -n 1 "$out")" \
	'^([0-9]+) fields: [0-9]+ enforced in the guest, [0-9]+ on the host, [0-9]+ emulated, 0 ignored, 0 rejected$'
is "a line for each of the fields" "$(($(wc -l <"$out") - 1))" "$(head -n 1 "$out" | cut -d ' ' -f 1)"
like "a field is there with its value and its class" "$(cat "$out")" \
	$'\nprocess\\.cwd +"/" +guest +[a-z]'
run vm explain --bundle "$work/b" --format json
is "the same as JSON" "$(jq -r '[.runs, .strict, .summary.unknown, (.fields | length) == .summary.fields] | @csv' "$out")" \
	true,false,0,true
is "with the property that an index is of" \
	"$(jq -r '.fields[] | select(.path == "mounts[0].type") | .property + " " + .value' "$out")" \
	'mounts[].type "proc"'
(cd "$work/b" && run vm explain && cp "$out" "$work/here" && echo "$status" >"$work/status")
is "the bundle may be the working directory" "$(cat "$work/status")" 0
cp -r "$work/b" "$work/kept"

# Nobody, in a mount namespace without devices.
cp "$VMRUN" "$work/vmrun"
chmod 755 "$work" "$work/b" "$work/vmrun"
chmod 644 "$work/b/config.json"
# shellcheck disable=SC2016
run unshare --mount bash -c 'mount -t tmpfs none /dev
	exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" explain "$1"' "$work/vmrun" "$work/b"
is "neither root nor /dev/kvm is needed" "$status" 0
is "and says the same" "$(cat "$out")" "$(cat "$work/here")"

edited() { # FILTER: the bundle with an edit
	cp "$work/kept/config.json" "$work/b/config.json"
	config "$work/b" "$1"
}

edited '.colour = "red" | .linux.resources.memory.limits = 5 | .process.user.username = "me"'
run vm explain --format json "$work/b"
is "what the specification does not know is listed, and runs" \
	"$status $(jq -r '[.fields[] | select(.class == "unknown").path] | join(" ")' "$out")" \
	"0 linux.resources.memory.limits colour"
is "what is for other platforms is ignored" \
	"$(jq -r '[.fields[] | select(.class == "ignored").path] | join(" ")' "$out")" process.user.username

# What create refuses explain refuses, in the same words, and says it at the field.
for filter in '.linux.netDevices.eth0.name = "eth0"' \
	'.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY"}' \
	'.linux.resources.memory.swappiness = 10' \
	'.mounts += [{destination: "x", type: "bind"}]' \
	'.annotations["io.vmrun.vcpus"] = "many"' \
	'.linux.personality = {domain: "LINUX", flags: ["X"]}' \
	'.vm.hwConfig.irqs = [1]'; do
	edited "$filter"
	run vm create --bundle "$work/b" refused
	wanted=$(cat "$err")
	fails "$filter" . vm explain "$work/b"
	is "is what create says" "$(cat "$err")" "$wanted"
	like "and what is printed" "$(head -n 1 "$out")" ', 1 rejected$'
done
edited '.linux.namespaces[0].path = "/proc/1/ns/pid"'
fails "a namespace of the host" 'linux\.namespaces\[0\]\.path: not supported' vm explain "$work/b"
edited '.process.args = "sh"'
fails "a field of the wrong type" 'config\.json: process\.args: expected an array' vm explain "$work/b"
echo '{' >"$work/b/config.json"
fails "broken JSON" 'config\.json' vm explain "$work/b"
fails "no bundle" 'config\.json: No such file' vm explain "$work"
fails "an unknown format" '\-\-format' vm explain --format xml "$work/b"

# strict
echo '{"strict": true}' >"$work/strict.conf"
for filter in '.process.apparmorProfile = "docker-default"' '.process.selinuxLabel = "a:b:c:d"' \
	'.linux.mountLabel = "a:b:c:d"'; do
	edited "$filter"
	fails "strict: $filter" 'would not be enforced .*settings are strict' \
		vm --config "$work/strict.conf" create --bundle "$work/b" strict
	wanted=$(cat "$err")
	fails "so says explain" . vm --config "$work/strict.conf" explain "$work/b"
	is "in the same words" "$(cat "$err")" "$wanted"
	like "under strict" "$(head -n 1 "$out")" '1 rejected \(strict\)'
	run vm explain "$work/b"
	is "else it is ignored" "$status $(grep -c ' ignored  ' "$out")" "0 1"
done
edited '.process.apparmorProfile = "unconfined"'
run vm --config "$work/strict.conf" explain "$work/b"
is "strict has nothing against what is enforced, or not asked for" "$status" 0

run vm features
# shellcheck disable=SC2016
ok "features is as features-schema.json of runtime-spec 1.3 demands" jq -e '
	def strings: type == "array" and all(type == "string");
	def enabled: type == "object" and (.enabled | type == "boolean");
	def within($names): strings and all(IN($names[]));
	def flags: type == "object" and all(type == "boolean");
	(keys - ["annotations", "hooks", "linux", "mountOptions", "ociVersionMax", "ociVersionMin",
		"potentiallyUnsafeConfigAnnotations"] == []) and
	(.ociVersionMin | type == "string") and (.ociVersionMax | type == "string") and
	(.hooks | within(["prestart", "createRuntime", "createContainer", "startContainer",
		"poststart", "poststop"])) and
	(.mountOptions | strings and length > 50) and
	(.annotations | type == "object" and all(type == "string")) and
	(.potentiallyUnsafeConfigAnnotations | strings) and
	(.linux | (.namespaces | within(["mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"])) and
		(.capabilities | strings and all(test("^CAP_[A-Z_]+$"))) and
		(.cgroup | flags) and (.apparmor | enabled) and (.selinux | enabled) and (.intelRdt | flags) and
		(.mountExtensions.idmap | enabled) and (.netDevices | enabled) and
		(.seccomp | enabled and
			(.actions | strings and all(test("^SCMP_ACT_[A-Z_]+$"))) and
			(.operators | strings and all(test("^SCMP_CMP_[A-Z_]+$"))) and
			(.archs | strings and all(test("^SCMP_ARCH_[A-Z0-9_]+$"))) and
			(.knownFlags | strings and all(test("^SECCOMP_FILTER_FLAG_[A-Z_]+$"))) and
			(.supportedFlags - .knownFlags == [])))' "$out"
table() { vm explain --table --format json | jq -r "$1"; }
is "features says of hooks what the table says" "$(jq -c '.hooks | sort' "$out")" \
	"$(table '.[] | select((.property | test("^hooks.*path$")) and .class != "rejected").property' |
		sed 's/hooks\.//; s/\[\].*//' | sort | jq -cnR '[inputs]')"
ok "no state was made" test -z "$(ls -A "$root" 2>/dev/null)"
