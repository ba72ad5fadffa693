#!/bin/bash
# flock, POSIX and OFD locks in a volume: the host and the containers of other pods see each other's,
# whoever holds one loses it however he dies, and whoever waits for one can be killed.
. "$(dirname "$0")/lib.sh"

locks=$(dirname "$VMRUN")/tests/e2e/bin/locks
mkdir "$work/v"
for c in one two; do
	bundle $c sleep 100000
	cp "$locks" "$work/$c/rootfs/bin/"
	config "$work/$c" '.mounts += [{destination: "/v", type: "bind", source: $v, options: ["rbind", "rw"]}]' \
		--arg v "$work/v"
	vm run -d "$work/$c" $c >/dev/null 2>&1 </dev/null
done
cp "$locks" "$work/locks"
touch "$work/one/rootfs/f"

on_host() { "$work/locks" "$@" | tr '\n' ' '; }
in_c() { vm exec "$1" locks "${@:2}" </dev/null | tr '\n' ' '; }
holders=()
# hold_on_host NAME ARGS...: in the background, until freed.
hold_on_host() {
	"$work/locks" "${@:2}" hold >"$work/v/$1" &
	holders+=($!)
	wait_for 30 grep -q got "$work/v/$1"
}
free_on_host() {
	kill -9 "${holders[@]}"
	wait "${holders[@]}" 2>/dev/null || :
	holders=()
}
# start_in NAME CONTAINER ARGS...: in the background; what it says is in the volume.
start_in() { vm exec -d --pid-file "$work/$1.pid" "$2" sh -c 'exec locks "$@" >/v/'"$1" sh "${@:3}" >/dev/null 2>&1 </dev/null; }
hold_in() {
	start_in "$@" hold
	wait_for 60 grep -q got "$work/v/$1"
}
kill_in() { kill -9 "$(cat "$work/$1.pid")"; }
gone() { ! kill -0 "$(cat "$work/$1.pid")" 2>/dev/null; }
host_gets() { [[ $(on_host "$@") =~ ^(got )+$ ]]; }

hold_on_host h1 any "$work/v/f" w 0 100 all
is "what the host holds" "$(in_c one any /v/f r 50 100 all)" "busy busy busy "
is "and what it does not" "$(in_c one posix /v/f w 200 10)" "got "
is "a file that is open for reading" "$(in_c one posix /v/f r 0 0)" "busy "
free_on_host
is "is free when its holder is killed" "$(in_c one any /v/f w 0 1000 all)" "got got got "

hold_in g1 one any /v/f w 0 100 all
is "what a container holds, seen by the host" "$(on_host any "$work/v/f" r 50 100 all)" "busy busy busy "
is "by another pod" "$(in_c two any /v/f r 50 100 all)" "busy busy busy "
is "by another process of its own" "$(in_c one any /v/f r 50 100 all)" "busy busy busy "
is "and what it does not hold" "$(on_host posix "$work/v/f" w 200 10)" "got "
hold_in g3 two posix /v/f w 300 10 reopen
is "what a close has freed" "$(on_host posix "$work/v/f" w 300 10)" "got "
start_in w1 two posix /v/f w 0 10 wait
kill_in g1
ok "is free for the host when its holder is killed" wait_for 60 host_gets any "$work/v/f" w 50 100 all
ok "and for who waits in the other pod" wait_for 60 grep -q got "$work/v/w1"

hold_on_host h2 any "$work/v/f" w 0 100 all
start_in w2 one flock /v/f w 0 0 wait
start_in w3 one posix /v/f w 0 0 wait
start_in w4 one ofd /v/f w 0 0 wait
is "a signal while a process waits" "$(in_c one posix /v/f w 0 0 wait alarm)" "interrupted "
is "and with flock" "$(in_c one flock /v/f w 0 0 wait alarm)" "interrupted "
is "others read and write meanwhile" "$(vm exec one sh -c 'echo x >/v/x; cat /v/x')" x
kill_in w2
ok "who waits is killed" wait_for 60 gone w2
free_on_host
ok "and the others get it, one" wait_for 60 grep -q got "$work/v/w3"
ok "after the other" wait_for 60 grep -q got "$work/v/w4"

hold_in g2 one ofd /v/f w 0 0
is "what a container holds" "$(on_host flock "$work/v/f" w 0 0)$(on_host posix "$work/v/f" w 0 1)" "got busy "
monitor=$(vm state one | jq -r .pid)
for m in $(monitors); do
	[[ ! $(find "/proc/$m/fd" -lname "$work/one/rootfs" -print -quit) ]] || monitor=$m
done
kill -9 "$monitor"
ok "is free when the monitor is killed" wait_for 30 host_gets posix "$work/v/f" w 0 1

hold_on_host h3 any "$work/two/rootfs/f" w 0 100 all
is "locks in the rootfs are the guest's own" "$(in_c two any /f w 0 100 all)" "got got got "
free_on_host
hold_on_host h4 posix "$work/v/f" w 0 0
start_in w5 two posix /v/f w 0 0 wait
# Nobody waits for a lock that it waits for.
ok "a container that waits is deleted" timeout 60 "$VMRUN" --root "$root" delete --force two
free_on_host

hold_on_host h5 any "$work/two/rootfs/f" w 0 100 all
config "$work/two" '.process.args = ["locks", "any", "/f", "w", "0", "100", "all"]'
echo '{"share_locks": "host"}' >"$work/vmrun.conf"
is "unless the settings have it otherwise" "$(vm --config "$work/vmrun.conf" run "$work/two" | tr '\n' ' ')" "busy busy busy "
free_on_host
hold_on_host h6 any "$work/v/f" w 0 100 all
config "$work/two" '.process.args[2] = "/v/f" | .annotations["io.vmrun.share.locks:/v"] = "guest"'
is "and a volume's with an annotation" "$(vm --config "$work/vmrun.conf" run "$work/two" | tr '\n' ' ')" "got got got "
config "$work/two" '.annotations["io.vmrun.share.locks:/v"] = "local"'
fails "which has its words" 'annotations\["io.vmrun.share.locks:/v"\]: must be "auto", "host" or "guest", got "local"' \
	vm run "$work/two"
free_on_host
