/*
 * Control connections against what a client may send, with the machine, the vsock and the fs device
 * played here, and the end of the process noted instead of done.
 */
#include "base/fd.h"
#include "tests/unit/unit.h"
#include "vm/ctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static struct {
	int starts, start_code;
	char params[VMCTL_PARAMS_MAX];
	int export_code;
	const struct fs *export_fs;
	unsigned export_flags;
	char export_name[SHARE_NAME_MAX];
	unsigned removals;
	uint32_t connect_port;
	struct vsock_host_end end;
	uint64_t preamble;
	int connect_code;
	vsock_connected_fn *connected;
	void *connected_arg;
	int quits, status;
} seen;

static void note_quit(int status)
{
	seen.quits++;
	seen.status = status;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	/* cmocka has a use for others. */
	if (id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, ts);
	*ts = (struct timespec){ .tv_nsec = 42 };
	return 0;
}

/* Never looked into: what stands for the file systems below. */
static char fakes[2];
#define FAKE_ROOTS   ((struct fs *)(void *)&fakes[0])
#define FAKE_VOLUMES ((struct fs *)(void *)&fakes[1])

int vm_start(struct vm *vm, const struct vmctl_start *start, int *fds, struct err *err)
{
	seen.starts++;
	memcpy(seen.params, start->params, sizeof(seen.params));
	if (seen.start_code)
		return err_set(err, seen.start_code, "no start today");
	for (int i = 0; i < VMCTL_START_FDS; i++)
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	vm->started = true;
	vm->phase = VMCTL_PHASE_RUNNING;
	vm->devices.roots = FAKE_ROOTS;
	return 0;
}

int fs_export_add(struct fs *fs, const char *name, int fd, unsigned flags)
{
	seen.export_fs = fs;
	snprintf(seen.export_name, sizeof(seen.export_name), "%s", name);
	seen.export_flags = flags;
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	return seen.export_code;
}

int fs_export_remove(struct fs *fs, const char *name)
{
	(void)fs;
	seen.removals++;
	return strcmp(name, seen.export_name) == 0 ? 0 : -ENOENT;
}

int vsock_connect(struct vsock *v, uint32_t port, const struct vsock_host_end *end,
	vsock_connected_fn *fn, void *arg)
{
	(void)v;
	seen.connect_port = port;
	seen.end = *end;
	if (end->preamble_len)
		memcpy(&seen.preamble, end->preamble, sizeof(seen.preamble));
	close(end->fd);
	if (end->done_fd >= 0)
		close(end->done_fd);
	seen.connected = fn;
	seen.connected_arg = arg;
	return seen.connect_code;
}

static char fake_machine;
#define FAKE_MACHINE ((struct machine *)(void *)&fake_machine)

int devices_add(struct loop *loop, struct machine *m, enum vmctl_device_kind kind, unsigned *ret,
	struct err *err)
{
	assert_non_null(loop);
	assert_ptr_equal(m, FAKE_MACHINE);
	if (kind != VMCTL_DEVICE_RNG)
		return err_set(err, EINVAL, "no such kind");
	*ret = 7;
	return 0;
}

/* A monitor without a machine, and the first client's end. */
struct scene {
	struct vm vm;
	int first;
	int listener;
	struct sockaddr_un address;
};

static int scene_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	int sv[2];

	memset(&seen, 0, sizeof(seen));
	s->listener = -1;
	s->vm.quit = note_quit;
	assert_int_equal(loop_new(&s->vm.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(ctl_new(&s->vm, sv[1], &s->vm.ctl), 0);
	s->first = sv[0];
	*state = s;
	return 0;
}

/* A struct ctl lives as long as its process. */
static struct ctl *kept[64];
static unsigned kept_count;

static int scene_down(void **state)
{
	struct scene *s = *state;

	kept[kept_count++] = s->vm.ctl;
	close(s->first);
	close_fd(&s->listener);
	loop_free(s->vm.loop);
	free(s);
	return 0;
}

static void turn(struct scene *s)
{
	while (loop_turn(s->vm.loop, 0) > 0)
		;
}

/* Sends len bytes with n descriptors of /dev/null. */
static void send_raw(int fd, const void *data, size_t len, unsigned n)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fds[FD_PASS_MAX];

	for (unsigned i = 0; i < n; i++)
		fds[i] = null;
	assert_int_equal(fd_send(fd, data, len, fds, n), 0);
	close(null);
}

