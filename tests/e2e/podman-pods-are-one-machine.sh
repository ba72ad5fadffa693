#!/bin/bash
# Debian's podman, unmodified: the containers of a pod run in one virtual machine and share what podman
# says; podman stops, lists and removes them as with any runtime.
. "$(dirname "$0")/lib.sh"
type -P podman >/dev/null || skip "podman is not installed"
# Podman leaves this one.
mountpoint -q /run/netns && had_netns=1 || had_netns=0
before=$(host_state)

# Podman's clean-up processes get no options for the runtime, so containers are in its own state root.
mkdir "$work/bin"
cat >"$work/bin/vmrun" <<END
#!/bin/bash
exec "$VMRUN" --root "$root" "\$@"
END
chmod +x "$work/bin/vmrun"
cat >"$work/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0
[engine]
infra_image = "localhost/pause:latest"
END
export CONTAINERS_CONF=$work/containers.conf
p() {
	podman --root "$work/p" --runroot "$work/pr" --tmpdir "$work/pt" --network-config-dir "$work/pn" \
		--storage-driver vfs --cgroup-manager cgroupfs --events-backend file --runtime "$work/bin/vmrun" "$@"
}
mkdir "$work/disk"
disk "$work/disk"
ln -s disk "$work/p"
tar -C "$E2E_CACHE/busybox" -c . | p import - localhost/busybox:latest >/dev/null 2>&1
tar -C "$E2E_CACHE/busybox" -c . |
	p import -c 'ENTRYPOINT ["/bin/sleep", "100000"]' - localhost/pause:latest >/dev/null 2>&1

run p run --rm --network none localhost/busybox:latest echo alone
is "a container of no pod" "$status $(cat "$out")" "0 alone"

# With cgroupfs on cgroup v2 podman 4.3 lets no process of a pod's cgroup open a device, whatever the
# runtime: then the pod has none.
own_cgroup=(--share-parent=true)
p pod create --network none --name probe >/dev/null
peer=$(type -P runc || type -P crun)
if ! p --runtime "$peer" run --rm --pod probe localhost/busybox:latest true >/dev/null 2>&1; then
	own_cgroup=(--share-parent=false)
fi
p pod rm -f probe >/dev/null

run p pod create --network none --share net,ipc,uts "${own_cgroup[@]}" --name shared
is "a pod" "$status" 0
run p run -d --pod shared --name web localhost/busybox:latest \
	sh -c 'mkdir -p /www; echo served >/www/index.html; exec httpd -f -p 127.0.0.1:8080 -h /www'
is "its first container" "$status $(cat "$err")" "0 "
run p run -d --pod shared --name side localhost/busybox:latest sleep 100000
is "its second one" "$status $(cat "$err")" "0 "
is "all are in one machine, with the one that holds the pod" "$(monitors | wc -l) $(vm list -q | wc -l)" '1 3'
served() { [[ $(p exec side wget -qO- http://127.0.0.1:8080/) == served ]]; }
ok "they talk over localhost" wait_for 20 served
ns() { p exec "$1" readlink "/proc/self/ns/$2"; }
is "ipc and uts are the pod's" "$(ns web ipc) $(ns web uts)" "$(ns side ipc) $(ns side uts)"
ok "pids are not" test "$(ns web pid)" != "$(ns side pid)"
is "podman pod ps" "$(p pod ps --format '{{.Status}} {{.NumberOfContainers}}')" 'Running 3'
like "podman pod top" "$(p pod top shared)" 'vmrun-proxy'
like "podman top with ps's options asks the guest" "$(p top side -ef)" 'sleep 100000'
run p stop -t 1 side
is "one stops, the other goes on" "$(p ps -q --filter name=web | wc -l) $(p exec web echo on)" '1 on'
run p start side
is "and starts again, in the same machine" "$status $(monitors | wc -l) $(ns side ipc)" "0 1 $(ns web ipc)"
run p pod stop -t 1 shared
is "podman pod stop" "$status $(p pod ps --format '{{.Status}}')" '0 Exited'
run p pod start shared
is "podman pod start" "$status $(p pod ps --format '{{.Status}}') $(monitors | wc -l)" '0 Running 1'
ok "with what it was" wait_for 20 served
run p pod rm -f -t 1 shared
is "podman pod rm" "$status $(vm list -q | wc -l) $(monitors | wc -l)" '0 0 0'

run p pod create --network none --share pid "${own_cgroup[@]}" --name pids
run p run -d --network none --pod pids --name first localhost/busybox:latest sleep 100000
run p run --rm --network none --pod pids localhost/busybox:latest ps
like "pids are shared where the pod says so" "$(cat "$out")" 'sleep 100000'
p pod rm -f -t 1 pids >/dev/null

cat >"$work/pod.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: kube}
spec:
  containers:
  - name: web
    image: localhost/busybox:latest
    command: [sh, -c, 'mkdir -p /www; echo served >/www/index.html; exec httpd -f -p 127.0.0.1:8080 -h /www']
  - name: side
    image: localhost/busybox:latest
    command: [sleep, "100000"]
END
if [[ ${own_cgroup[0]} == *true ]]; then
	run p play kube --network none "$work/pod.yaml"
	is "podman play kube" "$status $(monitors | wc -l)" '0 1'
	kube() { [[ $(p exec kube-side wget -qO- http://127.0.0.1:8080/) == served ]]; }
	ok "its two containers talk over localhost" wait_for 20 kube
	run p play kube --down "$work/pod.yaml"
	is "and go" "$status $(p ps -aq | wc -l) $(vm list -q | wc -l)" '0 0 0'
else
	echo "  skipped - podman play kube: the cgroup of its pod denies all devices here, to other runtimes as well"
fi
p rmi -af >/dev/null
rm "$work/p"
umount "$work/disk"
((had_netns)) || umount /run/netns 2>/dev/null || :
same_state "nothing is left behind" "$before"
