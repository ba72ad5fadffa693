/* Which modules a guest gets, and in which order, for kernels described here. */
#include "base/path.h"
#include "base/str.h"
#include "guest/modules.h"
#include "tests/unit/kmod_index.h"
#include "tests/unit/packed.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

static char folder[] = "/tmp/test_modules.XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, folder);
}

/* As Debian's cloud kernel has them: everything a module, dependencies from last to first. */
static const struct index_row all_modules[] = {
	{ "virtio", "kernel/virtio.ko: kernel/virtio_ring.ko" },
	{ "virtio_ring", "kernel/virtio_ring.ko:" },
	{ "virtio_mmio", "kernel/virtio_mmio.ko.xz: kernel/virtio.ko kernel/virtio_ring.ko" },
	{ "virtio_rng", "kernel/virtio-rng.ko: kernel/virtio.ko kernel/virtio_ring.ko" },
	{ "vsock", "kernel/vsock.ko:" },
	{ "vmw_vsock_virtio_transport",
		"kernel/vmw_vsock_virtio_transport.ko: kernel/common.ko kernel/vsock.ko "
		"kernel/virtio.ko kernel/virtio_ring.ko" },
	{ "common", "kernel/common.ko: kernel/vsock.ko" },
	{ "fuse", "kernel/fuse.ko:" },
	{ "virtiofs", "kernel/virtiofs.ko: kernel/virtio.ko kernel/virtio_ring.ko kernel/fuse.ko" },
};

/* libkmod drops dependencies whose files do not exist. */
static void write_files(const struct index_row *deps, size_t n)
{
	char path[256];
	struct err err = ERR_NONE;

	snprintf(path, sizeof(path), "%s/kernel", folder);
	assert_int_equal(mkdir_all(path, 0755), 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%.*s", folder, (int)strcspn(deps[i].value, ":"),
			deps[i].value);
		assert_int_equal(file_replace(AT_FDCWD, path, "", 0, 0644, &err), 0);
	}
}

static size_t position(const struct modules *ms, const char *name)
{
	for (size_t i = 0; i < ms->n; i++)
		if (streq(ms->v[i].name, name))
			return i;
	fail_msg("%s is missing", name);
	return 0;
}

static void puts_dependencies_first(void **state)
{
	AUTO(modules_done) struct modules ms = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	write_files(all_modules, ARRAY_LEN(all_modules));
	write_indexes(folder, all_modules, ARRAY_LEN(all_modules), NULL, 0);
	assert_int_equal(modules_resolve(folder, "/boot/vmlinuz-1", false, &ms, &err), 0);
	assert_int_equal(ms.n, ARRAY_LEN(all_modules));
	assert_true(position(&ms, "virtio_ring") < position(&ms, "virtio"));
	assert_true(position(&ms, "virtio") < position(&ms, "virtio_mmio"));
	assert_true(position(&ms, "vsock") < position(&ms, "common"));
	assert_true(position(&ms, "common") < position(&ms, "vmw_vsock_virtio_transport"));
	assert_true(position(&ms, "fuse") < position(&ms, "virtiofs"));
	assert_true(position(&ms, "virtio") < position(&ms, "virtio_rng"));
	assert_non_null(strstr(ms.v[position(&ms, "virtio_rng")].path, "/kernel/virtio-rng.ko"));
}

static void leaves_out_what_is_built_in(void **state)
{
	static const struct index_row builtin[] = {
		{ "virtio", "" },
		{ "virtio_ring", "" },
		{ "virtio_mmio", "" },
		{ "fuse", "" },
		{ "virtio_rng", "" },
	};
	static const struct index_row deps[] = {
		{ "vsock", "kernel/vsock.ko:" },
		{ "vmw_vsock_virtio_transport",
			"kernel/vmw_vsock_virtio_transport.ko: kernel/vsock.ko" },
		{ "virtiofs", "kernel/virtiofs.ko:" },
	};
	AUTO(modules_done) struct modules ms = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	write_files(deps, ARRAY_LEN(deps));
	write_indexes(folder, deps, ARRAY_LEN(deps), builtin, ARRAY_LEN(builtin));
	assert_int_equal(modules_resolve(folder, "/boot/vmlinuz-1", false, &ms, &err), 0);
	assert_int_equal(ms.n, 3);
	assert_string_equal(ms.v[0].name, "vsock");
	assert_string_equal(ms.v[1].name, "vmw_vsock_virtio_transport");
	assert_string_equal(ms.v[2].name, "virtiofs");
}

static void names_the_missing_driver(void **state)
{
	AUTO(modules_done) struct modules ms = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	/* Without the last row, virtiofs. */
	write_indexes(folder, all_modules, ARRAY_LEN(all_modules) - 1, NULL, 0);
	assert_int_equal(modules_resolve(folder, "/boot/vmlinuz-1", false, &ms, &err), -ENOENT);
	assert_non_null(strstr(err.msg,
		"kernel /boot/vmlinuz-1: driver virtiofs is neither built in nor a module"));
	assert_int_equal(ms.n, 0);
}

static void wants_indexes(void **state)
{
	AUTO(modules_done) struct modules ms = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_true(modules_resolve("/nonexistent", "/boot/vmlinuz-1", false, &ms, &err) < 0);
	assert_non_null(strstr(err.msg, "depmod"));
}

static void looks_into_the_image(void **state)
{
	static const char whole[] = "..virtio-mmio\0vmw_vsock_virtio_transport\0virtiofs\0..";
	static const char other[] = "..virtio-mmio\0vmw_vsock_virtio_transport\0virtiofs.ko\0..";
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(modules_check_builtin(whole, sizeof(whole), "/k", false, &err), 0);
	assert_int_equal(modules_check_builtin(other, sizeof(other), "/k", false, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "virtiofs"));
}

static void reads_every_form(void **state)
{
	char path[256], name[] = "m";
	struct module m = { name, path };
	AUTO(buf_done) struct buf ko = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(buf_append_str(&ko, "\177ELF"), 0);
	fill_text(&ko, 100000);
	for (size_t i = 0; i <= ARRAY_LEN(packers); i++) {
		AUTO(buf_done) struct buf file = { 0 };
		AUTO(buf_done) struct buf out = { 0 };

		if (i < ARRAY_LEN(packers))
			packers[i].pack(ko.data, ko.len, &file);
		else
			assert_int_equal(buf_append(&file, ko.data, ko.len), 0);
		snprintf(path, sizeof(path), "%s/m.ko", folder);
		assert_int_equal(file_replace(AT_FDCWD, path, file.data, file.len, 0644, &err), 0);
		assert_int_equal(module_read(&m, &out, &err), 0);
		assert_int_equal(out.len, ko.len);
		assert_memory_equal(out.data, ko.data, ko.len);
	}
	assert_int_equal(file_replace(AT_FDCWD, path, "text", 4, 0644, &err), 0);
	{
		AUTO(buf_done) struct buf out = { 0 };

		assert_int_equal(module_read(&m, &out, &err), -EINVAL);
		assert_non_null(strstr(err.msg, path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_dependencies_first),
		cmocka_unit_test(leaves_out_what_is_built_in),
		cmocka_unit_test(names_the_missing_driver),
		cmocka_unit_test(wants_indexes),
		cmocka_unit_test(looks_into_the_image),
		cmocka_unit_test(reads_every_form),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