/* The next packet for a client; -1: there is none, 0: closed. */
static ssize_t take(int fd, struct vmctl_reply *reply)
{
	return recv(fd, reply, sizeof(*reply), MSG_DONTWAIT);
}

static int answer(struct scene *s, int fd)
{
	struct vmctl_reply reply;

	turn(s);
	assert_int_equal(take(fd, &reply), sizeof(reply));
	assert_int_equal(reply.kind, VMCTL_REPLY);
	assert_int_equal(reply.at_ns, 42);
	assert_non_null(memchr(reply.msg, '\0', sizeof(reply.msg)));
	return reply.code;
}

static struct vmctl_request request(uint32_t op)
{
	return (struct vmctl_request){ .size = (uint32_t)vmctl_request_size(op), .op = op };
}

static int ask(struct scene *s, int fd, const struct vmctl_request *req, unsigned n)
{
	send_raw(fd, req, req->size, n);
	return answer(s, fd);
}

static int ask_op(struct scene *s, int fd, uint32_t op, unsigned n)
{
	struct vmctl_request req = request(op);

	return ask(s, fd, &req, n);
}

static void start(struct scene *s)
{
	assert_int_equal(ask_op(s, s->first, VMCTL_START, VMCTL_START_FDS), 0);
}

static void listen_on(struct scene *s)
{
	struct err err = ERR_NONE;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(s->address);

	s->address.sun_family = AF_UNIX; /* the kernel chooses an abstract name */
	assert_int_equal(bind(fd, (struct sockaddr *)&s->address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&s->address, &len), 0);
	assert_int_equal(listen(fd, 64), 0);
	s->listener = fd;
	assert_int_equal(ctl_listen(s->vm.ctl, dup(fd), &err), 0);
}

static int client(struct scene *s)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const char *name = s->address.sun_path + 1;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));

	assert_int_equal(connect(fd, (struct sockaddr *)&s->address, len), 0);
	return fd;
}

static void a_request_before_the_start(void **state)
{
	struct scene *s = *state;

	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 0), 0);
	assert_int_equal(ask_op(s, s->first, VMCTL_CONNECT, 1), EAGAIN);
	assert_int_equal(ask_op(s, s->first, VMCTL_SHARE_ADD, 1), EAGAIN);
	assert_int_equal(ask_op(s, s->first, VMCTL_HOLD, 0), EAGAIN);
	assert_int_equal(ask_op(s, s->first, VMCTL_WATCH, 0), EAGAIN);
	assert_int_equal(ask_op(s, s->first, VMCTL_ROLE, 0), EAGAIN);
}

static void malformed_requests(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_STATUS);
	static char large[VMCTL_MESSAGE_MAX + 1];

	send_raw(s->first, &req, req.size - 1, 0);
	assert_int_equal(answer(s, s->first), EINVAL);
	send_raw(s->first, &req, 1, 3);
	assert_int_equal(answer(s, s->first), EINVAL);
	memcpy(large, &req, req.size);
	send_raw(s->first, large, sizeof(large), FD_PASS_MAX);
	assert_int_equal(answer(s, s->first), EINVAL);
	req.size++;
	send_raw(s->first, &req, req.size - 1, 0);
	assert_int_equal(answer(s, s->first), EINVAL);
	assert_int_equal(ask_op(s, s->first, 0, 0), EINVAL);
	assert_int_equal(ask_op(s, s->first, UINT32_MAX, 0), EINVAL);
	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 1), EINVAL);
	assert_int_equal(ask_op(s, s->first, VMCTL_START, VMCTL_FD_MOUNTS - 1), EINVAL);
	assert_int_equal(ask_op(s, s->first, VMCTL_START, FD_PASS_MAX), EINVAL);
	assert_int_equal(seen.starts, 0);
	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 0), 0);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void descriptors_of_refused_requests_are_closed(void **state)
{
	struct scene *s = *state;
	unsigned before = open_descriptors();

	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, FD_PASS_MAX), EINVAL);
	assert_int_equal(ask_op(s, s->first, VMCTL_SHARE_ADD, 1), EAGAIN);
	assert_int_equal(ask_op(s, s->first, 77, 5), EINVAL);
	assert_int_equal(open_descriptors(), before);
}

