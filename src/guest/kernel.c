/*
 * Guest kernels: see kernel.h. Offsets are those of Documentation/arch/x86/boot.rst, "The
 * Real-Mode Kernel Header". Called by make.c.
 */
#include "guest/kernel.h"

#include "guest/unpack.h"

#include <elf.h>
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
