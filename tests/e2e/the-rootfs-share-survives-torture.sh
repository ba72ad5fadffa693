#!/bin/bash
# What programs do to a file system, done to the rootfs share: a build with gcc, many small files,
# links, special files, attributes, renames and unlinks of open files, mappings, holes, long names.
. "$(dirname "$0")/lib.sh"
[[ -d $E2E_CACHE/debian ]] || skip "no Debian tree in $E2E_CACHE (tests/e2e/prepare makes it)"
debian d bash /torture.sh
# A package manager's powers: owners, modes and other users' files.
config "$work/d" '(.process.capabilities | .bounding, .effective, .permitted) +=
	["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETGID", "CAP_SETUID"]'
cp "$(dirname "$0")/torture/torture.sh" "$(dirname "$0")/torture/torture.c" "$work/d/rootfs/"
# Many small files from the host's side. A file costs an emulated machine 30 ms: fewer there.
files=${E2E_TORTURE_FILES:-10000}
mkdir "$work/d/rootfs/many"
(cd "$work/d/rootfs/many" && for ((i = 0; i < files; i++)); do echo "file $i" >"f$i"; done)
sum_of() { (cd "$1" && find . -type f -name 'f*' -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-64); }
sum=$(sum_of "$work/d/rootfs/many")

run vm run "$work/d"
grep -E '^(ok|not ok)' "$out" | sed 's/^/  /'
is "the script in the guest ended well" "$status" 0
is "no check in the guest failed" "$(grep -c '^not ok' "$out" || :)" 0
ok "all checks ran" grep -q '^all checks ran$' "$out"
if ((status != 0)); then tail -5 "$err" | sed 's/^/    /'; fi

is "$files files packed in the guest from the host's" "$(grep '^sum-of-many ' "$out")" "sum-of-many $sum"
is "$files files unpacked in the guest, read on the host" "$(sum_of "$work/d/rootfs/unpacked/many")" "$sum"
is "a shared mapping's bytes are in the host's file" "$(head -c 6 "$work/d/rootfs/t/shared-map")" mapped
is "a sparse file is sparse on the host" \
	"$(stat -c %s "$work/d/rootfs/t/sparse") $(($(stat -c %b "$work/d/rootfs/t/sparse") < 1000))" "6442450948 1"
is "a hard link is one on the host" "$(stat -c %h "$work/d/rootfs/t/hard1")" 2
is "a fifo and a socket are what they are" \
	"$(stat -c %F "$work/d/rootfs/t/fifo"), $(stat -c %F "$work/d/rootfs/t/socket")" "fifo, socket"
