#!/bin/bash
# The vm section of config.json: what it names is used where the settings vm_paths and
# vm_kernel_params allow it, and refused in one line that names field and setting elsewhere.
. "$(dirname "$0")/lib.sh"

bundle b cat /proc/cmdline
before=$(host_state)
kernel=$(kernel_here)
ok "the kernel's path is known" test -e "$kernel"
kernel=$(realpath "$kernel")

# From here only the section says which kernel: the one that is set does not exist.
unset VMRUN_KERNEL
conf() { jq -n "{kernel: \"/no/such/kernel\"} + $1" --arg k "$(dirname "$kernel")" --arg w "$work" >"$work/vmrun.conf"; }
vm() { "$VMRUN" --config "$work/vmrun.conf" --root "$root" "$@"; }

conf '{}'
config "$work/b" ".vm = {kernel: {path: \"$kernel\"}}"
fails "a kernel without leave" 'config\.json: vm\.kernel\.path: .* the setting "vm_paths"' vm run "$work/b"
# shellcheck disable=SC2016 # jq's variables
conf '{vm_paths: $k}'
config "$work/b" '.vm.kernel.parameters = ["loglevel=3 init=/bin/sh"]'
fails "a parameter without leave" \
	'config\.json: vm\.kernel\.parameters\[0\]: "loglevel" .* the setting "vm_kernel_params"' vm run "$work/b"
# shellcheck disable=SC2016
conf '{vm_paths: $k, vm_kernel_params: "loglevel"}'
fails "a parameter that hides behind one with leave" 'vm\.kernel\.parameters\[0\]: "init" ' vm run "$work/b"
config "$work/b" '.vm.kernel.parameters = ["loglevel=3"] | .annotations = {"io.katacontainers.config.hypervisor.kernel_params": "rdinit=/x"}'
fails "an annotation's parameter without leave" 'config\.json: annotations\[.*kernel_params"\]: "rdinit" ' vm run "$work/b"
ln -s /bin/sh "$work/link"
conf '{vm_paths: ($k + ":" + $w), vm_kernel_params: "vmrun.a loglevel vmrun_b"}'
config "$work/b" "del(.annotations) | .vm.kernel.initrd = \"$work/link\""
fails "an initrd that a link leads away to" 'vm\.kernel\.initrd: .* the setting "vm_paths"' vm run "$work/b"
config "$work/b" 'del(.vm.kernel.initrd) | .vm.hypervisor.path = "/bin/sh"'
fails "a hypervisor without leave" 'vm\.hypervisor\.path: .* the setting "vm_paths"' vm run "$work/b"
config "$work/b" 'del(.vm.hypervisor) | .vm.image = {path: "/image", format: "raw"}'
fails "an image" 'config\.json: vm\.image: not supported' vm run "$work/b"
config "$work/b" 'del(.vm.image) | .vm.hwConfig = {irqs: [1]}'
fails "what only Xen has" 'config\.json: vm\.hwConfig\.irqs: not supported' vm run "$work/b"
same_state "refusals leave nothing" "$before"

(cd "$work" && echo hello >file && printf 'file\n' | cpio -o -H newc --quiet >"$work/initrd") 2>/dev/null ||
	cp "$(find "${XDG_CACHE_HOME:-/var/cache}/vmrun" /var/cache/vmrun -name 'initrd-*' 2>/dev/null | head -1)" "$work/initrd"
config "$work/b" ".vm.hwConfig = {vcpus: 2} | .vm.kernel.initrd = \"$work/initrd\" | .vm.kernel.parameters = [\"vmrun.a=1 loglevel=3\", \"vmrun_b=2\"] | .process.args = [\"sh\", \"-c\", \"cat /proc/cmdline; nproc\"]"
run vm run "$work/b"
is "what has leave boots" "$status" 0
like "with the parameters" "$(head -1 "$out")" ' vmrun\.a=1 loglevel=3 vmrun_b=2'
is "and the processors of hwConfig" "$(tail -1 "$out")" 2
echo "this is no archive" >"$work/initrd"
fails "an initrd that is none stops the boot, so it is used" '[Ii]nitramfs|[Pp]anic|guest' vm run "$work/b"
same_state "nothing is left" "$before"
