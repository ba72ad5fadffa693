/* The seccomp agent's side of a create or exec: see notify.h. */
#include "container/seccomp_agent.h"

#include "base/fd.h"
#include "oci/parse.h"
#include "oci/seccomp.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define WHAT "linux.seccomp.listenerPath"

/* One that does not accept holds nobody up for longer. */
#define AGENT_TIMEOUT_S 30
/* As config-linux.md names it. */
#define FD_NAME "seccompFd"

static int open_socket(const char *path)
{
	AUTO_CLOSE int file = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return -errno;
	return S_ISSOCK(st.st_mode) ? steal_fd(&file) : -ENOTSOCK;
}

static int connect_agent(const char *path)
{
	static const struct timeval timeout = { .tv_sec = AGENT_TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int file = open_socket(path);
	AUTO_CLOSE int fd = -1;

	if (file < 0)
		return file;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Through the descriptor, because a socket's path may have 107 bytes only. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", file);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
		connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return steal_fd(&fd);
}

static int no_agent(const struct notify *n, int code, struct err *err)
{
	return err_sys(err, code, "%s: " WHAT ": failed to connect with seccomp agent at %s",
		n->file, n->path);
}

/* Of one file, which is its root: the agent's may be any user. */
static int configure(int fs, int server)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", server);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", "vmrun-seccomp", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "fd", number, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "rootmode", "100600", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "user_id", "0", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "group_id", "0", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_FLAG, "allow_other", NULL, 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return 0;
}

static int make_file_system(struct notify *n, struct err *err)
{
	AUTO_CLOSE int fs = -1;
	int r;

	n->served.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (n->served.fuse < 0)
		return err_set(err, errno,
			"%s: " WHAT ": needs FUSE on the host, cannot open /dev/fuse: %s "
			"(try \"modprobe fuse\")",
			n->file, strerror(errno));
	fs = fsopen("fuse", FSOPEN_CLOEXEC);
	r = fs < 0 ? -errno : configure(fs, n->served.fuse);
	if (r == 0) {
		n->mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
		r = n->mount < 0 ? -errno : 0;
	}
	return r < 0 ? err_sys(err, -r, "%s: " WHAT ": cannot mount a FUSE file system", n->file)
		     : 0;
}

int notify_open(
	const struct spec_seccomp *seccomp, const char *file, struct notify *ret, struct err *err)
{
	AUTO_CLOSE int agent = -1;

	if (!seccomp || !seccomp_notifies(seccomp))
		return 0;
	ret->file = file;
	ret->path = seccomp->listener_path;
	ret->metadata = seccomp->listener_metadata;
	/* It is connected when there is something to say; that it is missing can be said now. */
	agent = open_socket(ret->path);
	if (agent < 0)
		return no_agent(ret, -agent, err);
	ret->served.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->served.proc < 0)
		return err_sys(err, errno, "/proc");
	return make_file_system(ret, err);
}

void notify_done(struct notify *n)
{
	close_fd(&n->mount);
	close_fd(&n->served.fuse);
	close_fd(&n->served.proc);
	close_fd(&n->served.rpc);
	close_fd(&n->served.mnt_ns);
}

static int open_view(pid_t container, int *ret, struct err *err)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", container);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_sys(err, errno, "the container's view") : 0;
}

int notify_describe(struct notify *n, const struct state *s, pid_t container,
	struct anchor_spec *spec, struct err *err)
{
	AUTO_CLOSE int ctl = -1;
	int r = 0;

	if (!notify_wanted(n))
		return 0;
	ctl = vmclient_connect(s->pod_dir, err);
	if (ctl < 0)
		return ctl;
	r = vmclient_dial_agent(ctl, &n->served.rpc, err);
	if (r == 0 && container > 0)
		r = open_view(container, &n->served.mnt_ns, err);
	spec->notify = &n->served;
	return r;
}

static int print_message(const struct notify *n, const struct state *s, enum status status,
	pid_t anchor, struct buf *out)
{
	/* The container's own process is the one that is notified of, or it has one. */
	pid_t first = status == STATUS_CREATING ? anchor : s->anchor.pid;
	struct json_out json;

	json_init(&json, out, false);
	json_object(&json);
	json_key_str(&json, "ociVersion", OCI_VERSION_MAX);
	json_key(&json, "fds");
	json_array(&json);
	json_str(&json, FD_NAME);
	json_end(&json);
	json_key(&json, "pid");
	json_u64(&json, (uint64_t)anchor);
	if (n->metadata)
		json_key_str(&json, "metadata", n->metadata);
	json_key(&json, "state");
	state_put(s, status, first, &json, NULL);
	json_end(&json);
	return json_finish(&json);
}

int notify_send(
	struct notify *n, const struct state *s, enum status status, pid_t anchor, struct err *err)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int agent = -1;
	AUTO_CLOSE int file = -1;
	char path[32];
	int r;

	if (!notify_wanted(n))
		return 0;
	agent = connect_agent(n->path);
	if (agent < 0)
		return no_agent(n, -agent, err);
	/* The anchor's alone now: when its server ends, so does whoever waits for it. */
	close_fd(&n->served.fuse);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", n->mount);
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return err_sys(err, errno, "%s: " WHAT ": the listener's file", n->file);
	r = print_message(n, s, status, anchor, &text);
	if (r == 0)
		r = fd_send(agent, text.data, text.len, &file, 1);
	return r < 0 ? err_sys(err, -r, "%s: " WHAT ": cannot send to the seccomp agent at %s",
			       n->file, n->path)
		     : 0;
}
