/*
 * The proxy's server of a listener's file: what the kernel asks it, what a guest tells it, and the
 * processes that stand for the guest's.
 */
#include "agent/agent.pb-c.h"
#include "base/auto.h"
#include "base/loop.h"
#include "proxy/changes.h"
#include "proxy/notification.h"
#include "proxy/notify.h"
#include "proxy/notify_file.h"
#include "rpc/server.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

/* ---- requests of the kernel's ---- */

static size_t make_ioctl(uint8_t *to, uint32_t cmd, const void *data, size_t len)
{
	struct fuse_in_header head = {
		.len = (uint32_t)(sizeof(head) + sizeof(struct fuse_ioctl_in) + len),
		.opcode = FUSE_IOCTL,
		.unique = 77,
	};
	struct fuse_ioctl_in in = { .cmd = cmd, .in_size = (uint32_t)len };

	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), &in, sizeof(in));
	memcpy(to + sizeof(head) + sizeof(in), data, len);
	return head.len;
}

static void requests_are_taken_apart(void **state)
{
	struct notify_file_request r;
	uint8_t bytes[256];
	uint64_t id = 4711, got;
	size_t len = make_ioctl(bytes, SECCOMP_IOCTL_NOTIF_ID_VALID, &id, sizeof(id));

	(void)state;
	assert_int_equal(notify_file_parse(bytes, len, &r), 0);
	assert_int_equal(r.unique, 77);
	assert_int_equal(r.opcode, FUSE_IOCTL);
	assert_int_equal(notify_file_ioctl_data(&r, &got, sizeof(got)), 0);
	assert_int_equal(got, id);
	assert_int_equal(notify_file_ioctl_data(&r, &got, 4), -EINVAL);
}

static void nonsense_is_not(void **state)
{
	static const uint32_t opcodes[] = { FUSE_INIT, FUSE_OPEN, FUSE_GETATTR, FUSE_IOCTL,
		FUSE_POLL, FUSE_INTERRUPT };
	struct notify_file_request r;
	struct fuse_in_header head = { .len = sizeof(head) };
	uint8_t bytes[256];
	uint64_t id = 1;
	size_t len = make_ioctl(bytes, SECCOMP_IOCTL_NOTIF_ID_VALID, &id, sizeof(id));

	(void)state;
	assert_int_equal(notify_file_parse(bytes, 0, &r), -EPROTO);
	for (size_t i = 1; i < len; i++) {
		assert_int_equal(notify_file_parse(bytes, i, &r), -EPROTO);
		/* A length that agrees makes it no better. */
		memcpy(&head, bytes, sizeof(head));
		head.len = (uint32_t)i;
		memcpy(bytes, &head, sizeof(head));
		assert_int_equal(notify_file_parse(bytes, i, &r), -EPROTO);
		head.len = (uint32_t)len;
		memcpy(bytes, &head, sizeof(head));
	}
	for (size_t i = 0; i < ARRAY_LEN(opcodes); i++) {
		head = (struct fuse_in_header){ .len = sizeof(head), .opcode = opcodes[i] };
		assert_int_equal(notify_file_parse(&head, sizeof(head), &r), -EPROTO);
	}
	head.opcode = FUSE_STATFS;
	assert_int_equal(notify_file_parse(&head, sizeof(head), &r), 0);
}

/* ---- what a guest says ---- */

struct message {
	Vmrun__Agent__NextNotificationResponse in;
	Vmrun__Agent__MemoryCopy memory[STANDIN_AREAS + 1], *list[STANDIN_AREAS + 1];
	uint64_t args[6], gone[NOTIFICATIONS_MAX + 1];
	uint8_t bytes[3 * STANDIN_PAGE];
};

static void message_init(struct message *m, uint64_t id)
{
	memset(m, 0, sizeof(*m));
	vmrun__agent__next_notification_response__init(&m->in);
	m->in.id = id;
	m->in.args = m->args;
	m->in.n_args = ARRAY_LEN(m->args);
	m->in.memory = m->list;
	m->in.gone = m->gone;
	for (size_t i = 0; i < ARRAY_LEN(m->memory); i++) {
		vmrun__agent__memory_copy__init(&m->memory[i]);
		m->memory[i].address = 0x10000 * (i + 1);
		m->memory[i].data.data = m->bytes;
		m->memory[i].data.len = STANDIN_PAGE;
		m->list[i] = &m->memory[i];
	}
}

