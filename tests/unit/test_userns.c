/* A user namespace that a configuration names by its path: its mappings become the container's. */
#include "base/fd.h"
#include "base/id_map.h"
#include "container/userns.h"
#include "tests/unit/oci_text.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static pid_t holder;
static char file[] = "/tmp/test_userns.XXXXXX";

/* A process in a namespace of these ids, and that namespace as a file, as ip-netns(8) has others.
 */
static int make_namespace(void **state)
{
	static const struct id_range map[] = { { 0, 100000, 1000 }, { 1000, 5000, 1 } };
	struct err err = ERR_NONE;
	char path[32];
	int sv[2], fd;
	char byte;

	(void)state;
	if (geteuid() != 0)
		return 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	holder = fork();
	if (holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(unshare(CLONE_NEWUSER) == 0 && write(sv[1], "", 1) == 1 ? pause() : 1);
	}
	assert_int_equal(read(sv[0], &byte, 1), 1);
	close(sv[0]);
	close(sv[1]);
	assert_int_equal(id_map_write(holder, "uid_map", map, 2, &err), 0);
	assert_int_equal(id_map_write(holder, "gid_map", map, 1, &err), 0);
	fd = mkstemp(file);
	assert_true(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)holder);
	assert_int_equal(mount(path, file, NULL, MS_BIND, NULL), 0);
	return 0;
}

static int remove_namespace(void **state)
{
	(void)state;
	if (holder <= 0)
		return 0;
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	return umount2(file, MNT_DETACH) || unlink(file);
}

static struct spec *with_path(const char *path, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text),
		CONFIG(",'linux':{'namespaces':[{'type':'ipc'},{'type':'user','path':'%s'}]%s}"),
		path, more);
	return spec_of(text);
}

static void check_mappings(struct spec *spec)
{
	struct err err = ERR_NONE;

	if (userns_resolve(spec, &err) < 0)
		fail_msg("%s", err.msg);
	assert_null(spec->linux.namespaces.v[1].path);
	assert_int_equal(spec->linux.uid_mappings.n, 2);
	assert_int_equal(spec->linux.uid_mappings.v[0].container_id, 0);
	assert_int_equal(spec->linux.uid_mappings.v[0].host_id, 100000);
	assert_int_equal(spec->linux.uid_mappings.v[0].size, 1000);
	assert_int_equal(spec->linux.uid_mappings.v[1].host_id, 5000);
	assert_int_equal(spec->linux.gid_mappings.n, 1);
	assert_int_equal(spec->linux.gid_mappings.v[0].host_id, 100000);
}

static void its_mappings_are_taken(void **state)
{
	AUTO(spec_free) struct spec *by_file = NULL;
	AUTO(spec_free) struct spec *by_pid = NULL;
	char path[32];

	(void)state;
	if (holder <= 0)
		skip();
	by_file = with_path(file, "");
	check_mappings(by_file);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)holder);
	by_pid = with_path(path, "");
	check_mappings(by_pid);
}

#define UIDS(first)                                                                                \
	",'uidMappings':[{'containerID':0,'hostID':" first ",'size':1000},"                        \
	"{'containerID':1000,'hostID':5000,'size':1}]"                                             \
	",'gidMappings':[{'containerID':0,'hostID':100000,'size':1000}]"

static void given_ones_must_be_the_same(void **state)
{
	AUTO(spec_free) struct spec *equal = NULL;
	AUTO(spec_free) struct spec *other = NULL;
	struct err err = ERR_NONE;

	(void)state;
	if (holder <= 0)
		skip();
	equal = with_path(file, UIDS("100000"));
	check_mappings(equal);
	other = with_path(file, UIDS("100001"));
	assert_int_equal(userns_resolve(other, &err), -EINVAL);
	assert_string_equal(err.msg,
		"config.json: linux.uidMappings: not those of the user namespace whose path is "
		"given");
}

static void our_own_has_all_ids(void **state)
{
	AUTO(spec_free) struct spec *spec = with_path("/proc/self/ns/user", "");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(userns_resolve(spec, &err), 0);
	assert_int_equal(spec->linux.uid_mappings.n, 1);
	assert_int_equal(spec->linux.uid_mappings.v[0].host_id, 0);
	assert_int_equal(spec->linux.uid_mappings.v[0].size, UINT32_MAX);
	assert_int_equal(spec->linux.gid_mappings.v[0].size, UINT32_MAX);
}

/* As Podman names the namespace of another container, by its anchor. */
static void given_ones_are_those_of_our_own(void **state)
{
	AUTO(spec_free) struct spec *spec = with_path("/proc/self/ns/user", UIDS("100001"));
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(userns_resolve(spec, &err), 0);
	assert_null(spec->linux.namespaces.v[1].path);
	assert_int_equal(spec->linux.uid_mappings.n, 2);
	assert_int_equal(spec->linux.uid_mappings.v[0].host_id, 100001);
	assert_int_equal(spec->linux.gid_mappings.n, 1);
}

static void what_is_none_is_refused(void **state)
{
	static const struct {
		const char *path, *why;
	} rows[] = {
		{ "/no/such/file", "/no/such/file: No such file or directory" },
		{ "/etc/passwd", "/etc/passwd is not a user namespace" },
		{ "/proc/self/ns/mnt", "/proc/self/ns/mnt is not a user namespace" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(spec_free) struct spec *spec = with_path(rows[i].path, "");
		struct err err = ERR_NONE;
		char wanted[128];

		snprintf(wanted, sizeof(wanted), "config.json: linux.namespaces[1].path: %s",
			rows[i].why);
		assert_true(userns_resolve(spec, &err) < 0);
		assert_string_equal(err.msg, wanted);
	}
}

static void nothing_to_do(void **state)
{
	AUTO(spec_free)
	struct spec *spec = spec_of(CONFIG_LINUX("'namespaces':[{'type':'user'},{'type':'ipc',"
						 "'path':'/x'}]"));
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(userns_resolve(spec, &err), 0);
	assert_int_equal(spec->linux.uid_mappings.n, 0);
	assert_string_equal(spec->linux.namespaces.v[1].path, "/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_mappings_are_taken),
		cmocka_unit_test(given_ones_must_be_the_same),
		cmocka_unit_test(our_own_has_all_ids),
		cmocka_unit_test(given_ones_are_those_of_our_own),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(nothing_to_do),
	};

	return cmocka_run_group_tests(tests, make_namespace, remove_namespace);
}