static void start_once(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_START);
	unsigned before = open_descriptors();

	memset(req.u.start.params, 'x', sizeof(req.u.start.params));
	assert_int_equal(ask(s, s->first, &req, VMCTL_START_FDS), EINVAL);
	req.u.start.params[VMCTL_PARAMS_MAX - 1] = '\0';
	assert_int_equal(ask(s, s->first, &req, VMCTL_START_FDS), 0);
	assert_int_equal(strlen(seen.params), VMCTL_PARAMS_MAX - 1);
	assert_int_equal(ask(s, s->first, &req, VMCTL_START_FDS), EBUSY);
	assert_int_equal(seen.starts, 1);
	assert_int_equal(open_descriptors(), before);
}

/* The answer says which slot; the machine of QEMU has none for it. */
static void devices_go_into_slots(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_DEVICE_ADD);
	struct vmctl_reply reply;

	req.u.device.kind = VMCTL_DEVICE_RNG;
	assert_int_equal(ask(s, s->first, &req, 0), EAGAIN);
	start(s);
	assert_int_equal(ask(s, s->first, &req, 0), EOPNOTSUPP);
	s->vm.machine = FAKE_MACHINE;
	send_raw(s->first, &req, req.size, 0);
	turn(s);
	assert_int_equal(take(s->first, &reply), sizeof(reply));
	assert_int_equal(reply.code, 0);
	assert_int_equal(reply.value, 7);
	req.u.device.kind = 1000;
	assert_int_equal(ask(s, s->first, &req, 0), EINVAL);
	assert_int_equal(ask(s, s->first, &req, 1), EINVAL);
}