static int taken(struct message *m, unsigned *ret_areas)
{
	struct notification n;
	int r = notification_take(&m->in, &n);

	if (ret_areas)
		*ret_areas = r < 0 ? 0 : n.area_count;
	return r;
}

static void guests_are_checked(void **state)
{
	static const uint64_t wrong[] = { 1, STANDIN_PAGE + 8, UINT64_MAX, UINT64_MAX - 4095 };
	static const uint64_t nowhere[] = { STANDIN_TOP, STANDIN_TOP - STANDIN_PAGE, 1ULL << 60 };
	static char cwd[PATH_MAX + 1];
	struct message m;
	unsigned areas;

	(void)state;
	message_init(&m, 1);
	m.in.n_memory = STANDIN_AREAS;
	assert_int_equal(taken(&m, &areas), 0);
	assert_int_equal(areas, STANDIN_AREAS);
	m.in.n_memory = STANDIN_AREAS + 1;
	assert_int_equal(taken(&m, NULL), -EPROTO);
	m.in.n_memory = 1;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		m.memory[0].address = wrong[i];
		assert_int_equal(taken(&m, NULL), -EPROTO);
	}
	for (size_t i = 0; i < ARRAY_LEN(nowhere); i++) {
		m.memory[0].address = nowhere[i];
		assert_int_equal(taken(&m, &areas), 0);
		assert_int_equal(areas, 0);
	}
	m.memory[0].address = STANDIN_TOP - 2 * STANDIN_PAGE;
	m.memory[0].data.len = 2 * STANDIN_PAGE;
	assert_int_equal(taken(&m, &areas), 0);
	assert_int_equal(areas, 1);
	m.memory[0].data.len++;
	assert_int_equal(taken(&m, NULL), -EPROTO);
	m.memory[0].data.len = 0;
	assert_int_equal(taken(&m, NULL), -EPROTO);
	m.in.n_memory = 0;
	m.in.n_args = 5;
	assert_int_equal(taken(&m, NULL), -EPROTO);
	m.in.n_args = 6;
	m.in.n_gone = ARRAY_LEN(m.gone);
	assert_int_equal(taken(&m, NULL), -EPROTO);
	m.in.n_gone = 0;
	memset(cwd, '/', PATH_MAX);
	m.in.cwd = cwd;
	assert_int_equal(taken(&m, NULL), -EPROTO);
	cwd[PATH_MAX - 1] = '\0';
	assert_int_equal(taken(&m, NULL), 0);
}

/* ---- stand-ins ---- */

static bool is_between(uint64_t at, const struct standin_area *a)
{
	return a->address < at + 3 * STANDIN_PAGE && at < a->address + a->len;
}

static void places_are_free(void **state)
{
	struct standin_area areas[STANDIN_AREAS];
	uint64_t at;

	(void)state;
	for (uint64_t random = 0; random < 1000; random++) {
		at = standin_place(random, NULL, 0);
		assert_int_equal(at % STANDIN_PAGE, 0);
		/* A guest that could guess it: one area after the other, from a page before. */
		for (unsigned i = 0; i < ARRAY_LEN(areas); i++)
			areas[i] = (struct standin_area){
				.address = at + (2ULL * i - 1) * STANDIN_PAGE,
				.len = 2 * STANDIN_PAGE,
			};
		at = standin_place(random, areas, ARRAY_LEN(areas));
		assert_int_equal(at % STANDIN_PAGE, 0);
		assert_true(at >= STANDIN_PAGE && at < STANDIN_TOP - 3 * STANDIN_PAGE);
		for (unsigned i = 0; i < ARRAY_LEN(areas); i++)
			assert_false(is_between(at, &areas[i]));
	}
	at = standin_place(UINT64_MAX, NULL, 0);
	assert_true(at < STANDIN_TOP - 3 * STANDIN_PAGE);
}

