/*
 * Guest kernels: see kernel.h. Offsets are those of Documentation/arch/x86/boot.rst, "The
 * Real-Mode Kernel Header". Called by guest.c, in vmrun.
 */
#include "guest/kernel.h"

#include "guest/unpack.h"

#include <dirent.h>
#include <elf.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SECTOR_BYTES		 512
#define HDR_SETUP_SECTS		 0x1f1
#define HDR_BOOT_FLAG		 0x1fe
#define HDR_MAGIC		 0x202
#define HDR_VERSION		 0x206
#define HDR_KERNEL_VERSION	 0x20e
#define HDR_PAYLOAD_OFFSET	 0x248
#define HDR_PAYLOAD_LENGTH	 0x24c
#define HDR_END			 0x250
#define HDR_VERSION_WITH_PAYLOAD 0x208

#define BANNER			 "Linux version "

const struct kernel_places kernel_places_system = {
	.own = "/usr/lib/vmrun/vmlinux",
	.boot = "/boot",
};

/* The release of a kernel's file name ("vmlinuz-<release>"), or NULL for other files. */
static const char *release_of_name(const char *name)
{
	size_t n = strlen(name);

	if (strncmp(name, "vmlinuz-", 8) != 0 || n == 8)
		return NULL;
	/* Package managers keep what they replace under such names. */
	if (n > 4 && (memcmp(name + n - 4, ".old", 4) == 0 || memcmp(name + n - 4, ".bak", 4) == 0))
		return NULL;
	if (strstr(name, ".dpkg-"))
		return NULL;
	return name + 8;
}

static int newest_in(const char *boot, char **ret_path, struct err *err)
{
	AUTO_FREE char *best = NULL;
	DIR *d = opendir(boot);
	struct dirent *e;
	int r = 0;

	*ret_path = NULL;
	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, errno, "%s", boot);
	while ((e = readdir(d))) {
		const char *release = release_of_name(e->d_name);
		char *copy;

		if (!release || (best && strverscmp(release, best + 8) <= 0))
			continue;
		copy = strdup(e->d_name);
		if (!copy) {
			r = err_sys(err, ENOMEM, "%s", boot);
			break;
		}
		free(best);
		best = copy;
	}
	closedir(d);
	if (r == 0 && best && asprintf(ret_path, "%s/%s", boot, best) < 0) {
		*ret_path = NULL;
		r = err_sys(err, ENOMEM, "%s", boot);
	}
	return r;
}

int kernel_find(
	const struct kernel_places *places, const char *option, char **ret_path, struct err *err)
{
	AUTO_FREE char *path = NULL;
	int r;

	if (option && strcmp(option, "auto") != 0) {
		path = strdup(option);
	} else if (access(places->own, F_OK) == 0) {
		path = strdup(places->own);
	} else {
		r = newest_in(places->boot, &path, err);
		if (r < 0)
			return r;
		if (!path)
			return err_set(err, ENOENT,
				"no guest kernel: neither %s nor %s/vmlinuz-* exists; install a "
				"kernel package (Debian: linux-image-cloud-amd64) or name a kernel "
				"with VMRUN_KERNEL or the setting \"kernel\"",
				places->own, places->boot);
	}
	if (!path)
		return err_sys(err, ENOMEM, "kernel");
	*ret_path = steal_ptr(&path);
	return 0;
}

