/* Slots that are filled later: see slots.h. Names are those of Linux's virtio_mmio and ACPI. */
#include "agent/slots.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES	   "bus/platform/devices"
#define BIND	   "bus/platform/drivers/virtio-mmio/bind"
#define HARDWARE   "LNRO0005:" /* what ACPI calls a virtio-mmio slot */
#define CHILD	   "virtio"
#define NUMBER_MAX 32

static DIR *open_directory(int sysfs, const char *path)
{
	int fd = openat(sysfs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		close_fd(&fd);
	return dir;
}

/* The first entry of a directory that begins so, in ret (size). */
static bool find_entry(int sysfs, const char *path, const char *prefix, char *ret, size_t size)
{
	DIR *dir = open_directory(sysfs, path);
	const struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		found = str_after(e->d_name, prefix) && strlen(e->d_name) < size;
		if (found)
			memcpy(ret, e->d_name, strlen(e->d_name) + 1);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Whether _UID of a platform device, which is the machine's number of the slot, is that one. */
static bool is_slot(int sysfs, const char *device, uint32_t slot)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err ignored = ERR_NONE;
	char path[PATH_MAX];
	uint64_t number;

	snprintf(path, sizeof(path), DEVICES "/%s/firmware_node/uid", device);
	if (file_read(sysfs, path, NUMBER_MAX, &text, &ignored) < 0)
		return false;
	if (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	return buf_str(&text) && str_to_u64(buf_str(&text), &number) == 0 && number == slot;
}

static bool find_slot(int sysfs, uint32_t slot, char *ret, size_t size)
{
	DIR *dir = open_directory(sysfs, DEVICES);
	const struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		found = str_after(e->d_name, HARDWARE) && strlen(e->d_name) < size &&
			is_slot(sysfs, e->d_name, slot);
		if (found)
			memcpy(ret, e->d_name, strlen(e->d_name) + 1);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* link: to its directory, which is called like it. */
static void read_driver(int sysfs, const char *link, char *ret, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(sysfs, link, target, sizeof(target) - 1);
	const char *last;

	target[n > 0 ? n : 0] = '\0';
	last = strrchr(target, '/');
	snprintf(ret, size, "%.*s", (int)size - 1, last ? last + 1 : target);
}

int slot_bind(int sysfs, uint32_t slot, struct slot_device *ret, struct err *err)
{
	char device[64], path[PATH_MAX];
	int r = 0;

	*ret = (struct slot_device){ 0 };
	if (!find_slot(sysfs, slot, device, sizeof(device)))
		return err_set(err, ENOENT, "the machine has no slot %u", slot);
	snprintf(path, sizeof(path), DEVICES "/%s", device);
	if (!find_entry(sysfs, path, CHILD, ret->name, sizeof(ret->name))) {
		/* The kernel probes it, as it did when it booted. */
		r = file_write_at(sysfs, BIND, device);
		if (r == 0 && !find_entry(sysfs, path, CHILD, ret->name, sizeof(ret->name)))
			r = -ENODEV;
	}
	if (r == -ENODEV)
		return err_set(err, EBUSY, "slot %u is empty", slot);
	if (r < 0)
		return err_sys(err, -r, "slot %u (%s)", slot, device);
	snprintf(path, sizeof(path), DEVICES "/%s/%s/driver", device, ret->name);
	read_driver(sysfs, path, ret->driver, sizeof(ret->driver));
	return 0;
}