static void phases_go_to_the_first_client(void **state)
{
	struct scene *s = *state;
	struct vmctl_reply event;
	int pair[2], fd, got[1];
	unsigned n = 1;
	char byte;

	start(s);
	ctl_tell_phase(s->vm.ctl, VMCTL_PHASE_DRIVERS, -1);
	assert_int_equal(take(s->first, &event), sizeof(event));
	assert_int_equal(event.kind, VMCTL_EVENT_PHASE);
	assert_int_equal(event.phase, VMCTL_PHASE_DRIVERS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fd = pair[1];
	ctl_tell_phase(s->vm.ctl, VMCTL_PHASE_READY, fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was given away */
	assert_int_equal(fd_recv(s->first, &event, sizeof(event), got, &n), sizeof(event));
	assert_int_equal(event.kind, VMCTL_EVENT_READY);
	assert_int_equal(n, 1);
	assert_int_equal(write(got[0], "!", 1), 1);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	close(got[0]);
	close(pair[0]);
}

static void shares(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_SHARE_ADD);

	start(s);
	assert_int_equal(ask(s, s->first, &req, 1), EINVAL); /* no name */
	memset(req.u.share.name, 'n', sizeof(req.u.share.name));
	assert_int_equal(ask(s, s->first, &req, 1), EINVAL); /* no end */
	assert_string_equal(seen.export_name, "");
	memset(req.u.share.name + 1, 0, sizeof(req.u.share.name) - 1);
	assert_int_equal(ask(s, s->first, &req, 0), EINVAL);
	assert_int_equal(ask(s, s->first, &req, 2), EINVAL);
	req.u.share.flags = VMCTL_SHARE_RO | VMCTL_SHARE_FILE;
	assert_int_equal(ask(s, s->first, &req, 1), 0);
	assert_string_equal(seen.export_name, "n");
	assert_int_equal(seen.export_flags, FS_EXPORT_RO | FS_EXPORT_FILE);
	assert_ptr_equal(seen.export_fs, FAKE_ROOTS);
	/* A pod has a file system of volumes or not. */
	req.u.share.flags = VMCTL_SHARE_VOLUME | VMCTL_SHARE_CACHE_NONE;
	assert_int_equal(ask(s, s->first, &req, 1), ENODEV);
	s->vm.devices.volumes = FAKE_VOLUMES;
	assert_int_equal(ask(s, s->first, &req, 1), 0);
	assert_ptr_equal(seen.export_fs, FAKE_VOLUMES);
	assert_int_equal(seen.export_flags, FS_EXPORT_CACHE_NONE);
	seen.export_code = -EEXIST;
	assert_int_equal(ask(s, s->first, &req, 1), EEXIST);
	s->vm.devices.volumes = NULL;
	req.op = VMCTL_SHARE_REMOVE; /* of the same size */
	assert_int_equal(ask(s, s->first, &req, 0), 0);
	req.u.share.name[0] = 'm';
	assert_int_equal(ask(s, s->first, &req, 0), ENOENT);
}

static void a_connect_waits_for_the_guest(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_CONNECT);
	struct vmctl_reply reply;

	start(s);
	req.u.connect = (struct vmctl_connect){ .port = 1025,
		.flags = VMCTL_TO_GUEST,
		.preamble = 0x1122334455667788,
		.has_preamble = 1 };
	send_raw(s->first, &req, req.size, 2);
	turn(s);
	assert_int_equal(take(s->first, &reply), -1);
	assert_int_equal(seen.connect_port, 1025);
	assert_true(seen.end.to_guest);
	assert_false(seen.end.from_guest);
	assert_true(seen.end.done_fd >= 0);
	assert_int_equal(seen.preamble, 0x1122334455667788);
	/* Other requests are answered meanwhile. */
	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 0), 0);
	seen.connected(seen.connected_arg, ECONNREFUSED);
	assert_int_equal(answer(s, s->first), ECONNREFUSED);

	req.u.connect = (struct vmctl_connect){ .port = 9, .flags = VMCTL_FROM_GUEST };
	send_raw(s->first, &req, req.size, 1);
	turn(s);
	assert_int_equal(seen.end.done_fd, -1);
	assert_int_equal(seen.end.preamble_len, 0);
	seen.connected(seen.connected_arg, 0);
	assert_int_equal(answer(s, s->first), 0);

	seen.connect_code = -ENFILE;
	assert_int_equal(ask(s, s->first, &req, 1), ENFILE);
}

static void a_client_may_go_before_the_guest_answers(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_CONNECT);
	int fd;

	start(s);
	listen_on(s);
	fd = client(s);
	send_raw(fd, &req, req.size, 1);
	turn(s);
	assert_non_null(seen.connected);
	close(fd);
	turn(s);
	seen.connected(seen.connected_arg, 0);
	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 0), 0);
}

static void further_clients(void **state)
{
	struct scene *s = *state;
	int a, b;

	start(s);
	listen_on(s);
	a = client(s);
	b = client(s);
	assert_int_equal(ask_op(s, a, VMCTL_STATUS, 0), 0);
	assert_int_equal(ask_op(s, b, VMCTL_STATUS, 0), 0);
	assert_int_equal(ask_op(s, a, VMCTL_START, VMCTL_START_FDS), EBUSY);
	close(a);
	assert_int_equal(ask_op(s, b, VMCTL_STATUS, 0), 0);
	close(b);
	turn(s);
	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 0), 0);
}