/* "dir/lib/modules/release" when that folder exists. */
static int try_folder(
	const char *dir, size_t dir_len, const char *lib, const char *release, char **ret_folder)
{
	AUTO_FREE char *folder = NULL;

	if (asprintf(&folder, "%.*s%s/modules/%s", (int)dir_len, dir, lib, release) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	if (access(folder, F_OK) == 0)
		*ret_folder = steal_ptr(&folder);
	return 0;
}

/* The folder of the kernel itself when that is a modules folder. */
static int try_own_folder(const char *path, size_t dir_len, char **ret_folder)
{
	AUTO_FREE char *index = NULL;

	if (asprintf(&index, "%.*s/modules.dep", (int)dir_len, path) < 0) {
		index = NULL;
		return -ENOMEM;
	}
	if (access(index, F_OK) == 0) {
		index[dir_len] = '\0';
		*ret_folder = steal_ptr(&index);
	}
	return 0;
}

int kernel_modules_folder(const char *path, const char *release, char **ret_folder, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t dir_len = slash ? (size_t)(slash - path) : 0;
	const char *named = release_of_name(name);
	const char *libs[] = { "/lib", "/usr/lib" };
	int r = 0;

	*ret_folder = NULL;
	if (slash)
		r = try_own_folder(path, dir_len, ret_folder);
	if (named && dir_len >= 5 && memcmp(slash - 5, "/boot", 5) == 0)
		for (size_t i = 0; r == 0 && !*ret_folder && i < ARRAY_LEN(libs); i++)
			r = try_folder(path, dir_len - 5, libs[i], named, ret_folder);
	for (size_t i = 0; r == 0 && !*ret_folder && i < ARRAY_LEN(libs); i++)
		r = try_folder("", 0, libs[i], release, ret_folder);
	return r < 0 ? err_sys(err, -r, "modules of %s", path) : 0;
}

bool kernel_is_elf(const void *data, size_t len)
{
	return len >= sizeof(Elf64_Ehdr) && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static uint16_t le16_at(const uint8_t *image, size_t at)
{
	return (uint16_t)(image[at] | image[at + 1] << 8);
}

static uint32_t le32_at(const uint8_t *image, size_t at)
{
	return le16_at(image, at) | (uint32_t)le16_at(image, at + 2) << 16;
}

/* Bytes in front of the protected-mode part; 0 setup sectors mean 4, as ever. */
static size_t setup_bytes(const uint8_t *image)
{
	unsigned sectors = image[HDR_SETUP_SECTS];

	return (size_t)((sectors ? sectors : 4) + 1) * SECTOR_BYTES;
}

static int check_bzimage(const uint8_t *image, size_t len, struct err *err)
{
	if (len < HDR_END || le16_at(image, HDR_BOOT_FLAG) != 0xaa55 ||
		memcmp(image + HDR_MAGIC, "HdrS", 4) != 0)
		return err_set(err, EINVAL, "neither an x86 bzImage nor an ELF kernel");
	if (le16_at(image, HDR_VERSION) < HDR_VERSION_WITH_PAYLOAD)
		return err_set(err, ENOTSUP, "boot protocol %u.%02u is too old (2.08 is needed)",
			image[HDR_VERSION + 1], image[HDR_VERSION]);
	return 0;
}

static int check_elf(const uint8_t *image, size_t len, struct err *err)
{
	Elf64_Ehdr h;

	if (!kernel_is_elf(image, len))
		return err_set(err, EINVAL, "does not unpack to an ELF image");
	memcpy(&h, image, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64)
		return err_set(err, EINVAL, "not a kernel for x86_64");
	return 0;
}

int kernel_unpack(const void *image, size_t len, struct buf *out, struct err *err)
{
	const uint8_t *bytes = image;
	size_t start = out->len;
	uint64_t offset, length, end;
	int r;

	if (kernel_is_elf(image, len)) {
		r = check_elf(image, len, err);
		if (r < 0)
			return r;
		r = buf_append(out, image, len);
		return r < 0 ? err_sys(err, -r, "unpacking") : 0;
	}
	r = check_bzimage(bytes, len, err);
	if (r < 0)
		return r;
	offset = setup_bytes(bytes) + (uint64_t)le32_at(bytes, HDR_PAYLOAD_OFFSET);
	length = le32_at(bytes, HDR_PAYLOAD_LENGTH);
	end = offset + length;
	if (length == 0 || end > len)
		return err_set(err, EINVAL, "damaged bzImage: its payload lies outside the file");
	if (kernel_is_elf(bytes + offset, (size_t)length)) {
		r = buf_append(out, bytes + offset, (size_t)length);
		if (r < 0)
			return err_sys(err, -r, "unpacking");
	} else {
		r = unpack(bytes + offset, (size_t)length, UNPACK_MAX_BYTES, out, err);
		if (r < 0)
			return r;
	}
	if (out->len == start)
		return err_set(err, EINVAL, "its payload is empty");
	return check_elf(out->data + start, out->len - start, err);
}

/*
 * The first word of text. It becomes part of paths, so only the characters that releases are made
 * of are taken.
 */
static int take_release(const uint8_t *text, size_t len,
	char release[static KERNEL_RELEASE_MAX + 1], struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.+-_~";
	size_t n = 0;

	while (n < len && text[n] != '\0' && strchr(allowed, text[n]))
		n++;
	if (n == 0 || n > KERNEL_RELEASE_MAX || n == len || (text[n] != ' ' && text[n] != '\0') ||
		text[0] == '.')
		return err_set(err, EINVAL, "its version string is damaged");
	memcpy(release, text, n);
	release[n] = '\0';
	return 0;
}

int kernel_release(
	const void *image, size_t len, char release[static KERNEL_RELEASE_MAX + 1], struct err *err)
{
	const uint8_t *bytes = image, *banner;
	size_t at;
	int r;

	if (kernel_is_elf(image, len)) {
		banner = memmem(image, len, BANNER, strlen(BANNER));
		if (!banner)
			return err_set(err, EINVAL, "not a Linux kernel: it has no version string");
		at = (size_t)(banner - bytes) + strlen(BANNER);
		return take_release(bytes + at, len - at, release, err);
	}
	r = check_bzimage(bytes, len, err);
	if (r < 0)
		return r;
	at = (size_t)le16_at(bytes, HDR_KERNEL_VERSION) + 0x200;
	if (at == 0x200 || at >= setup_bytes(bytes) || at >= len)
		return err_set(err, EINVAL, "its header has no version string");
	return take_release(bytes + at, len - at, release, err);
}
