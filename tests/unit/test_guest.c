/* The whole image: kernel, release and initramfs, from an invented and from a real kernel. */
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "guest/make.h"
#include "guest/recipe.h"
#include "tests/unit/kmod_index.h"
#include "tests/unit/newc.h"
#include "tests/unit/packed.h"
#include "tests/unit/unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static char root[] = "/tmp/test_guest.XXXXXX";
static char agent[64], cache[64], kernel[64], modules[64];

static void write_file(const char *path, const void *data, size_t len)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(AT_FDCWD, path, data, len, 0644, &err), 0);
}

static void write_module(const char *name)
{
	AUTO(buf_done) struct buf ko = { 0 };
	AUTO(buf_done) struct buf packed = { 0 };
	char path[128];

	assert_int_equal(buf_append_str(&ko, "\177ELF"), 0);
	fill_text(&ko, 5000);
	assert_int_equal(buf_append_str(&ko, name), 0);
	pack_xz(ko.data, ko.len, &packed);
	snprintf(path, sizeof(path), "%s/%s.ko.xz", modules, name);
	write_file(path, packed.data, packed.len);
}

/* An uncompressed kernel with one module, and everything else built in. */
static void make_kernel(void)
{
	static const struct index_row builtin[] = {
		{ "virtio_mmio", "" },
		{ "vmw_vsock_virtio_transport", "" },
	};
	static const struct index_row deps[] = {
		{ "fuse", "fuse.ko.xz:" },
		{ "virtiofs", "virtiofs.ko.xz: fuse.ko.xz" },
	};
	Elf64_Ehdr h = { .e_machine = EM_X86_64, .e_type = ET_EXEC };
	AUTO(buf_done) struct buf elf = { 0 };

	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	assert_int_equal(buf_append(&elf, &h, sizeof(h)), 0);
	assert_int_equal(buf_append_str(&elf, "Linux version 9.8.7-test (me)"), 0);
	write_file(kernel, elf.data, elf.len);
	assert_int_equal(mkdir_all(modules, 0755), 0);
	write_indexes(modules, deps, ARRAY_LEN(deps), builtin, ARRAY_LEN(builtin));
	write_module("fuse");
	write_module("virtiofs");
}

static int make_root(void **state)
{
	AUTO(buf_done) struct buf program = { 0 };

	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(agent, sizeof(agent), "%s/agent", root);
	snprintf(cache, sizeof(cache), "%s/cache", root);
	snprintf(kernel, sizeof(kernel), "%s/vmlinux", root);
	snprintf(modules, sizeof(modules), "%s/lib/modules/9.8.7-test", root);
	assert_int_equal(buf_append_str(&program, "\177ELF"), 0);
	fill_text(&program, 3000);
	write_file(agent, program.data, program.len);
	make_kernel();
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, root);
}

static void read_initrd(const struct guest_image *image, struct buf *out)
{
	struct stat st;

	assert_int_equal(lseek(image->initrd_fd, 0, SEEK_CUR), 0);
	assert_int_equal(fd_read_to_end(image->initrd_fd, 1 << 30, out), 0);
	assert_int_equal(fstat(image->initrd_fd, &st), 0);
	assert_int_equal(st.st_size, out->len);
}

/* Finds an entry of the archive; the names of all of them go to names, each with a space. */
static bool find_entry(
	const struct buf *initrd, const char *name, struct newc_entry *ret, struct buf *names)
{
	struct newc_entry e;
	size_t at = 0;
	bool found = false;

	while (newc_next(initrd->data, initrd->len, &at, &e)) {
		if (names)
			assert_int_equal(buf_printf(names, "%s ", e.name), 0);
		if (streq(e.name, name)) {
			*ret = e;
			found = true;
		}
	}
	return found;
}

