/* The probe's answer in a file: see kvm_cache.h. Called by monitor.c. */
#include "host/kvm_cache.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>

#define FILE_NAME "kvm-speed"
#define FORMAT	  "vmrun-kvm-1"
#define FILE_MAX  1024

int kvm_cache_key(const struct stat *device, struct kvm_cache_key *ret)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct err err = ERR_NONE;
	const char *text;
	size_t n;
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256, &b, &err);

	if (r < 0)
		return r;
	text = buf_str(&b);
	if (!text)
		return -ENOMEM;
	n = strcspn(text, " \n");
	if (n == 0 || n >= sizeof(ret->boot_id))
		return -EINVAL;
	*ret = (struct kvm_cache_key){
		.device = device->st_rdev,
		.inode = device->st_ino,
		.changed_s = device->st_ctim.tv_sec,
		.changed_ns = device->st_ctim.tv_nsec,
	};
	memcpy(ret->boot_id, text, n);
	return 0;
}

static int print_key(struct buf *b, const struct kvm_cache_key *key)
{
	return buf_printf(b, FORMAT "\n%s %llu %llu %lld.%lld\n", key->boot_id,
		(unsigned long long)key->device, (unsigned long long)key->inode,
		(long long)key->changed_s, (long long)key->changed_ns);
}

/* "<rate>\n", then for a KVM that lacks something a line that says what. */
static bool parse_answer(char *text, struct kvm_speed *ret)
{
	char *why = strchr(text, '\n'), *end;

	if (!why)
		return false;
	*why++ = '\0';
	if (str_to_u64(text, &ret->rate) < 0 || ret->rate == 0)
		return false;
	if (!*why)
		return true;
	end = strchr(why, '\n');
	if (!end || end[1] || end - why >= (ptrdiff_t)sizeof(ret->why))
		return false;
	*end = '\0';
	ret->lacks = true;
	memcpy(ret->why, why, (size_t)(end - why) + 1);
	return true;
}

bool kvm_cache_read(int dir, const struct kvm_cache_key *key, struct kvm_speed *ret)
{
	AUTO(buf_done) struct buf file = { 0 };
	AUTO(buf_done) struct buf wanted = { 0 };
	struct err err = ERR_NONE;
	struct kvm_speed s = { 0 };

	if (file_read(dir, FILE_NAME, FILE_MAX, &file, &err) < 0 || !buf_str(&file) ||
		print_key(&wanted, key) < 0)
		return false;
	/* A NUL would hide what follows from the string functions. */
	if (memchr(file.data, '\0', file.len) || file.len < wanted.len ||
		memcmp(file.data, wanted.data, wanted.len) != 0 ||
		!parse_answer((char *)file.data + wanted.len, &s))
		return false;
	*ret = s;
	return true;
}

int kvm_cache_write(
	int dir, const struct kvm_cache_key *key, const struct kvm_speed *speed, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	int r;

	if (speed->code)
		return 0;
	r = print_key(&b, key);
	if (r == 0)
		r = buf_printf(&b, "%llu\n", (unsigned long long)speed->rate);
	if (r == 0 && speed->lacks)
		r = buf_printf(&b, "%s\n", speed->why);
	if (r < 0)
		return err_sys(err, -r, FILE_NAME);
	return file_replace(dir, FILE_NAME, b.data, b.len, 0600, err);
}
