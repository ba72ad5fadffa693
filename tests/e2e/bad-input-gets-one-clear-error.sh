#!/bin/bash
# Broken bundles, ids and states: one line that names the cause, exit status not 0, nothing left.
. "$(dirname "$0")/lib.sh"
bundle good sh -c 'exit 0'
bundle alive sh -c 'while :; do sleep 0.2; done'
before=$(host_state)

broken() { # NAME FILTER: a copy of the good bundle's config with an edit
	mkdir -p "$work/$1"
	ln -sfn "$work/good/rootfs" "$work/$1/rootfs"
	cp "$work/good/config.json" "$work/$1/config.json"
	config "$work/$1" "$2"
}

mkdir "$work/empty"
fails "no config.json" 'config\.json.*No such file' vm run "$work/empty"
mkdir "$work/json"
echo '{"ociVersion": "1.0.0", ' >"$work/json/config.json"
fails "broken JSON" 'config\.json' vm run "$work/json"
broken version '.ociVersion = "9.0.0"'
fails "a wrong ociVersion" 'ociVersion.*9\.0\.0' vm run "$work/version"
broken type '.linux.resources.memory.limit = "lots"'
fails "a field of the wrong type" \
	'config\.json: linux\.resources\.memory\.limit: expected an integer, got "lots"' vm run "$work/type"
broken noroot '.root.path = "nowhere"'
fails "a missing rootfs" 'nowhere.*No such file' vm run "$work/noroot"
broken noargs '.process.args = []'
fails "no args" 'process\.args' vm run "$work/noargs"
broken nosrc '.mounts += [{destination: "/x", type: "bind", source: "/no/such/source", options: ["bind"]}]'
fails "a missing mount source" '/no/such/source' vm run "$work/nosrc"
broken noprog '.process.args = ["no-such-program"]'
fails "a program that does not exist" 'executable file not found in \$PATH' vm run "$work/noprog"
broken nopath '.process.args = ["/no/such"]'
fails "a path that does not exist" 'no such file or directory|executable file.*not found' vm run "$work/nopath"
broken noexec '.process.args = ["/etc/passwd"]'
fails "a program that is not executable" 'permission denied' vm run "$work/noexec"
broken cwd '.process.cwd = "relative"'
fails "a relative cwd" 'process\.cwd' vm run "$work/cwd"
same_state "nothing is left of broken bundles" "$before"

for id in ../x . .. a/b "$(printf 'x%.0s' {1..5000})"; do
	fails "the id ${id:0:20}" 'id' vm create --bundle "$work/good" "$id"
done
fails "an empty id" 'id' vm create --bundle "$work/good" ''
for command in state start 'kill' delete ps; do
	fails "$command of an unknown id" 'does not exist' vm "$command" unknown
done
run vm delete --force unknown
is "delete --force of an unknown id succeeds" "$status" 0
fails "an unknown command" 'frobnicate' vm frobnicate
fails "an unknown option" 'frobnicate' vm run --frobnicate "$work/good"

vm run -d "$work/alive" twice >/dev/null 2>&1 </dev/null
fails "an id that exists" 'exists' vm create --bundle "$work/good" twice
is "the first one is unharmed" "$(status_of twice)" running
fails "an unknown signal" 'signal' vm kill twice NOSUCH
vm delete --force twice
vm create --bundle "$work/alive" twice >/dev/null 2>&1 </dev/null
mv "$root/containers/twice/config.json" "$work/kept"
fails "a state directory without its file" "state directory $root/containers/twice: config\\.json: No such file" vm start twice
mv "$work/kept" "$root/containers/twice/config.json"
vm delete --force twice
same_state "nothing is left" "$before"

mkdir "$work/small"
mount -t tmpfs -o size=16k tmpfs "$work/small"
head -c 16k /dev/zero >"$work/small/fill" 2>/dev/null || :
echo "# whose file it is that cannot be had"
fails "a full disk under the state root" "state directory $work/small/root/containers/[^/ ]+: config\\.json: No space left" \
	"$VMRUN" --root "$work/small/root" run "$work/good"
jq -n --arg dir "$work/small/cache" '{cache_dir: $dir}' >"$work/full.conf"
echo '{"cache_dir": "/dev/null"}' >"$work/null.conf"
fails "a full disk under the cache" "cache folder $work/small/cache: .*No space left" \
	"$VMRUN" --root "$root" --config "$work/full.conf" run "$work/good"
fails "under the pid file" "--pid-file $work/small/pid: No space left" \
	vm create --bundle "$work/good" --pid-file "$work/small/pid" full </dev/null
umount "$work/small"
fails "a state root that is a file" "state directory $work/good/config\\.json: Not a directory" \
	"$VMRUN" --root "$work/good/config.json" run "$work/good"
fails "a cache that is one" "cache folder /dev/null: Not a directory" \
	"$VMRUN" --root "$root" --config "$work/null.conf" run "$work/good"
fails "a log file's directory" 'log file /no/such/log: No such file' "$VMRUN" --log /no/such/log list
fails "settings" '/no/such/conf: No such file' "$VMRUN" --root "$root" --config /no/such/conf run "$work/good"
mkdir -p "$work/dir/config.json"
fails "a config.json that is a directory" "$work/dir/config\\.json: Is a directory" vm run "$work/dir"
broken tty '.process.terminal = true'
fails "a console socket" '--console-socket /no/such/socket: No such file' \
	vm create --bundle "$work/tty" --console-socket /no/such/socket tty
fails "one where nobody listens" '--console-socket .*: Connection refused' \
	vm create --bundle "$work/tty" --console-socket "$work/good/config.json" tty
same_state "and nothing is left" "$before"

"$VMRUN" --root "$root" --log "$work/log.json" --log-format json run "$work/noargs" 2>/dev/null || :
is "--log gets one JSON line" "$(jq -r .level "$work/log.json")$(wc -l <"$work/log.json")" error1
like "with the message" "$(jq -r .msg "$work/log.json")" 'process\.args'