/* Of a connection that several processes have, the last one counts. */
static void a_leased_share_goes_with_its_client(void **state)
{
	struct scene *s = *state;
	struct vmctl_request req = request(VMCTL_SHARE_ADD);
	int a, copy;

	start(s);
	listen_on(s);
	a = client(s);
	req.u.share.name[0] = 'n';
	assert_int_equal(ask(s, a, &req, 1), 0);
	req.u.share.flags = VMCTL_SHARE_LEASED;
	req.u.share.name[0] = 'l';
	assert_int_equal(ask(s, a, &req, 1), 0);
	seen.export_code = -EEXIST;
	assert_int_equal(ask(s, a, &req, 1), EEXIST);
	copy = fcntl(a, F_DUPFD_CLOEXEC, 3);
	close(a);
	assert_int_equal(ask_op(s, copy, VMCTL_STATUS, 0), 0);
	assert_int_equal(seen.removals, 0);
	close(copy);
	turn(s);
	assert_int_equal(seen.removals, 1);
}

static void clients_have_a_limit(void **state)
{
	struct scene *s = *state;
	int fd[140], refused = 0;
	struct vmctl_request req = request(VMCTL_STATUS);
	struct vmctl_reply reply;

	start(s);
	listen_on(s);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = client(s);
		turn(s);
	}
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		if (fd_send(fd[i], &req, req.size, NULL, 0) == 0) {
			turn(s);
			assert_int_equal(take(fd[i], &reply), sizeof(reply));
		} else {
			refused++;
		}
		close(fd[i]);
	}
	assert_int_equal(refused, ARRAY_LEN(fd) - 127); /* the first client counts */
	turn(s);
	fd[0] = client(s);
	assert_int_equal(ask_op(s, fd[0], VMCTL_STATUS, 0), 0);
	close(fd[0]);
}