static void builds_an_initramfs(void **state)
{
	struct guest_options options = {
		.kernel = kernel,
		.modules = modules,
		.agent = agent,
		.cache_dir = cache,
	};
	AUTO(guest_image_done) struct guest_image image = GUEST_IMAGE_INIT;
	AUTO(buf_done) struct buf initrd = { 0 };
	AUTO(buf_done) struct buf names = { 0 };
	struct newc_entry e;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(guest_image_make(&options, &image, &err), 0);
	assert_string_equal(image.release, "9.8.7-test");
	assert_string_equal(image.source, kernel);
	assert_true(image.kernel_fd >= 0);
	read_initrd(&image, &initrd);
	assert_true(find_entry(&initrd, "init", &e, &names));
	assert_string_equal(buf_str(&names),
		"dev proc sys run tmp modules dev/console init modules/fuse.ko modules/virtiofs.ko "
		"modules.list ");
	assert_int_equal(e.mode, S_IFREG | 0755);
	assert_int_equal(e.len, 3000);
	assert_memory_equal(e.data, "\177ELF", 4);
	assert_true(find_entry(&initrd, "modules.list", &e, NULL));
	assert_int_equal(e.len, strlen("/modules/fuse.ko\n/modules/virtiofs.ko\n"));
	assert_memory_equal(e.data, "/modules/fuse.ko\n/modules/virtiofs.ko\n", e.len);
	assert_true(find_entry(&initrd, "modules/virtiofs.ko", &e, NULL));
	assert_memory_equal(e.data, "\177ELF", 4);
	assert_memory_equal(e.data + e.len - 8, "virtiofs", 8);
}

/* One that is given comes first, at the end padded to four bytes; what comes later wins. */
static void a_given_initrd_comes_first(void **state)
{
	char given[96];
	struct guest_options options = {
		.kernel = kernel,
		.modules = modules,
		.agent = agent,
		.cache_dir = cache,
	};
	AUTO(buf_done) struct buf plain = { 0 };
	AUTO(buf_done) struct buf both = { 0 };
	AUTO(guest_image_done) struct guest_image without = GUEST_IMAGE_INIT;
	AUTO(guest_image_done) struct guest_image with = GUEST_IMAGE_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(guest_image_make(&options, &without, &err), 0);
	read_initrd(&without, &plain);
	snprintf(given, sizeof(given), "%s/given", root);
	write_file(given, "any05", 5);
	options.initrd = given;
	assert_int_equal(guest_image_make(&options, &with, &err), 0);
	read_initrd(&with, &both);
	assert_int_equal(both.len, plain.len + 8);
	assert_memory_equal(both.data, "any05\0\0\0", 8);
	assert_memory_equal(both.data + 8, plain.data, plain.len);
	options.initrd = "/nonexistent/initrd";
	guest_image_done(&with);
	assert_int_equal(guest_image_make(&options, &with, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "initrd /nonexistent/initrd"));
}

static ino_t initrd_inode(const struct guest_options *options)
{
	AUTO(guest_image_done) struct guest_image image = GUEST_IMAGE_INIT;
	struct err err = ERR_NONE;
	struct stat st;

	assert_int_equal(guest_image_make(options, &image, &err), 0);
	assert_int_equal(fstat(image.initrd_fd, &st), 0);
	return st.st_ino;
}

static void follows_changes_of_its_parts(void **state)
{
	static const char other[80] = "\177ELF, another agent, longer than an ELF header";
	struct guest_options options = {
		.kernel = kernel,
		.modules = modules,
		.agent = agent,
		.cache_dir = cache,
	};
	ino_t before = initrd_inode(&options), after;

	(void)state;
	assert_int_equal(initrd_inode(&options), before);
	write_file(agent, other, sizeof(other));
	after = initrd_inode(&options);
	assert_int_not_equal(after, before);
	make_kernel();
	before = initrd_inode(&options);
	assert_int_not_equal(after, before);
}

