/*
 * The file server without a guest: serve MOUNTPOINT NAME=DIRECTORY... mounts what a pod would get
 * as volumes on this machine, by /dev/fuse. So suites run on it with the speed of the machine, also
 * where guests are emulated. What is not the same: the kernel that asks is this machine's, what it
 * offers in INIT is not what it offers virtio-fs (no submounts), and a process that waits for a
 * lock is interrupted by FUSE itself. Ends when it is unmounted.
 */
#include "base/auto.h"
#include "base/thread.h"
#include "dev/fs/notice.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"
#include "vm/jail.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#define WORKERS	     4
#define INODES_MAX   20000
#define LOCKS_MAX    8192
#define REQUEST_ROOM (WRITE_MAX_BYTES + 65536)
#define NOFILE	     65536

static struct fs_server server;
static int fuse_fd, answered_fd;

struct worker {
	unsigned queue;
	struct fs_request request;
	struct vq_chain chain;
	uint8_t *in, *out;
};

static _Noreturn void fail(const char *what, int code)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-code));
	exit(1);
}

static int keep_caps(void *arg)
{
	(void)arg;
	return jail_keep_worker_caps();
}

static void reply(const void *data, size_t n)
{
	/* ENOENT: who has asked waits no more. */
	if (write(fuse_fd, data, n) < 0 && errno != ENOENT && errno != ENODEV)
		perror("a reply");
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int code = thread_prepare(&server, keep_caps, NULL);

	if (code < 0)
		fail("worker", code);
	for (;;) {
		ssize_t n = read(fuse_fd, w->in, REQUEST_ROOM);
		uint32_t used;

		if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (n < 0)
			exit(errno == ENODEV ? 0 : 1);
		w->chain = (struct vq_chain){ .out = 1, .in = 1, .in_len = REQUEST_ROOM };
		w->chain.out_len = (uint32_t)n;
		w->chain.iov[0] = (struct iovec){ w->in, (size_t)n };
		w->chain.iov[1] = (struct iovec){ w->out, REQUEST_ROOM };
		used = fs_serve(&w->request, &w->chain);
		if (used)
			reply(w->out, used);
	}
	return NULL;
}

static void answered(void *arg, unsigned queue)
{
	uint64_t one = 1;

	(void)arg;
	(void)queue;
	(void)!write(answered_fd, &one, sizeof(one));
}

static void answer_locks(void)
{
	struct lock_reply a;
	uint64_t count;

	while (read(answered_fd, &count, sizeof(count)) > 0)
		for (unsigned queue = 0; queue < WORKERS; queue++)
			while (locks_take(&server.locks, queue, &a)) {
				const struct fuse_out_header out = { sizeof(out), a.error,
					a.unique };

				reply(&out, sizeof(out));
			}
}

static void share(char *argument)
{
	char *path = strchr(argument, '=');
	int fd, code;

	if (!path)
		fail(argument, -EINVAL);
	*path++ = '\0';
	fd = open(path, O_PATH | O_CLOEXEC);
	code = fd < 0 ? -errno : exports_add(&server.exports, argument, fd, FS_EXPORT_WATCH);
	if (code < 0)
		fail(path, code);
}

static void start_server(void)
{
	static const struct fs_config config = { .tag = "serve", .worker_start = keep_caps };
	static struct locks_config locks = { .records_max = LOCKS_MAX, .answered = answered };
	static struct worker worker[WORKERS];
	int code;

	server.proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	server.uid = geteuid();
	server.gid = getegid();
	inodes_init(&server.inodes, INODES_MAX, NULL, NULL);
	handles_init(&server.handles);
	exports_init(&server.exports);
	numbers_init(&server.numbers);
	locks.handles = &server.handles;
	locks.proc_fd = server.proc_fd;
	code = locks_init(&server.locks, &locks);
	if (code == 0)
		code = watch_new(&server, WORKERS, &config, notice_run, &server.watch);
	if (code == 0)
		code = locks_start(&server.locks, keep_caps, NULL);
	for (unsigned i = 0; code == 0 && i < WORKERS; i++) {
		struct worker *w = &worker[i];
		pthread_t thread;

		w->queue = i;
		w->in = malloc(REQUEST_ROOM);
		w->out = malloc(REQUEST_ROOM);
		w->request = (struct fs_request){ .server = &server, .queue = i };
		w->request.body = malloc(BODY_MAX_BYTES);
		w->request.scratch = malloc(XATTR_MAX_BYTES);
		if (!w->in || !w->out || !w->request.body || !w->request.scratch)
			fail("worker", -ENOMEM);
		code = thread_create(&thread, work, w);
	}
	if (code < 0)
		fail("server", code);
}

int main(int argc, char **argv)
{
	struct rlimit files = { NOFILE, NOFILE };
	char options[128];

	if (argc < 3) {
		fprintf(stderr, "usage: %s MOUNTPOINT NAME=DIRECTORY...\n", argv[0]);
		return 2;
	}
	umask(0);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	answered_fd = eventfd(0, EFD_CLOEXEC);
	if (fuse_fd < 0 || answered_fd < 0)
		fail("/dev/fuse", -errno);
	snprintf(options, sizeof(options),
		"fd=%d,rootmode=40555,user_id=0,group_id=0,default_permissions,allow_other",
		fuse_fd);
	if (mount("vmrun-volumes", argv[1], "fuse", 0, options) < 0)
		fail(argv[1], -errno);
	start_server();
	for (int i = 2; i < argc; i++)
		share(argv[i]);
	answer_locks();
	return 1;
}