/* The guest may use up all descriptors; the loop must not turn for a client that cannot be had. */
static void no_descriptor_for_a_client(void **state)
{
	struct scene *s = *state;
	struct rlimit old, few;
	struct vmctl_reply reply;
	int fd, top, turns = 0;

	start(s);
	listen_on(s);
	fd = client(s);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	top = dup(fd); /* the lowest number that is free */
	close(top);
	few = (struct rlimit){ (rlim_t)top, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (turns < 10 && loop_turn(s->vm.loop, 0) > 0)
		turns++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(turns < 10);
	assert_int_equal(take(fd, &reply), 0); /* turned away */
	close(fd);
	fd = client(s);
	assert_int_equal(ask_op(s, fd, VMCTL_STATUS, 0), 0);
	close(fd);
}

/* The pod's monitor and the commands are of different versions after an upgrade. */
static void newer_and_older_clients(void **state)
{
	struct scene *s = *state;
	struct vmctl_request share = request(VMCTL_SHARE_ADD);
	uint8_t longer[sizeof(share)] = { 0 };

	start(s);
	/* A newer one has more to say, but nothing of it is set. */
	share.u.share.name[0] = 'n';
	share.u.share.flags = VMCTL_SHARE_RO;
	memcpy(longer, &share, share.size);
	((struct vmctl_request *)(void *)longer)->size += 8;
	send_raw(s->first, longer, share.size + 8, 1);
	assert_int_equal(answer(s, s->first), 0);
	assert_string_equal(seen.export_name, "n");
	/* It asks for what is not known here. */
	longer[share.size + 4] = 1;
	send_raw(s->first, longer, share.size + 8, 1);
	assert_int_equal(answer(s, s->first), E2BIG);
	/* An older one does not know of the flags behind the name. */
	share.u.share.name[0] = 'o';
	share.size = offsetof(struct vmctl_request, u.share.flags);
	assert_int_equal(ask(s, s->first, &share, 1), 0);
	assert_string_equal(seen.export_name, "o");
	assert_int_equal(seen.export_flags, 0);
}

static void replies_of_newer_and_older_monitors(void **state)
{
	struct vmctl_reply reply = { .size = sizeof(reply), .kind = VMCTL_REPLY, .code = 7 }, got;
	uint8_t longer[sizeof(reply) + 4];

	(void)state;
	memset(reply.msg, 'x', sizeof(reply.msg));
	memset(longer, 0xff, sizeof(longer));
	memcpy(longer, &reply, sizeof(reply));
	assert_int_equal(vmctl_reply_read(longer, sizeof(reply), &got), 0);
	assert_int_equal(strlen(got.msg), sizeof(got.msg) - 1);
	assert_int_equal(vmctl_reply_read(longer, sizeof(longer), &got), -EINVAL); /* a lie */
	((struct vmctl_reply *)(void *)longer)->size = sizeof(longer);
	assert_int_equal(vmctl_reply_read(longer, sizeof(longer), &got), 0);
	assert_int_equal(got.code, 7);
	reply.size = offsetof(struct vmctl_reply, msg);
	assert_int_equal(vmctl_reply_read(&reply, reply.size, &got), 0);
	assert_string_equal(got.msg, "");
	assert_int_equal(vmctl_reply_read(&reply, 8, &got), -EINVAL);
}

static void start_fails(void **state)
{
	struct scene *s = *state;
	struct vmctl_reply reply;

	seen.start_code = ENOEXEC;
	send_raw(s->first,
		&(struct vmctl_request){
			.size = (uint32_t)vmctl_request_size(VMCTL_START), .op = VMCTL_START },
		vmctl_request_size(VMCTL_START), VMCTL_START_FDS);
	turn(s);
	assert_int_equal(take(s->first, &reply), sizeof(reply));
	assert_int_equal(reply.code, ENOEXEC);
	assert_string_equal(reply.msg, "no start today");
	assert_int_equal(seen.quits, 1);
	assert_int_equal(seen.status, VMCTL_EXIT_SETUP);
}

static void whoever_starts_a_pod_holds_it(void **state)
{
	struct scene *s = *state;

	close_fd(&s->first);
	turn(s);
	assert_int_equal(seen.quits, 1);
	assert_int_equal(seen.status, VMCTL_EXIT_ENDED);
}

/* It ends with the last one who holds it, whoever that is. */
static void a_pod_lasts_while_it_is_held(void **state)
{
	struct scene *s = *state;
	int a, b, looks;

	start(s);
	listen_on(s);
	a = client(s);
	b = client(s);
	looks = client(s);
	assert_int_equal(ask_op(s, a, VMCTL_HOLD, 0), 0);
	assert_int_equal(ask_op(s, b, VMCTL_HOLD, 0), 0);
	assert_int_equal(ask_op(s, looks, VMCTL_STATUS, 0), 0);
	close_fd(&s->first);
	close(a);
	turn(s);
	assert_int_equal(seen.quits, 0);
	close(b);
	turn(s);
	assert_int_equal(seen.quits, 1);
	close(looks);
	turn(s);
	assert_int_equal(seen.quits, 1);
}

static void an_anchor_stops_a_pod_of_its_own_only(void **state)
{
	struct scene *s = *state;
	struct vmctl_request role = request(VMCTL_ROLE);
	struct vmctl_request share = request(VMCTL_SHARE_ADD);
	int a, b;

	start(s);
	listen_on(s);
	a = client(s);
	b = client(s);
	assert_int_equal(ask_op(s, a, VMCTL_HOLD, 0), 0);
	assert_int_equal(ask_op(s, b, VMCTL_HOLD, 0), 0);
	close_fd(&s->first);
	role.u.role = VMCTL_ROLES;
	assert_int_equal(ask(s, a, &role, 0), EINVAL);
	role.u.role = VMCTL_ROLE_ANCHOR;
	assert_int_equal(ask(s, a, &role, 0), 0);
	share.u.share.name[0] = 'x';
	assert_int_equal(ask(s, a, &share, 1), EPERM);
	assert_int_equal(ask_op(s, a, VMCTL_SHARE_REMOVE, 0), EPERM);
	assert_int_equal(ask_op(s, a, VMCTL_CONNECT, 1), EPERM);
	assert_int_equal(ask_op(s, a, VMCTL_START, VMCTL_START_FDS), EPERM);
	role.u.role = VMCTL_ROLE_CREATOR;
	assert_int_equal(ask(s, a, &role, 0), EPERM);
	assert_string_equal(seen.export_name, "");
	assert_int_equal(ask_op(s, a, VMCTL_WATCH, 0), 0);
	assert_int_equal(ask_op(s, a, VMCTL_STATUS, 0), 0);
	assert_int_equal(ask_op(s, a, VMCTL_STOP, 0), EBUSY);
	assert_int_equal(seen.quits, 0);
	close(b);
	turn(s);
	assert_int_equal(ask_op(s, a, VMCTL_STOP, 0), 0);
	assert_int_equal(seen.quits, 1);
	close(a);
}

static void a_relay_connects_streams_only(void **state)
{
	struct scene *s = *state;
	struct vmctl_request role = request(VMCTL_ROLE), req = request(VMCTL_CONNECT);

	start(s);
	role.u.role = VMCTL_ROLE_RELAY;
	assert_int_equal(ask(s, s->first, &role, 0), 0);
	req.u.connect.port = VSOCK_PORT_RPC;
	assert_int_equal(ask(s, s->first, &req, 1), EPERM);
	assert_int_equal(seen.connect_port, 0);
	req.u.connect.port = VSOCK_PORT_STREAM;
	send_raw(s->first, &req, req.size, 1);
	turn(s);
	assert_int_equal(seen.connect_port, VSOCK_PORT_STREAM);
	seen.connected(seen.connected_arg, 0);
	assert_int_equal(answer(s, s->first), 0);
	assert_int_equal(ask_op(s, s->first, VMCTL_HOLD, 0), EPERM);
	assert_int_equal(ask_op(s, s->first, VMCTL_WATCH, 0), EPERM);
	assert_int_equal(ask_op(s, s->first, VMCTL_STOP, 0), EPERM);
	assert_int_equal(ask_op(s, s->first, VMCTL_STATUS, 0), EPERM);
}

static void the_end_is_told_to_those_who_watch(void **state)
{
	struct scene *s = *state;
	struct vmctl_reply event;
	int a, b;

	start(s);
	listen_on(s);
	a = client(s);
	b = client(s);
	assert_int_equal(ask_op(s, a, VMCTL_WATCH, 0), 0);
	assert_int_equal(ask_op(s, b, VMCTL_STATUS, 0), 0);
	ctl_tell_end(s->vm.ctl, VMCTL_END_RESET, "guest reset");
	assert_int_equal(take(a, &event), sizeof(event));
	assert_int_equal(event.kind, VMCTL_EVENT_ENDED);
	assert_int_equal(event.code, VMCTL_END_RESET);
	assert_string_equal(event.msg, "guest reset");
	assert_int_equal(take(b, &event), -1);
	close(a);
	close(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_up, scene_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_before_the_start),
		TEST(malformed_requests),
		TEST(descriptors_of_refused_requests_are_closed),
		TEST(start_once),
		TEST(devices_go_into_slots),
		TEST(phases_go_to_the_first_client),
		TEST(shares),
		TEST(a_connect_waits_for_the_guest),
		TEST(a_client_may_go_before_the_guest_answers),
		TEST(further_clients),
		TEST(a_leased_share_goes_with_its_client),
		TEST(clients_have_a_limit),
		TEST(no_descriptor_for_a_client),
		TEST(newer_and_older_clients),
		TEST(replies_of_newer_and_older_monitors),
		TEST(start_fails),
		TEST(whoever_starts_a_pod_holds_it),
		TEST(a_pod_lasts_while_it_is_held),
		TEST(an_anchor_stops_a_pod_of_its_own_only),
		TEST(a_relay_connects_streams_only),
		TEST(the_end_is_told_to_those_who_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
