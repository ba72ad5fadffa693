/* bzImages made here with every compression, and what is none. */
#include "base/fd.h"
#include "guest/find.h"
#include "guest/kernel.h"
#include "tests/unit/packed.h"
#include "tests/unit/unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>

/* An ELF header with the version banner somewhere behind it. */
static void make_elf(struct buf *out, size_t len, const char *version)
{
	Elf64_Ehdr h = { .e_machine = EM_X86_64, .e_type = ET_EXEC };

	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	assert_int_equal(buf_append(out, &h, sizeof(h)), 0);
	fill_text(out, len);
	assert_int_equal(buf_printf(out, "Linux version %s (gcc) #1 SMP\n", version), 0);
}

#define SETUP_SECTORS 3
#define VERSION_AT    0x300

static void make_bzimage(
	struct buf *out, const struct packer *packer, const void *elf, size_t elf_len)
{
	uint8_t head[(SETUP_SECTORS + 1) * 512] = { 0 };
	uint32_t offset = 0x40, length;
	AUTO(buf_done) struct buf payload = { 0 };

	packer->pack(elf, elf_len, &payload);
	put_le32(&payload, (uint32_t)elf_len);
	length = (uint32_t)payload.len;
	head[0x1f1] = SETUP_SECTORS;
	head[0x1fe] = 0x55;
	head[0x1ff] = 0xaa;
	memcpy(head + 0x202, "HdrS", 4);
	head[0x206] = 0x0f;
	head[0x207] = 0x02;
	head[0x20e] = (VERSION_AT - 0x200) & 0xff;
	head[0x20f] = (VERSION_AT - 0x200) >> 8;
	memcpy(head + 0x248, &offset, 4);
	memcpy(head + 0x24c, &length, 4);
	memcpy(head + VERSION_AT, "6.1.0-9-test (me) #1", 21);
	assert_int_equal(buf_append(out, head, sizeof(head)), 0);
	for (unsigned i = 0; i < offset; i++)
		assert_int_equal(buf_append(out, "\x90", 1), 0);
	assert_int_equal(buf_append(out, payload.data, payload.len), 0);
	assert_int_equal(buf_append(out, "code behind the payload", 23), 0);
}

static void unpacks_bzimages(void **state)
{
	AUTO(buf_done) struct buf elf = { 0 };

	(void)state;
	make_elf(&elf, (size_t)9 << 20, "6.1.0-9-test");
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		AUTO(buf_done) struct buf image = { 0 };
		AUTO(buf_done) struct buf out = { 0 };
		char release[KERNEL_RELEASE_MAX + 1];
		struct err err = ERR_NONE;

		make_bzimage(&image, &packers[i], elf.data, elf.len);
		assert_int_equal(kernel_unpack(image.data, image.len, &out, &err), 0);
		assert_int_equal(out.len, elf.len);
		assert_memory_equal(out.data, elf.data, elf.len);
		assert_int_equal(kernel_release(image.data, image.len, release, &err), 0);
		assert_string_equal(release, "6.1.0-9-test");
	}
}

static void passes_elf_through(void **state)
{
	AUTO(buf_done) struct buf elf = { 0 };
	AUTO(buf_done) struct buf out = { 0 };
	char release[KERNEL_RELEASE_MAX + 1];
	struct err err = ERR_NONE;

	(void)state;
	make_elf(&elf, 5000, "6.12.1+");
	assert_true(kernel_is_elf(elf.data, elf.len));
	assert_int_equal(kernel_unpack(elf.data, elf.len, &out, &err), 0);
	assert_int_equal(out.len, elf.len);
	assert_int_equal(kernel_release(elf.data, elf.len, release, &err), 0);
	assert_string_equal(release, "6.12.1+");
}

static int unpack_damaged(const struct buf *image, size_t len, struct err *err)
{
	AUTO(buf_done) struct buf out = { 0 };

	err_clear(err);
	return kernel_unpack(image->data, len, &out, err);
}

static void refuses_what_is_no_kernel(void **state)
{
	AUTO(buf_done) struct buf elf = { 0 };
	AUTO(buf_done) struct buf image = { 0 };
	char release[KERNEL_RELEASE_MAX + 1];
	uint32_t bad = 0xfffffff0;
	struct err err = ERR_NONE;

	(void)state;
	make_elf(&elf, 5000, "../../etc");
	assert_int_equal(kernel_release(elf.data, elf.len, release, &err), -EINVAL);
	make_bzimage(&image, &packers[0], elf.data, elf.len);
	for (size_t len = 0; len < image.len - 23; len += 13)
		assert_int_equal(unpack_damaged(&image, len, &err), -EINVAL);
	memcpy(image.data + 0x248, &bad, 4);
	assert_int_equal(unpack_damaged(&image, image.len, &err), -EINVAL);
	image.data[0x206] = 5;
	assert_int_equal(unpack_damaged(&image, image.len, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "2.05"));
	elf.data[EI_CLASS] = ELFCLASS32;
	assert_int_equal(unpack_damaged(&elf, elf.len, &err), -EINVAL);
}

static int read_it(void *arg, const char *path, struct err *err)
{
	return file_read(AT_FDCWD, path, 1 << 30, arg, err);
}

/* A real distribution kernel, where there is one. */
static void unpacks_the_installed_kernel(void **state)
{
	AUTO(kernel_places_done) struct kernel_places places = { .boot = NULL };
	AUTO(buf_done) struct buf image = { 0 };
	AUTO(buf_done) struct buf out = { 0 };
	char release[KERNEL_RELEASE_MAX + 1], banner[KERNEL_RELEASE_MAX + 1];
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(kernel_places_system(&places, &err), 0);
	if (kernel_choose(&places, getenv("VMRUN_KERNEL"), read_it, &image, &err) < 0) {
		print_message("no kernel in /boot and VMRUN_KERNEL is not set\n");
		kernel_places_done(&places); /* skip() does not return */
		skip();
	}
	assert_int_equal(kernel_unpack(image.data, image.len, &out, &err), 0);
	assert_int_equal(kernel_release(image.data, image.len, release, &err), 0);
	assert_int_equal(kernel_release(out.data, out.len, banner, &err), 0);
	assert_string_equal(release, banner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unpacks_bzimages),
		cmocka_unit_test(passes_elf_through),
		cmocka_unit_test(refuses_what_is_no_kernel),
		cmocka_unit_test(unpacks_the_installed_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
