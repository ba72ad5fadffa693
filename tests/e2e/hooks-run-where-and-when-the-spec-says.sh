#!/bin/bash
# All six kinds of hooks: where, when and with what they are run, and what a failing one leaves.
. "$(dirname "$0")/lib.sh"

log=$work/log/log
none='{}'
mkdir "$work/log"

# What hooks on the host run: "KIND what it has found", and the state as it was told.
cat >"$work/hook" <<'END'
#!/bin/bash
cat >"$OUT/state.$1"
read -r own <<<"$(readlink /proc/self/ns/mnt)"
where=host
[[ $own == "$HOST" ]] || where=container
echo "$1 $where $(jq -r .status "$OUT/state.$1") $PWD" >>"$OUT/log/log"
ls /proc/self/fd | xargs >"$OUT/fds.$1"
env | grep -vE '^(PWD|OLDPWD|SHLVL|_)=' >"$OUT/env.$1"
END
# What the startContainer hook runs, with the container's busybox.
cat >"$work/guest-hook" <<'END'
#!/bin/sh
cat >/log/state.startContainer
echo "startContainer guest $(uname -r) $PWD $NAME" >>/log/log
END
chmod +x "$work/hook" "$work/guest-hook"

# hook KIND LABEL [JQ OBJECT]: adds one that runs $work/hook LABEL.
hook() {
	config "$dir" '.hooks[$kind] += [{
		path: ($work + "/hook"), args: ["hook", $name],
		env: ["PATH=\($path)", "OUT=\($work)", "HOST=\($host)"]
	} + $more]' --arg kind "$1" --arg work "$work" --arg name "$2" --arg path "$PATH" \
		--arg host "$(readlink /proc/self/ns/mnt)" --argjson more "${3:-"$none"}"
}

# fresh NAME ARGS...: a bundle in $dir with /log shared.
fresh() {
	dir=$work/$1
	bundle "$@"
	mkdir "$dir/rootfs/log"
	cp "$work/guest-hook" "$dir/rootfs/bin/guest-hook"
	config "$dir" '.mounts += [{destination: "/log", type: "bind", source: $log, options: ["rbind"]}]
		| .process.env += ["NAME=from-the-process"] | .process.cwd = "/tmp"
		| .annotations["org.test.note"] = "a \"note\""' --arg log "$work/log"
	: >"$log"
}

# shell KIND SCRIPT [JQ OBJECT]: adds a hook that runs SCRIPT.
shell() {
	config "$dir" '.hooks[$kind] += [{path: "/bin/sh", args: ["sh", "-c", $script]} + $more]' \
		--arg kind "$1" --arg script "$2" --argjson more "${3:-"$none"}"
}

# told LABEL FILTER: of the state that a hook was told.
told() { jq -r "$2" "$work/state.$1"; }

# 1. All of them, in one container's life.
fresh life sh -c 'echo "program $(cat /etc/made-by-a-hook)" >>/log/log; exec sleep 1000'
hook prestart prestart
hook createRuntime createRuntime0
hook createRuntime createRuntime1
hook createContainer createContainer
shell createContainer 'echo written >etc/made-by-a-hook; ls log >'"$work"'/volume'
config "$dir" '.hooks.startContainer = [{path: "/bin/guest-hook"}]'
hook poststart poststart
# One that never reads, and leaves something running with its output open.
shell poststart 'sleep 5 & exit 0'
hook poststop poststop0
shell poststop 'echo no more >&2; exit 9'
hook poststop poststop2
before=$(host_state)

ok "create" vm create --bundle "$dir" life </dev/null
pid=$(anchor_of life)
is "hooks of create have run" "$(cut -d' ' -f1-3 "$log" | xargs)" \
	"prestart host creating createRuntime0 host creating createRuntime1 host creating createContainer container creating"
is "on the host they start in the bundle" "$(awk '$1 == "prestart" {print $4}' "$log")" "$dir"
is "in the container's namespaces they start in its rootfs" \
	"$(awk '$1 == "createContainer" {print $4}' "$log")" "$dir/rootfs"
is "and see its volumes there" "$(cat "$work/volume")" log
is "they know the container" "$(told createRuntime1 '.id + .bundle + .annotations["org.test.note"]')" \
	"life${dir}a \"note\""
is "and its process" "$(told prestart .pid) $(told createRuntime1 .pid)" "$pid $pid"
is "in its own namespace, too" "$(told createContainer .pid)" 1
is "a specification version is told" "$(told prestart .ociVersion)" "$(jq -r .ociVersion "$dir/config.json")"
is "no descriptor is inherited" "$(cat "$work/fds.prestart" "$work/fds.createContainer" | xargs)" \
	"0 1 2 3 0 1 2 3"
