/* Overlays: see overlay.h. Called where bind sources are opened. */
#include "container/overlay.h"

#include "base/auto.h"
#include "base/str.h"
#include "oci/mounts.h"

#include <string.h>
#include <sys/mount.h>

/* strndup_user() of fsconfig(2) */
#define VALUE_MAX 255

static int set_option(int fs, size_t i, char *option, struct err *err)
{
	char *value = strchr(option, '=');
	int r;

	if (value)
		*value++ = '\0';
	if (value && strlen(value) > VALUE_MAX)
		return err_set(err, ENOTSUP,
			"config.json: mounts[%zu].options: %s is longer than %d bytes", i, option,
			VALUE_MAX);
	r = fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0);
	return r < 0 ? err_sys(err, errno, "config.json: mounts[%zu].options: %s", i, option) : 0;
}

static int configure(int fs, const struct spec_mount *mount, size_t i, struct err *err)
{
	AUTO(mount_options_done) struct mount_options o = { 0 };
	char *save = NULL, *data;
	int r = mount_options_read(mount, &o);

	if (r < 0 || buf_append(&o.data, "", 1) < 0)
		return err_sys(err, ENOMEM, "mounts");
	data = (char *)o.data.data;
	for (char *one = strtok_r(data, ",", &save); r == 0 && one;
		one = strtok_r(NULL, ",", &save))
		r = set_option(fs, i, one, err);
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = err_sys(err, errno, "config.json: mounts[%zu]: overlay", i);
	return r;
}

int overlay_open(const struct spec_mount *mount, size_t i, int *ret, struct err *err)
{
	AUTO_CLOSE int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return err_sys(err, errno, "config.json: mounts[%zu]: overlay", i);
	r = configure(fs, mount, i, err);
	if (r < 0)
		return r;
	*ret = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return *ret < 0 ? err_sys(err, errno, "config.json: mounts[%zu]: overlay", i) : 0;
}
