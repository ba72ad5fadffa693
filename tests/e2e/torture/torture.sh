#!/bin/bash
# Runs in the guest; one line a check.
mkdir /t && cd /t || exit 1

check() { # WHAT COMMAND...
	local what=$1
	shift
	if "$@" >/tmp/log 2>&1; then echo "ok - $what"; else
		echo "not ok - $what"
		tail -3 /tmp/log
	fi
}

check "gcc builds a program" gcc -O2 -Wall -o /t/torture /torture.c
for name in $(/t/torture list); do
	check "$name" /t/torture "$name"
done

check "tar packs many files" tar -C / -cf /t/many.tar many
mkdir /unpacked
check "tar unpacks many files" tar -C /unpacked -xf /t/many.tar
echo "sum-of-many $(cd /many && find . -type f -name 'f*' -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-64)"
check "both trees are equal" diff -r /many /unpacked/many
check "many files are removed" rm -rf /many

check "user attributes" bash -c 'touch x && setfattr -n user.a -v 1 x && [[ $(getfattr --only-values -n user.a x) == 1 ]] && setfattr -x user.a x && ! getfattr -n user.a x'
check "owner, mode, times" bash -c 'chown 7:8 x && chmod 4751 x && touch -d @1000 x && [[ $(stat -c %a:%u:%g:%Y x) == 4751:7:8:1000 ]]'
# With the size, because Linux 6.1 believes a cached mode (for a second) after a write that cleared it.
check "a write clears setuid" bash -c 'chmod 4755 x && setpriv --reuid 7 --clear-groups bash -c "echo y >>x" && [[ $(stat -c %a:%s x) == 755:2 ]]'
check "a directory's group is inherited" bash -c 'mkdir g && chgrp 50 g && chmod 2755 g && touch g/f && mkdir g/d && [[ $(stat -c %g g/f):$(stat -c %a:%g g/d) == 50:2755:50 ]]'
check "permissions bind users" bash -c 'echo s >secret && chmod 600 secret && ! setpriv --reuid 1000 --clear-groups cat secret'
check "a deep path" bash -c 'p=; for i in $(seq 100); do p=$p/deep-directory-$i; done; mkdir -p /t$p && echo d >/t$p/f && [[ $(cat /t$p/f) == d ]]'
check "names of 255 bytes, not of 256" bash -c 'n=$(printf "%0255d" 0); echo l >$n && [[ $(cat $n) == l ]] && ! touch 0$n'
check "odd names" bash -c "touch -- '-x' 'a b' \$'new\nline' 'ü' && [[ -e \$'new\nline' && -e ü ]]"
check "df knows the file system" df /t
check "mknod of a device is refused or harmless" bash -c 'mknod /t/dev c 1 3 || true'
echo "all checks ran"