is "the environment is the hook's own" "$(cut -d= -f1 "$work/env.prestart" | sort | xargs)" "HOST OUT PATH"

: >"$log"
ok "start" timeout 60 "$VMRUN" --root "$root" start life
wait_for 30 grep -q program "$log" || :
like "the startContainer hook has run in the guest" "$(grep startContainer "$log")" \
	"^startContainer guest [^ ]+ /tmp from-the-process$"
is "before the program, which finds what hooks have written" \
	"$(grep -n '^startContainer' "$log" | cut -d: -f1) $(grep program "$log")" "1 program written"
cp "$work/log/state.startContainer" "$work/state.startContainer"
is "what it was told" "$(told startContainer '"\(.id) \(.status) \(.pid) \(.bundle)"')" "life created 1 $dir"
is "poststart" "$(grep poststart "$log")" "poststart host running $dir"
is "with the process" "$(told poststart .pid)" "$pid"

: >"$log"
run vm --log-level warn delete --force life
is "delete succeeds" "$status" 0
is "all poststop hooks have run, whatever one said" "$(xargs <"$log")" \
	"poststop0 host stopped $dir poststop2 host stopped $dir"
like "the one that failed is a warning" "$(cat "$err")" \
	"error running poststop hook #1: /bin/sh: exit status 9: no more$"
is "nothing is the pid of a container that is gone" "$(told poststop0 .pid)" 0
same_state "nothing is left" "$before"

# 2. Failing ones: one line, everything undone, and poststop hooks run.
# refused WHAT PATTERN: create fails.
refused() {
	hook poststop poststop
	: >"$log"
	fails "$1" "$2" timeout 60 "$VMRUN" --root "$root" create --bundle "$dir" no
	like "$1: then poststop hooks are run" "$(cat "$log")" "poststop host stopped $dir$"
	same_state "$1: nothing is left" "$before"
}

fresh prestart true
shell prestart 'echo one; echo two >&2; exit 3'
hook createRuntime not-reached
refused "a prestart hook that fails" 'error running prestart hook #0: /bin/sh: exit status 3: one\|two$'
is "no further hook is run" "$(grep -c not-reached "$log" || :)" 0

fresh createRuntime true
hook createRuntime first
shell createRuntime 'sleep 4321 & echo waiting; wait' '{"timeout": 1}'
refused "a createRuntime hook that takes too long" \
	'error running createRuntime hook #1: /bin/sh: killed after its timeout of 1 s: waiting$'
is "what it had started is killed with it" "$(pgrep -f 'sleep 4321' || :)" ''

fresh createContainer true
config "$dir" '.hooks.createContainer = [{path: "/no/such/program"}]'
refused "a createContainer hook that is not there" \
	'error running createContainer hook #0: /no/such/program: cannot be executed: No such file or directory$'

fresh startContainer sh -c 'echo program >>/log/log'
shell startContainer 'echo dying; kill -9 $$'
hook poststop poststop
: >"$log"
ok "create" vm create --bundle "$dir" no </dev/null
fails "a startContainer hook that is killed" \
	'error running startContainer hook #0: /bin/sh: killed by signal 9 \(killed\): dying$' vm start no
is "the program was not run, the poststop hooks were" "$(cat "$log")" "poststop host stopped $dir"
same_state "nothing is left of it" "$before"

fresh poststart sleep 1000
shell poststart 'exit 1'
hook poststart not-reached
hook poststop poststop
: >"$log"
ok "create" vm create --bundle "$dir" no </dev/null
fails "a poststart hook that fails" 'error running poststart hook #0: /bin/sh: exit status 1$' vm start no
is "only the poststop hooks were run" "$(cat "$log")" "poststop host stopped $dir"
same_state "nothing is left of that" "$before"

# 3. vmrun is killed while a hook runs: the hook goes, and with it what it has started.
fresh killed true
shell createRuntime "touch $work/begun; sleep 4322 & wait"
# Not through vm(): a function in the background is a shell, and it is vmrun that must die.
"$VMRUN" --root "$root" create --bundle "$dir" killed </dev/null >/dev/null 2>&1 &
creator=$!
wait_for 60 test -e "$work/begun"
kill -9 $creator
wait $creator 2>/dev/null || :
no_hook() { ! pgrep -f 'sleep 4322'; }
ok "a killed vmrun leaves no hook" wait_for 10 no_hook
ok "delete --force" timeout 60 "$VMRUN" --root "$root" delete --force killed
same_state "and nothing else" "$before"