static int open_mem(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void stand_ins_have_what_the_guest_has(void **state)
{
	static uint8_t page[2 * STANDIN_PAGE];
	/* Where our own program is, a stack would be, and where nobody may have anything. */
	const struct standin_area areas[] = {
		{ (uint64_t)(uintptr_t)page & ~4095ULL, page, sizeof(page) },
		{ 0x400000, page, STANDIN_PAGE },
		{ 0x7ffffff00000, page, 5 },
		{ 0, page, STANDIN_PAGE },
	};
	AUTO_CLOSE int proc = open("/proc", O_PATH | O_CLOEXEC);
	struct standin s;
	uint8_t got[sizeof(page)];
	char cwd[64], path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(standin_start(proc, areas, ARRAY_LEN(areas), "/usr", &s), 0);
	assert_int_equal(s.pid, s.host_pid); /* in our own pid namespace */
	AUTO_CLOSE int mem = open_mem(s.host_pid);
	assert_int_equal(pread(mem, got, sizeof(got), (off_t)areas[0].address), sizeof(got));
	assert_memory_equal(got, page, sizeof(got));
	/* It ends where the copy ends. */
	assert_int_equal(pread(mem, got, sizeof(got), 0x400000), STANDIN_PAGE);
	assert_memory_equal(got, page, STANDIN_PAGE);
	assert_int_equal(pread(mem, got, 5, 0x7ffffff00000), 5);
	assert_memory_equal(got, page, 5);
	/* Nothing else of ours is there. */
	assert_true(pread(mem, got, 1, (off_t)(uintptr_t)&s) < 0);
	assert_true(pread(mem, got, 1, (off_t)(uintptr_t)places_are_free) < 0);
	snprintf(path, sizeof(path), "/proc/%d/cwd", s.host_pid);
	assert_int_equal(readlink(path, cwd, sizeof(cwd)), 4);
	assert_memory_equal(cwd, "/usr", 4);
	standin_end(&s);
	assert_int_equal(s.pid, 0);
	assert_int_equal(standin_start(proc, NULL, 0, "/no/such/directory", &s), 0);
	standin_end(&s);
	standin_end(&s);
}

static void changes_are_found(void **state)
{
	static uint8_t before[STANDIN_PAGE];
	static struct changes c;
	const struct standin_area areas[] = {
		{ 0x400000, before, sizeof(before) },
		{ 0, before, sizeof(before) },
		{ 0x7ffffff00000, before, sizeof(before) },
	};
	AUTO_CLOSE int proc = open("/proc", O_PATH | O_CLOEXEC);
	struct standin s;
	char path[32];

	(void)state;
	assert_int_equal(standin_start(proc, areas, ARRAY_LEN(areas), "", &s), 0);
	assert_int_equal(changes_read(&s, areas, ARRAY_LEN(areas), &c), 0);
	assert_int_equal(c.n, 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", s.host_pid);
	AUTO_CLOSE int mem = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(mem, "abc\0def", 7, 0x400000), 7);
	assert_int_equal(pwrite(mem, "x", 1, 0x400000 + 7 + 8), 1);
	assert_int_equal(pwrite(mem, "end", 3, 0x7ffffff00ffd), 3);
	assert_int_equal(changes_read(&s, areas, ARRAY_LEN(areas), &c), 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.copy[0].address, 0x400000);
	assert_int_equal(c.copy[0].data.len, 7);
	assert_memory_equal(c.copy[0].data.data, "abc\0def", 7);
	assert_int_equal(c.copy[1].address, 0x40000f);
	assert_int_equal(c.copy[1].data.len, 1);
	assert_int_equal(c.copy[2].address, 0x7ffffff00ffd);
	assert_int_equal(c.copy[2].data.len, 3);
	for (unsigned i = 0; i <= CHANGES_MAX; i++)
		assert_int_equal(pwrite(mem, "y", 1, 0x400000 + 16 * i), 1);
	assert_int_equal(changes_read(&s, areas, ARRAY_LEN(areas), &c), -E2BIG);
	kill(s.pid, SIGKILL);
	assert_int_equal(changes_read(&s, areas, ARRAY_LEN(areas), &c), -EPIPE);
	standin_end(&s);
}

/* ---- the server, between a kernel that is real and a guest that lies ---- */

struct guest {
	Vmrun__Agent__Agent_Service service; /* first: handlers get its address */
	struct loop *loop;
	struct rpc_server *server;
	pthread_t thread;
	unsigned told, wanted; /* notifications */
	bool twice;	       /* all have the same id */
	bool huge;	       /* more memory than there may be */
	unsigned answers;
	int32_t last_error;
	int told_fd; /* see notify_start() */
};

static void on_next(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__NotificationRequest *in,
	Vmrun__Agent__NextNotificationResponse_Closure closure, void *request)
{
	struct guest *g = (struct guest *)service;
	struct message m;

	(void)in;
	(void)closure;
	message_init(&m, g->twice ? 1 : g->told + 1);
	m.in.n_memory = 1;
	m.memory[0].data.len = g->huge ? sizeof(m.bytes) : STANDIN_PAGE;
	m.in.pid = 12345;
	m.in.nr = 83;
	m.in.ended = g->told == g->wanted;
	g->told++;
	rpc_reply(request, &m.in.base);
}

static void on_answer(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__NotificationRequest *in,
	Vmrun__Agent__NotificationResult_Closure closure, void *request)
{
	Vmrun__Agent__NotificationResult reply = VMRUN__AGENT__NOTIFICATION_RESULT__INIT;
	struct guest *g = (struct guest *)service;

	(void)closure;
	g->answers++;
	g->last_error = in->error;
	rpc_reply(request, &reply.base);
}

static void on_valid(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__NotificationRequest *in,
	Vmrun__Agent__NotificationResult_Closure closure, void *request)
{
	Vmrun__Agent__NotificationResult reply = VMRUN__AGENT__NOTIFICATION_RESULT__INIT;

	(void)service;
	(void)closure;
	reply.error = in->id == 2 ? ENOENT : 0;
	rpc_reply(request, &reply.base);
}

static void *run_loop(void *arg)
{
	struct guest *g = arg;

	assert_int_equal(loop_run(g->loop), 0);
	return NULL;
}

static int make_mount(int fuse)
{
	int fs = fsopen("fuse", FSOPEN_CLOEXEC), mnt;
	char number[16];

	snprintf(number, sizeof(number), "%d", fuse);
	assert_int_equal(fsconfig(fs, FSCONFIG_SET_STRING, "fd", number, 0), 0);
	assert_int_equal(fsconfig(fs, FSCONFIG_SET_STRING, "rootmode", "100600", 0), 0);
	assert_int_equal(fsconfig(fs, FSCONFIG_SET_STRING, "user_id", "0", 0), 0);
	assert_int_equal(fsconfig(fs, FSCONFIG_SET_STRING, "group_id", "0", 0), 0);
	assert_int_equal(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	assert_true(mnt >= 0);
	close(fs);
	return mnt;
}

/* The file that stands for the listener. */
static int start_server(struct guest *g)
{
	AUTO_CLOSE int proc = open("/proc", O_PATH | O_CLOEXEC);
	int pair[2], told, fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), mnt, file;
	struct err err = ERR_NONE;
	struct notify n = { .container = "c", .process = "", .mnt_ns = -1, .proc = proc };
	char path[32];

	g->service.base.descriptor = &vmrun__agent__agent__descriptor;
	g->service.next_notification = on_next;
	g->service.answer_notification = on_answer;
	g->service.notification_valid = on_valid;
	assert_int_equal(loop_new(&g->loop), 0);
	assert_int_equal(rpc_server_new(g->loop, &g->service.base, NULL, NULL, &g->server), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(rpc_server_add(g->server, pair[0]), 0);
	mnt = make_mount(fuse);
	n.fuse = fuse;
	n.rpc = pair[1];
	assert_int_equal(notify_start(&n, &told, &err), 0);
	g->told_fd = told;
	close(fuse);
	close(pair[1]);
	assert_int_equal(pthread_create(&g->thread, NULL, run_loop, g), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mnt);
	file = open(path, O_RDWR | O_CLOEXEC);
	assert_true(file >= 0);
	close(mnt);
	return file;
}

static void stop_server(struct guest *g)
{
	close(g->told_fd);
	loop_quit(g->loop);
	pthread_join(g->thread, NULL);
	rpc_server_free(g->server);
	loop_free(g->loop);
}

static int receive(int file, struct seccomp_notif *n)
{
	memset(n, 0, sizeof(*n));
	return ioctl(file, SECCOMP_IOCTL_NOTIF_RECV, n) < 0 ? -errno : 0;
}

static int respond(int file, uint64_t id, int error)
{
	struct seccomp_notif_resp r = { .id = id, .error = error };

	return ioctl(file, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0 ? -errno : 0;
}

static int check_id(int file, uint64_t id)
{
	return ioctl(file, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ? -errno : 0;
}

static void the_file_is_a_listener(void **state)
{
	struct guest g = { .wanted = 3 };
	int file = start_server(&g);
	struct pollfd p = { .fd = file, .events = POLLIN };
	struct pollfd told = { .fd = g.told_fd, .events = POLLIN };
	struct seccomp_notif first, n;
	uint8_t page[STANDIN_PAGE];

	(void)state;
	assert_int_equal(check_id(file, 1), -ENOENT); /* not received yet */
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(p.revents, POLLIN);
	assert_int_equal(receive(file, &first), 0);
	assert_int_equal(first.id, 1);
	assert_int_equal(first.data.nr, 83);
	AUTO_CLOSE int mem = open_mem((pid_t)first.pid);
	assert_int_equal(pread(mem, page, sizeof(page), 0x10000), sizeof(page));
	assert_int_equal(receive(file, &n), 0);
	assert_int_equal(n.id, 2);
	assert_int_equal(check_id(file, 1), 0);
	assert_int_equal(check_id(file, 2), -ENOENT);
	assert_int_equal(respond(file, 2, -1), -ENOENT);
	assert_int_equal(respond(file, 1, -EPERM), 0);
	assert_int_equal(g.last_error, -EPERM);
	/* Its stand-in goes with it. */
	for (int i = 0; i < 2000 && pread(mem, page, sizeof(page), 0x10000) > 0; i++)
		poll(NULL, 0, 10);
	assert_true(pread(mem, page, sizeof(page), 0x10000) <= 0);
	assert_int_equal(receive(file, &n), 0);
	assert_int_equal(poll(&told, 1, 0), 0);
	assert_int_equal(receive(file, &n), -ENOENT); /* there will be no other */
	assert_int_equal(poll(&told, 1, 20000), 1);
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(p.revents, POLLHUP);
	close(file);
	stop_server(&g);
}

/* Until its server has had enough of it. */
static unsigned received(struct guest *g)
{
	int file = start_server(g);
	struct seccomp_notif n;
	unsigned count = 0;

	while (count < 100 && receive(file, &n) == 0)
		count++;
	assert_true(receive(file, &n) < 0);
	close(file);
	stop_server(g);
	return count;
}

static void a_guest_that_lies_loses_its_server(void **state)
{
	struct guest many = { .wanted = 100 }, twice = { .wanted = 5, .twice = true },
		     huge = { .wanted = 1, .huge = true };

	(void)state;
	assert_int_equal(received(&many), NOTIFICATIONS_MAX);
	assert_true(received(&twice) <= 1);
	assert_int_equal(received(&huge), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_taken_apart),
		cmocka_unit_test(nonsense_is_not),
		cmocka_unit_test(guests_are_checked),
		cmocka_unit_test(places_are_free),
		cmocka_unit_test(stand_ins_have_what_the_guest_has),
		cmocka_unit_test(changes_are_found),
		cmocka_unit_test(the_file_is_a_listener),
		cmocka_unit_test(a_guest_that_lies_loses_its_server),
	};
	size_t count = ARRAY_LEN(tests);

	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) < 0) {
		print_message("note: needs root and /dev/fuse, the server is not tested\n");
		count -= 2;
	}
	return _cmocka_run_group_tests("notify", tests, count, NULL, NULL);
}
