#!/bin/bash
# The host changes files of a running container, then tells the container by an exec: that sees what is
# there now, whole. The container looks at all of it all the time, so that its kernel has it cached.
. "$(dirname "$0")/lib.sh"

v=$work/v
mkdir -p "$v"/{dir,one,two}
echo one >"$v/one/file"
echo two >"$v/two/file"
bundle b sh -c 'echo ready
	while :; do
		cat /v/* /v/*/* /t/* /t/*/* >/dev/null 2>&1
		ls -lR /v /t >/dev/null
		sleep 0.05
	done'
cp -r "$v" "$work/b/rootfs/t"
config "$work/b" '.mounts += [{destination: "/v", type: "bind", source: $v, options: ["rbind", "ro"]}]' --arg v "$v"
before=$(host_state)
vm run -d "$work/b" c >/dev/null 2>&1 </dev/null
say() { vm exec c "$@" 2>&1 | tr '\n' ' '; }
for t in "$v" "$work/b/rootfs/t"; do
	in=/${t##*/}
	echo "# $in"
	printf 'aaaa\n' >"$t/conf"
	is "a new file" "$(say cat "$in/conf")" "aaaa "
	printf 'bbbb\n' >"$t/conf"
	is "a rewrite of the same length" "$(say cat "$in/conf")" "bbbb "
	printf 'cccc\n' >"$t/conf"
	is "and one more, at once" "$(say cat "$in/conf")" "cccc "
	echo more >>"$t/conf"
	is "what is appended" "$(say cat "$in/conf")" "cccc more "
	: >"$t/conf"
	is "a cut" "$(say stat -c %s "$in/conf")" "0 "
	head -c 300000 /dev/zero | tr '\0' x >"$t/conf"
	is "a long content, whole" "$(vm exec c cat "$in/conf" | sha256sum)" "$(sha256sum <"$t/conf")"
	chmod 604 "$t/conf"
	is "a mode" "$(say stat -c %a "$in/conf")" "604 "
	chown 5:6 "$t/conf"
	is "an owner" "$(say stat -c %u:%g "$in/conf")" "5:6 "
	echo other >"$t/.new"
	mv "$t/.new" "$t/conf"
	is "another file in its place" "$(say cat "$in/conf")" "other "
	rm "$t/conf"
	is "its removal" "$(say ls "$in")" "dir one two "
	ln -s one "$t/.data"
	is "a symlink" "$(say cat "$in/.data/file")" "one "
	ln -s two "$t/.tmp"
	mv -T "$t/.tmp" "$t/.data"
	is "a symlink that points elsewhere" "$(say cat "$in/.data/file")" "two "
	rm "$t/.data"
	mkdir "$t/new"
	echo new >"$t/new/file"
	mv -T --exchange "$t/new" "$t/one" 2>/dev/null || { mv "$t/one" "$t/old" && mv "$t/new" "$t/one"; }
	is "another directory in its place" "$(say cat "$in/one/file")" "new "
	chmod 700 "$t/one"
	is "a directory's mode" "$(say stat -c %a "$in/one")" "700 "
	rm -r "$t/one"
	is "a directory's removal" "$(say stat -c %n "$in/one/file")" "stat: can't stat '$in/one/file': No such file or directory "
done
ok "the container is stopped" vm delete --force c

config "$work/b" '.annotations["io.vmrun.share.cache:/v"] = "often"'
fails "a word that none of the caches has" 'io.vmrun.share.cache:/v.*often' vm run "$work/b"
# What is believed for a day is not asked for again.
bundle d sh -c 'cat /v/two/file; echo ready >/go; until [ -e /changed ]; do sleep 0.1; done; cat /v/two/file'
config "$work/d" '.annotations = {"io.vmrun.share.cache:/v": "always"} |
	.mounts += [{destination: "/v", type: "bind", source: $v, options: ["rbind", "ro"]}]' --arg v "$v"
vm run -d "$work/d" d >"$out" 2>&1 </dev/null
ok "a container with another cache is up" wait_for 60 test -e "$work/d/rootfs/go"
printf 'TWO\n' >"$v/two/file"
touch "$work/d/rootfs/changed"
stopped() { has_status d stopped; }
ok "it has ended" wait_for 60 stopped
is "it has believed what it was told" "$(tr '\n' ' ' <"$out")" "two two "
ok "it is deleted" vm delete d
same_state "nothing is left" "$before"
finish
