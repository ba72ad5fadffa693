/* Mount options, and the list of binds. */
#include "base/str.h"
#include "oci/mounts.h"
#include "tests/unit/oci_text.h"

#include <linux/mount.h>
#include <sys/mount.h>

/* Reads the options of one mount, given as JSON strings. */
static struct mount_options options_of(const char *type, const char *options)
{
	char text[1024];
	struct mount_options got;
	AUTO(spec_free) struct spec *spec = NULL;

	snprintf(text, sizeof(text),
		"{'ociVersion':'1.0.0','mounts':[{'destination':'/d','source':'s',"
		"'type':'%s','options':[%s]}]}",
		type, options);
	spec = spec_of(text);
	assert_int_equal(mount_options_read(spec->mounts.v, &got), 0);
	return got;
}

static void flags_are(const char *options, uint64_t flags, uint64_t cleared)
{
	AUTO(mount_options_done) struct mount_options o = options_of("tmpfs", options);

	assert_true(o.flags == flags);
	assert_true(o.flags_cleared == cleared);
	assert_int_equal(o.data.len, 0);
}

static void flags(void **state)
{
	(void)state;
	flags_are("", 0, 0);
	flags_are("'defaults'", 0, 0);
	flags_are(
		"'nosuid','noexec','nodev','ro'", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, 0);
	flags_are(
		"'strictatime','sync','dirsync'", MS_STRICTATIME | MS_SYNCHRONOUS | MS_DIRSYNC, 0);
	flags_are("'rw','exec'", 0, MS_RDONLY | MS_NOEXEC);
	flags_are("'ro','rw'", 0, MS_RDONLY);
	flags_are("'rw','ro'", MS_RDONLY, 0);
	flags_are("'bind','remount'", MS_BIND | MS_REMOUNT, 0);
	flags_are("'',''", 0, 0);
}

static void data_goes_to_the_file_system(void **state)
{
	AUTO(mount_options_done)
	struct mount_options o = options_of("tmpfs", "'nosuid','mode=755','size=65536k','huge'");
	AUTO(mount_options_done) struct mount_options up = options_of("tmpfs", "'tmpcopyup'");

	(void)state;
	assert_string_equal(buf_str(&o.data), "mode=755,size=65536k,huge");
	assert_true(o.flags == MS_NOSUID);
	assert_false(o.copy_up);
	assert_true(up.copy_up);
	assert_int_equal(up.data.len, 0);
}

static void propagation(void **state)
{
	AUTO(mount_options_done) struct mount_options o = options_of("bind", "'rslave','ro'");
	AUTO(mount_options_done)
	struct mount_options last = options_of("bind", "'shared','private'");

	(void)state;
	assert_true(o.propagation == (MS_SLAVE | MS_REC));
	assert_true(o.flags == (MS_BIND | MS_RDONLY));
	assert_true(last.propagation == MS_PRIVATE);
	assert_true(mount_propagation("rshared") == (MS_SHARED | MS_REC));
	assert_true(mount_propagation("unbindable") == MS_UNBINDABLE);
	assert_true(mount_propagation("ro") == 0);
	assert_true(mount_propagation("no such") == 0);
}

static void recursive_is(const char *options, uint64_t set, uint64_t clear)
{
	AUTO(mount_options_done) struct mount_options o = options_of("bind", options);

	assert_true(o.recursive_set == set);
	assert_true(o.recursive_clear == clear);
}

static void recursive_attributes(void **state)
{
	(void)state;
	recursive_is("'rro','rnosuid'", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0);
	recursive_is("'rro','rrw'", 0, MOUNT_ATTR_RDONLY);
	recursive_is("'rrw','rro'", MOUNT_ATTR_RDONLY, 0);
	recursive_is("'rsuid','rdev'", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	/* mount_setattr(2): an access time mode is set by clearing the whole field. */
	recursive_is("'rnoatime'", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME);
	recursive_is("'rnoatime','rstrictatime'", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME);
	recursive_is("'rnoatime','rrelatime'", 0, MOUNT_ATTR__ATIME);
	recursive_is("'ratime'", 0, MOUNT_ATTR__ATIME);
	recursive_is("'ro'", 0, 0);
}

static void binds(void **state)
{
	AUTO(spec_free)
	struct spec *spec = spec_of(
		"{'ociVersion':'1.0.0','mounts':["
		"{'destination':'/proc','type':'proc','source':'proc'},"
		"{'destination':'/a','type':'bind','source':'/host/a','options':['ro','bind']},"
		"{'destination':'/b','source':'b','options':['rbind','rw']},"
		"{'destination':'/c','type':'none','source':'c','options':['bind','rro']},"
		"{'destination':'/d','type':'bind','source':'d'}]}");
	AUTO_FREE struct mount_bind *list = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(mount_binds(spec, &list, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(list[0].index, 1);
	assert_string_equal(list[0].source, "/host/a");
	assert_string_equal(list[0].destination, "/a");
	assert_true(list[0].read_only);
	assert_false(list[0].recursive);
	assert_int_equal(list[1].index, 2);
	assert_false(list[1].read_only);
	assert_true(list[1].recursive);
	assert_true(list[2].read_only);
	assert_false(list[2].recursive);
	assert_false(list[3].read_only);
	assert_false(list[3].recursive);
}

/* Its own mappings come before the container's, which only the options ask for. */
static void id_maps(void **state)
{
	AUTO(spec_free)
	struct spec *spec = spec_of(
		"{'ociVersion':'1.0.0','linux':{"
		"'uidMappings':[{'containerID':0,'hostID':100,'size':5}],"
		"'gidMappings':[{'containerID':0,'hostID':200,'size':5}]},'mounts':["
		"{'destination':'/a','type':'bind','source':'a'},"
		"{'destination':'/b','type':'bind','source':'b','options':['idmap','ridmap']},"
		"{'destination':'/c','type':'bind','source':'c','options':['rbind','ridmap'],"
		"'uidMappings':[{'containerID':1,'hostID':7,'size':1}],"
		"'gidMappings':[{'containerID':2,'hostID':8,'size':1}]},"
		"{'destination':'/d','type':'bind','source':'d',"
		"'uidMappings':[{'containerID':1,'hostID':9,'size':1}],"
		"'gidMappings':[{'containerID':2,'hostID':9,'size':1}]}]}");
	AUTO_FREE struct mount_bind *list = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(mount_binds(spec, &list, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(list[0].idmap, IDMAP_NONE);
	assert_null(list[0].uid_map);
	assert_int_equal(list[1].idmap, IDMAP_TREE);
	assert_ptr_equal(list[1].uid_map, &spec->linux.uid_mappings);
	assert_ptr_equal(list[1].gid_map, &spec->linux.gid_mappings);
	assert_int_equal(list[2].idmap, IDMAP_TREE);
	assert_int_equal(list[2].uid_map->v[0].host_id, 7);
	assert_int_equal(list[2].gid_map->v[0].host_id, 8);
	assert_int_equal(list[3].idmap, IDMAP_TOP);
	assert_int_equal(list[3].uid_map->v[0].host_id, 9);
}

/* The search and features rely on it. */
static void table_is_sorted(void **state)
{
	(void)state;
	assert_true(mount_option_count() > 50);
	for (size_t i = 1; i < mount_option_count(); i++)
		assert_true(strcmp(mount_option_name(i - 1), mount_option_name(i)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags),
		cmocka_unit_test(data_goes_to_the_file_system),
		cmocka_unit_test(propagation),
		cmocka_unit_test(recursive_attributes),
		cmocka_unit_test(binds),
		cmocka_unit_test(id_maps),
		cmocka_unit_test(table_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
