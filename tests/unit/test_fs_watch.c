/*
 * virtio-fs: what the host changes in a watched export is told to the agent, what the guest changes
 * is not, and shadow operations touch no file.
 */
#include "base/shadow.h"
#include "dev/fs/known.h"
#include "dev/fs/own.h"
#include "tests/unit/fakefuse.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

static void names_are_kept_and_bounded(void **state)
{
	static struct known k;
	char name[32];

	(void)state;
	known_init(&k);
	known_set(&k, 1, "a", 7);
	assert_int_equal(known_get(&k, 1, "a"), 7);
	assert_int_equal(known_get(&k, 2, "a"), 0);
	known_move(&k, 1, "a", 2, "b");
	assert_int_equal(known_get(&k, 1, "a"), 0);
	assert_int_equal(known_get(&k, 2, "b"), 7);
	known_remove(&k, 2, "b");
	assert_int_equal(known_get(&k, 2, "b"), 0);
	for (unsigned i = 0; i <= KNOWN_MAX; i++) {
		snprintf(name, sizeof(name), "%u", i);
		known_set(&k, 1, name, i + 1);
	}
	assert_int_equal(k.count, KNOWN_MAX);
	assert_int_equal(known_get(&k, 1, "0"), 0);
	assert_int_equal(known_get(&k, 1, name), KNOWN_MAX + 1);
	known_done(&k);
}

static bool take(struct own *o, uint64_t dir, const char *name, uint32_t mask)
{
	const struct own_question q = { .dir = dir, .name = shadow_hash(0, name), .mask = mask };

	return own_take(o, &q);
}

static void own_changes_are_taken_until_their_mark(void **state)
{
	struct own_change c = { .n = 1 };
	struct own o;
	bool parity;

	(void)state;
	assert_int_equal(own_init(&o, 2), 0);
	c.event[0] = (struct own_event){ .dir = 3, .name = shadow_hash(0, "a"), .mask = IN_CREATE };
	parity = own_expect(&o, 1, &c);
	assert_false(take(&o, 3, "b", IN_CREATE));
	assert_false(take(&o, 4, "a", IN_CREATE));
	assert_false(take(&o, 3, "a", IN_DELETE));
	assert_true(take(&o, 3, "a", IN_CREATE));
	assert_false(take(&o, 3, "a", IN_CREATE)); /* the second is the host's */
	own_marked(&o, 1);
	own_over(&o, 1, parity);
	/* What did not come is expected no more behind its mark, and marks differ. */
	parity = own_expect(&o, 0, &c);
	own_marked(&o, 0);
	own_over(&o, 0, parity);
	assert_false(take(&o, 3, "a", IN_CREATE));
	assert_int_not_equal(own_expect(&o, 0, &c), parity);
	own_marked(&o, 0);
	own_lost(&o);
	assert_false(take(&o, 3, "a", IN_CREATE));
	own_done(&o);
}

/* As the agent, in directory dir. */
static void act_as(struct fakefuse *f, enum shadow_op op)
{
	f->gid = shadow_gid(op);
}

static void shadows_touch_no_file(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a;
	struct fuse_setattr_in times = { .valid = FATTR_MTIME | FATTR_MTIME_NOW };
	struct stat before, after;

	ff_put_file(f, "volume/a", "text");
	a = ff_lookup(f, ff_lookup(f, FUSE_ROOT_ID, "volume"), "a");
	assert_int_equal(stat(ff_path(f, "volume/a"), &before), 0);
	act_as(f, SHADOW_TOUCH);
	assert_int_equal(ff_setattr_error(f, a, times), 0);
	act_as(f, SHADOW_MAKE);
	assert_int_equal(ff_lookup_error(f, ff_lookup(f, FUSE_ROOT_ID, "volume"), "a"), -ENOENT);
	assert_int_equal(
		ff_mknod(f, ff_lookup(f, FUSE_ROOT_ID, "volume"), "a", S_IFREG | 0600, 0), 0);
	assert_int_equal(ff_entry(f).nodeid, a);
	assert_int_equal(ff_mkdir(f, ff_lookup(f, FUSE_ROOT_ID, "volume"), "gone", 0700), 0);
	assert_true(S_ISDIR(ff_entry(f).attr.mode));
	assert_false(ff_exists(f, "volume/gone"));
	assert_int_equal(ff_getattr_error(f, ff_entry(f).nodeid), 0);
	act_as(f, SHADOW_REMOVE);
	assert_int_equal(FF_NAME(f, FUSE_UNLINK, ff_lookup(f, FUSE_ROOT_ID, "volume"), "a"), 0);
	assert_true(ff_exists(f, "volume/a"));
	assert_int_equal(stat(ff_path(f, "volume/a"), &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(after.st_mtim));
	/* Elsewhere the gid is one like any other. */
	act_as(f, SHADOW_MAKE);
	assert_int_equal(ff_mkdir(f, f->rw, "dir", 0700), 0);
	assert_true(ff_exists(f, "rw/dir"));
}

static void next_event(int fd, struct shadow_event *ret, char name[64])
{
	_Alignas(struct shadow_event) uint8_t bytes[SHADOW_EVENT_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const struct shadow_event *e = (const void *)bytes;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(fd, bytes, sizeof(*e)), sizeof(*e));
	assert_true(e->size <= sizeof(bytes));
	assert_int_equal(read(fd, bytes + sizeof(*e), e->size - sizeof(*e)), e->size - sizeof(*e));
	*ret = *e;
	snprintf(name, 64, "%s", e->text + strlen(e->text) + 1);
}

static void only_the_hosts_changes_are_told(void **state)
{
	struct fakefuse *f = *state;
	uint64_t fh, dir = ff_lookup(f, FUSE_ROOT_ID, "volume");
	struct shadow_event e;
	char name[64];
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	fs_events_stream(f->fs, sv[1]);
	fh = ff_create(f, dir, "own", NULL);
	ff_write(f, fh, 0, "text");
	ff_release(f, fh);
	assert_int_equal(FF_NAME(f, FUSE_UNLINK, dir, "own"), 0);
	assert_int_equal(mkdir(ff_path(f, "volume/hosts"), 0700), 0);
	assert_int_equal(rename(ff_path(f, "volume/hosts"), ff_path(f, "volume/moved")), 0);
	assert_int_equal(rmdir(ff_path(f, "volume/moved")), 0);
	next_event(sv[0], &e, name);
	/* Of a handle that a request names without its inode the server cannot tell whose it is. */
	while (strcmp(name, "own") == 0 &&
		(e.kind == SHADOW_EVENT_MODIFIED || e.kind == SHADOW_EVENT_CLOSED))
		next_event(sv[0], &e, name);
	assert_int_equal(e.kind, SHADOW_EVENT_MADE);
	assert_string_equal(name, "hosts");
	assert_int_equal(e.type, S_IFDIR);
	assert_int_equal(e.dir, dir);
	next_event(sv[0], &e, name);
	assert_int_equal(e.kind, SHADOW_EVENT_MOVED);
	next_event(sv[0], &e, name);
	assert_int_equal(e.kind, SHADOW_EVENT_REMOVED);
	assert_string_equal(name, "moved");
	fs_events_stream(f->fs, -1);
	close(sv[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_kept_and_bounded),
		cmocka_unit_test(own_changes_are_taken_until_their_mark),
		cmocka_unit_test_setup_teardown(shadows_touch_no_file, ff_begin, ff_end),
		cmocka_unit_test_setup_teardown(only_the_hosts_changes_are_told, ff_begin, ff_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
