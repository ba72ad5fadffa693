/* Slots that are filled later, in a /sys of our own. What the kernel does, the test does. */
#include "agent/slots.h"
#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIND "bus/platform/drivers/virtio-mmio/bind"

struct sys {
	char path[32];
	int fd;
};

static void make(const struct sys *s, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", s->path, path);
	assert_int_equal(mkdir_all(full, 0755), 0);
}

static void write_file(const struct sys *s, const char *path, const char *text)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(s->fd, path, text, strlen(text), 0644, &err), 0);
}

static void make_slot(const struct sys *s, const char *name, const char *uid)
{
	char path[128];

	snprintf(path, sizeof(path), "bus/platform/devices/%s/firmware_node", name);
	make(s, path);
	snprintf(path, sizeof(path), "bus/platform/devices/%s/firmware_node/uid", name);
	write_file(s, path, uid);
}

static int make_sys(void **state)
{
	struct sys *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	snprintf(s->path, sizeof(s->path), "/tmp/test_slots.XXXXXX");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->fd >= 0);
	make(s, "bus/platform/drivers/virtio-mmio");
	write_file(s, BIND, "");
	make(s, "bus/platform/devices/serial8250");
	/* Names count in the order of discovery; the number says which slot it is. */
	make_slot(s, "LNRO0005:00", "12\n");
	make_slot(s, "LNRO0005:01", "0\n");
	make_slot(s, "LNRO0005:02", "3\n");
	*state = s;
	return 0;
}

static int remove_sys(void **state)
{
	struct sys *s = *state;
	int r;

	close(s->fd);
	r = remove_tree(AT_FDCWD, s->path);
	free(s);
	return r;
}

static void bound(const struct sys *s, const char *want)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(file_read(s->fd, BIND, 64, &text, &err), 0);
	assert_string_equal(buf_str(&text), want);
}

static void an_empty_slot_stays_empty(void **state)
{
	const struct sys *s = *state;
	struct slot_device device;
	struct err err = ERR_NONE;

	assert_int_equal(slot_bind(s->fd, 12, &device, &err), -EBUSY);
	assert_string_equal(err.msg, "slot 12 is empty");
	/* It was looked at. */
	bound(s, "LNRO0005:00");
}

static void a_device_has_a_name_and_a_driver(void **state)
{
	const struct sys *s = *state;
	struct slot_device device;
	struct err err = ERR_NONE;

	make(s, "bus/platform/devices/LNRO0005:02/virtio7");
	assert_int_equal(slot_bind(s->fd, 3, &device, &err), 0);
	assert_string_equal(device.name, "virtio7");
	assert_string_equal(device.driver, "");
	assert_int_equal(symlinkat("../../../bus/virtio/drivers/virtio_rng", s->fd,
				 "bus/platform/devices/LNRO0005:02/virtio7/driver"),
		0);
	assert_int_equal(slot_bind(s->fd, 3, &device, &err), 0);
	assert_string_equal(device.driver, "virtio_rng");
	/* One that has its device is not looked at again. */
	bound(s, "");
}

static void other_slots_are_not_there(void **state)
{
	static const uint32_t none[] = { 1, 2, 13, UINT32_MAX };
	const struct sys *s = *state;
	struct slot_device device;

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(slot_bind(s->fd, none[i], &device, &err), -ENOENT);
	}
	bound(s, "");
}

static void a_kernel_without_the_driver_is_an_error(void **state)
{
	const struct sys *s = *state;
	struct slot_device device;
	struct err err = ERR_NONE;

	assert_int_equal(unlinkat(s->fd, BIND, 0), 0);
	assert_int_equal(slot_bind(s->fd, 0, &device, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "slot 0 (LNRO0005:01)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_slot_stays_empty, make_sys, remove_sys),
		cmocka_unit_test_setup_teardown(
			a_device_has_a_name_and_a_driver, make_sys, remove_sys),
		cmocka_unit_test_setup_teardown(other_slots_are_not_there, make_sys, remove_sys),
		cmocka_unit_test_setup_teardown(
			a_kernel_without_the_driver_is_an_error, make_sys, remove_sys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
