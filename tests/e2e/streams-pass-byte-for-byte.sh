#!/bin/bash
# stdin, stdout and stderr come through unchanged, end of file included, at any size.
. "$(dirname "$0")/lib.sh"
bundle cat cat

seq 1 1000000 >"$work/numbers"
sum=$(sha256sum <"$work/numbers")
is "a pipe through cat" "$(seq 1 1000000 | vm run "$work/cat" | sha256sum)" "$sum"
is "a file through cat" "$(vm run "$work/cat" <"$work/numbers" | sha256sum)" "$sum"
vm run "$work/cat" <"$work/numbers" >"$work/copy"
is "a file into a file" "$(sha256sum <"$work/copy")" "$sum"
echo first >"$work/appended"
echo second | vm run "$work/cat" >>"$work/appended"
is "a file opened for appending" "$(tr '\n' ' ' <"$work/appended")" "first second "
run vm run "$work/cat" </dev/null
is "an empty stdin" "$status$(cat "$out")" 0

bundle zeros sh -c 'dd if=/dev/zero bs=1M count=1024 2>/dev/null'
is "1 GiB through stdout" "$(vm run "$work/zeros" | sha256sum)" \
	"$(head -c 1G /dev/zero | sha256sum)"

bundle both sh -c 'seq 1 50000; seq 1 50000 >&2; exit 3'
run vm run "$work/both"
is "both output streams of a program that exits at once are whole" \
	"$status $(sha256sum <"$out") $(sha256sum <"$err")" \
	"3 $(seq 1 50000 | sha256sum) $(seq 1 50000 | sha256sum)"

bundle early sh -c 'head -c 10; exit 0'
run timeout 120 bash -c "yes | '$VMRUN' --root '$root' run '$work/early'"
is "a program that does not read all of stdin" "$status $(wc -c <"$out")" "0 10"

bundle forever sh -c 'while echo y; do :; done; exit 0'
run timeout 120 bash -c "'$VMRUN' --root '$root' run '$work/forever' | head -1"
is "a reader that goes away ends the writer" "$status $(cat "$out")" "0 y"