static void tells_what_is_wrong(void **state)
{
	struct guest_options options = {
		.kernel = "/nonexistent/vmlinuz",
		.agent = agent,
		.cache_dir = cache,
	};
	struct guest_image image = GUEST_IMAGE_INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(guest_image_make(&options, &image, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "kernel /nonexistent/vmlinuz"));
	err_clear(&err);
	options.kernel = root;
	assert_int_equal(guest_image_make(&options, &image, &err), -EINVAL);
	err_clear(&err);
	options.kernel = kernel;
	/* No folder of modules, and nothing of the sort in this image. */
	assert_int_equal(guest_image_make(&options, &image, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "driver virtio_mmio"));
	err_clear(&err);
	options.modules = modules;
	options.agent = "/nonexistent/agent";
	assert_int_equal(guest_image_make(&options, &image, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "agent"));
	assert_int_equal(image.kernel_fd, -1);
}

/* vmrun itself makes nothing: it finds an image, why there is none, or that nobody knows yet. */
static void what_is_wrong_is_kept(void **state)
{
	struct guest_options options = { .kernel = kernel, .agent = agent, .cache_dir = cache };
	struct guest_image image = GUEST_IMAGE_INIT;
	struct err made = ERR_NONE, found = ERR_NONE;

	(void)state;
	make_kernel(); /* anew, so that the cache knows nothing of it */
	assert_int_equal(recipe_open(&options, NULL, &image, &found), -ENODATA);
	err_clear(&found);
	assert_int_equal(guest_image_make(&options, &image, &made), -ENOENT);
	assert_int_equal(recipe_open(&options, NULL, &image, &found), -ENOENT);
	assert_string_equal(found.msg, made.msg);
	err_clear(&found);
	/* With its modules it is another matter. */
	options.modules = modules;
	assert_int_equal(recipe_open(&options, NULL, &image, &found), -ENODATA);
	err_clear(&found);
	assert_int_equal(guest_image_make(&options, &image, &found), 0);
	guest_image_done(&image);
	assert_int_equal(recipe_open(&options, NULL, &image, &found), 0);
	guest_image_done(&image);
}

static double elapsed_ms(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

/* A real kernel: every required driver is there, and the second time costs next to nothing. */
static void opens_the_installed_kernel(void **state)
{
	struct guest_options options = {
		.kernel = getenv("VMRUN_KERNEL"),
		.agent = agent,
		.cache_dir = cache,
	};
	AUTO(guest_image_done) struct guest_image image = GUEST_IMAGE_INIT;
	AUTO(buf_done) struct buf initrd = { 0 };
	struct err err = ERR_NONE;
	struct newc_entry e;
	struct timespec start;
	double cold, warm = 1e9;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (guest_image_make(&options, &image, &err) == -ENOENT && !options.kernel) {
		print_message("%s\n", err.msg);
		skip();
	}
	cold = elapsed_ms(&start);
	assert_string_equal(err.msg, "");
	read_initrd(&image, &initrd);
	assert_true(find_entry(&initrd, "modules.list", &e, NULL));
	print_message("%s: %.*s", image.release, (int)e.len, (const char *)e.data);
	for (int i = 0; i < 20; i++) {
		AUTO(guest_image_done) struct guest_image again = GUEST_IMAGE_INIT;
		double ms;

		clock_gettime(CLOCK_MONOTONIC, &start);
		assert_int_equal(guest_image_make(&options, &again, &err), 0);
		ms = elapsed_ms(&start);
		warm = ms < warm ? ms : warm;
	}
	print_message("cold %.1f ms, warm %.3f ms\n", cold, warm);
	assert_true(warm < cold / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_an_initramfs),
		cmocka_unit_test(a_given_initrd_comes_first),
		cmocka_unit_test(follows_changes_of_its_parts),
		cmocka_unit_test(tells_what_is_wrong),
		cmocka_unit_test(what_is_wrong_is_kept),
		cmocka_unit_test(opens_the_installed_kernel),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
