#!/bin/bash
# What the host changes in a volume raises the inotify events that a watcher on the host sees, in the
# same order, and no others: what the container changes itself raises its events once.
. "$(dirname "$0")/lib.sh"
watcher=$(dirname "$VMRUN")/tests/e2e/bin/watcher

# Two containers' worth of volumes in one: /v, the same directory again as /same, a single file.
mkdir -p "$work/v/sub/deep" "$work/elsewhere"
echo 0 >"$work/v/watched" && echo 0 >"$work/single" && echo 0 >"$work/v/old"
bundle c sh -c 'cd /v; watcher /v /v/sub /v/sub/deep /v/watched /single >/log 2>&1 &
	watcher /same >/log.same 2>&1 &
	watcher -f /v >/log.fan 2>&1 &
	wait; touch /done; exec sleep 1000'
cp "$watcher" "$work/c/rootfs/bin/"
config "$work/c" '.mounts += [
	{destination: "/v", type: "bind", source: $v, options: ["rbind", "rw"]},
	{destination: "/same", type: "bind", source: $v, options: ["rbind", "ro"]},
	{destination: "/single", type: "bind", source: $s, options: ["bind", "ro"]}]' \
	--arg v "$work/v" --arg s "$work/single"
rootfs=$work/c/rootfs
ok "the container starts" vm run -d -b "$work/c" watching </dev/null
"$watcher" "$work/v" "$work/v/sub" "$work/v/sub/deep" "$work/v/watched" "$work/single" >"$work/log" &
"$watcher" "$work/v" >"$work/log.same" &
ready() { grep -q ready "$rootfs/log" && grep -q ready "$rootfs/log.same" && grep -q ready "$rootfs/log.fan" &&
	grep -q ready "$work/log" && grep -q ready "$work/log.same"; }
ok "watchers on both sides" wait_for 90 ready

# The guest's own changes raise its events once; the host's watcher sees them, too, so that both logs
# are still the same. `settled` waits until the last of them is there.
settled() { grep -q "create $1\$" "$rootfs/log.same" && grep -q "create $1\$" "$rootfs/log"; }
in_c() { vm exec watching "$@" </dev/null; }

host_changes() {
	cd "$work/v"
	# Files, one change of each kind.
	touch new && echo text >>new && chmod 600 new && chown 3:4 new && ln new link && rm link
	truncate -s 2 new && echo over >new
	ln -s target symlink && mkfifo pipe && mkdir dir && touch dir/unwatched
	# Moves: within, between watched directories, out of the volume, into it, over another.
	mv new newer && mv newer sub/newest && mv sub/newest sub/deep/ && mv sub/deep/newest ../elsewhere/
	mv ../elsewhere/newest again && mv again old && mv dir sub/ && mv sub/dir ../elsewhere/ &&
		mv ../elsewhere/dir .
	mv -T dir sub/renamed && rm -r sub/renamed
	# An editor saves a file: writes another, renames it over.
	echo draft >.old.swp && mv .old.swp old
	# Kubernetes swaps a link of a mounted ConfigMap.
	mkdir ..1 && echo a >..1/key && ln -s ..1 ..data && ln -s ..data/key key
	mkdir ..2 && echo b >..2/key && ln -s ..2 ..data_tmp && mv -T ..data_tmp ..data && rm -r ..1
	# What is watched itself: a directory, files, one of them a volume of its own.
	chmod 711 sub && echo 1 >>watched && mv watched moved && rm moved && echo 1 >>"$work/single" &&
		chmod 600 "$work/single"
	rm symlink pipe && rmdir sub/deep
	touch "$1"
	cd - >/dev/null
}
host_changes step1
ok "the events come" wait_for 60 settled step1

# The container's own changes, of each kind, and then one of the host's.
in_c sh -c 'cd /v; echo a >own; echo b >>own; chmod 640 own; mv own own2; mkdir owndir; mv own2 owndir/; truncate -s 1 owndir/own2
	mv owndir/own2 own3; ln -s x ownlink; ln own3 ownhard; echo c >own4; mv own4 own3; rm ownhard ownlink own3; rmdir owndir'
touch "$work/v/step2"
ok "the container's own changes, then one of the host's" wait_for 60 settled step2

# Both at once, on files of their own.
in_c sh -c 'cd /v; for i in 1 2 3 4 5 6 7 8 9; do echo $i >mine$i; rm mine$i; done' &
in_c=$!
for i in 1 2 3 4 5 6 7 8 9; do echo "$i" >"$work/v/his$i" && rm "$work/v/his$i"; done
wait "$in_c"

# A burst.
for i in {1..500}; do : >"$work/v/b$i" && rm "$work/v/b$i"; done
touch "$work/v/end"
ended() { [[ -e $rootfs/done ]] && grep -q 'create end$' "$work/log" && grep -q 'create end$' "$work/log.same"; }
ok "the end" wait_for 120 ended

log() { sed '/create end$/q' "$1"; }
# Two threads of events have no order among them.
apart() { grep -E "$2" "$1" || :; }
# What is the same twice in a row may be one event, depending on when it is read. A removed file is
# gone on the host when the guest has let go of it; inside it is gone at once.
same_events() {
	local a=$1 b=$2 what=$3 but=' ((mine|his)[1-9]$|delete_self|ignored)'
	if diff <(log "$a" | grep -vE "$but" | uniq) <(log "$b" | grep -vE "$but" | uniq) >"$out"; then
		pass "$what"
	else
		fail "$what (<: on the host, >: in the container)"
	fi
	is "$what: both at once, the container's" "$(apart "$b" ' mine[1-9]')" "$(apart "$a" ' mine[1-9]')"
	is "$what: both at once, the host's" "$(apart "$b" ' his[1-9]')" "$(apart "$a" ' his[1-9]')"
}
same_events "$work/log" "$rootfs/log" "events, order, pairs"
same_events "$work/log.same" "$rootfs/log.same" "the same directory as another volume"
is "a file and a directory that are watched go" "$(grep -E '^[23] ' "$rootfs/log" | tail -n 8 | tr '\n' ' ')" \
	"3 modify 3 close_write 3 move_self 3 attrib 3 delete_self 3 ignored 2 delete_self 2 ignored "
like "fanotify: what an editor did" "$(tr "\n" " " <"$rootfs/log.fan")" \
	"moved_from \.old\.swp moved_to old "
vm delete --force watching
