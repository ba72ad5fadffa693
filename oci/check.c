/*
 * The top of the checks: sections that all platforms have, and the table of what cannot be applied
 * yet. Called by src/pod before anything is made.
 */
#include "oci/check_own.h"
#include "oci/hooks.h"
#include "oci/mounts.h"
#include "oci/one_line.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define HOST_NAME_BYTES_MAX 64
/* The kernel copies one page of mount data, with its NUL. */
#define MOUNT_DATA_BYTES_MAX 4095
/* virtiofs learned it in Linux 6.12, tmpfs in 6.3. */
#define NO_IDMAP "neither virtiofs nor tmpfs of the guest's kernel can be mounted with mapped ids"

int check_fail(const struct checker *c, int code, const char *fmt, ...)
{
	char msg[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	one_line(msg);
	return err_set(c->err, code, "%s: %s%s", c->file, c->prefix, msg);
}

int check_warn(const struct checker *c, const char *fmt, ...)
{
	char msg[ERR_MSG_MAX];
	va_list ap;

	if (!c->warnings)
		return 0;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	one_line(msg);
	if (strv_addf(c->warnings, "%s: %s%s", c->file, c->prefix, msg) < 0)
		return err_set(c->err, ENOMEM, "%s: out of memory", c->file);
	return 0;
}

int check_env(const struct checker *c, const char *what, const struct spec_strings *env)
{
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');

		if (!equals || equals == env->v[i])
			return check_fail(c, EINVAL, "%s[%zu]: must be NAME=value, got \"%.60s\"",
				what, i, env->v[i]);
	}
	return 0;
}

int check_absolute(const struct checker *c, const char *what, const struct spec_strings *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (*paths->v[i] != '/')
			return check_fail(c, EINVAL,
				"%s[%zu]: must be an absolute path, got \"%.80s\"", what, i,
				paths->v[i]);
	return 0;
}

const struct spec_namespace *check_namespace(const struct spec *spec, const char *type)
{
	for (size_t i = 0; i < spec->linux.namespaces.n; i++)
		if (streq(spec->linux.namespaces.v[i].type, type))
			return &spec->linux.namespaces.v[i];
	return NULL;
}

/* hostname and domainname. Without a UTS namespace they would be the whole pod's. */
static int check_host_name(
	const struct spec *spec, const struct checker *c, const char *what, const char *value)
{
	if (!value)
		return 0;
	if (strlen(value) > HOST_NAME_BYTES_MAX)
		return check_fail(c, EINVAL, "%s: longer than %d bytes", what, HOST_NAME_BYTES_MAX);
	if (!check_namespace(spec, "uts"))
		return check_fail(c, EINVAL, "%s: needs a uts namespace in linux.namespaces", what);
	return 0;
}

static int check_mount_options(const struct spec_mount *m, size_t i, const struct checker *c)
{
	AUTO(mount_options_done) struct mount_options o = { 0 };

	for (size_t k = 0; k < m->options.n; k++)
		if (streq(m->options.v[k], "idmap") || streq(m->options.v[k], "ridmap"))
			return check_fail(c, ENOTSUP,
				"mounts[%zu].options[%zu]: \"%s\" is not supported: " NO_IDMAP, i,
				k, m->options.v[k]);
	if (mount_options_read(m, &o) < 0)
		return err_set(c->err, ENOMEM, "%s: out of memory", c->file);
	if (o.data.len > MOUNT_DATA_BYTES_MAX)
		return check_fail(c, EINVAL, "mounts[%zu].options: longer than %d bytes", i,
			MOUNT_DATA_BYTES_MAX);
	/* The kernel would pass over them in silence. */
	if (mount_is_bind(m) && o.data.len > 0)
		return check_fail(c, EINVAL,
			"mounts[%zu].options: \"%.80s\" is for a file system, and this is a bind "
			"mount",
			i, buf_str(&o.data) ? buf_str(&o.data) : "");
	return 0;
}

static int check_mount(const struct spec_mount *m, size_t i, const struct checker *c)
{
	bool bind = mount_is_bind(m);

	if (m->uid_mappings.n > 0 || m->gid_mappings.n > 0)
		return check_fail(c, ENOTSUP, "mounts[%zu].%s: not supported: " NO_IDMAP, i,
			m->uid_mappings.n > 0 ? "uidMappings" : "gidMappings");
	if (bind && !m->source)
		return check_fail(
			c, EINVAL, "mounts[%zu].source: missing, a bind mount needs one", i);
	if (!bind && !m->type && !mount_is_remount(m))
		return check_fail(
			c, EINVAL, "mounts[%zu].type: missing, only bind mounts need none", i);
	if (*m->destination != '/' &&
		check_warn(c, "mounts[%zu].destination: \"%.80s\" is not absolute, taken from /", i,
			m->destination) < 0)
		return -c->err->code;
	return check_mount_options(m, i, c);
}

static int check_hook(
	const struct spec_hook *h, const struct hook_kind *kind, size_t i, const struct checker *c)
{
	char env[64];

	if (*h->path != '/')
		return check_fail(c, EINVAL,
			"hooks.%s[%zu].path: must be an absolute path, got \"%.80s\"", kind->name,
			i, h->path);
	if (h->timeout_s.is_set && h->timeout_s.value <= 0)
		return check_fail(c, EINVAL, "hooks.%s[%zu].timeout: must be more than 0 seconds",
			kind->name, i);
	snprintf(env, sizeof(env), "hooks.%s[%zu].env", kind->name, i);
	return check_env(c, env, &h->env);
}

static int check_hooks(const struct spec *spec, const struct checker *c)
{
	for (size_t k = 0; k < HOOK_KINDS; k++) {
		const struct hook_kind *kind = &hook_kinds[k];
		const struct spec_hook_list *list = hooks_of(&spec->hooks, kind);

		for (size_t i = 0; i < list->n; i++) {
			int r = check_hook(&list->v[i], kind, i, c);

			if (r < 0)
				return r;
		}
		if (list->n > 0 && !kind->honoured)
			return check_fail(c, ENOTSUP, "hooks.%s: not supported", kind->name);
	}
	return 0;
}

static bool has_net_devices(const struct spec *spec)
{
	return spec->linux.net_devices.n > 0;
}

static bool has_intel_rdt(const struct spec *spec)
{
	return spec->linux.intel_rdt != NULL;
}

static bool has_vm_hypervisor(const struct spec *spec)
{
	return spec->vm && spec->vm->hypervisor;
}

static bool has_vm_kernel(const struct spec *spec)
{
	return spec->vm && spec->vm->kernel;
}

static bool has_vm_image(const struct spec *spec)
{
	return spec->vm && spec->vm->image;
}

static bool has_vm_passthrough(const struct spec *spec)
{
	const struct spec_vm_hw_config *hw = spec->vm ? spec->vm->hw_config : NULL;

	return hw && (hw->device_tree || hw->dtdevs.n > 0 || hw->iomems.n > 0 || hw->irqs.n > 0);
}

static bool has_mount_label(const struct spec *spec)
{
	return spec->linux.mount_label != NULL;
}

/*
 * Fields that are understood and not applied. runtime.md ("Create") demands an error for what
 * cannot be applied; ignored is only what protects the host's kernel, which the VM does instead.
 */
static const struct {
	const char *path;
	bool (*given)(const struct spec *spec);
	const char *why; /* NULL: ignored */
} not_applied[] = {
	{ "linux.netDevices", has_net_devices,
		"not supported, a device of the host cannot be moved into a guest" },
	{ "linux.intelRdt", has_intel_rdt, "not supported" },
	{ "vm.hypervisor", has_vm_hypervisor, "not supported" },
	{ "vm.kernel", has_vm_kernel, "not supported" },
	{ "vm.image", has_vm_image, "not supported" },
	{ "vm.hwConfig: device pass-through", has_vm_passthrough, "not supported" },
	{ "linux.mountLabel", has_mount_label, NULL },
};

static int check_applied(const struct spec *spec, const struct checker *c)
{
	for (size_t i = 0; i < ARRAY_LEN(not_applied); i++) {
		if (!not_applied[i].given(spec))
			continue;
		if (not_applied[i].why)
			return check_fail(
				c, ENOTSUP, "%s: %s", not_applied[i].path, not_applied[i].why);
		if (check_warn(c, "%s: ignored, the VM takes its place", not_applied[i].path) < 0)
			return -c->err->code;
	}
	return 0;
}

int spec_check(const struct spec *spec, struct strv *warnings, struct err *err)
{
	struct checker c = { spec->file, "", warnings, err };
	int r;

	if (!spec->root)
		return check_fail(&c, EINVAL, "root: missing");
	if (!spec->process)
		return check_fail(&c, EINVAL, "process: missing");
	r = spec_check_process(spec->process, spec->file, "process.", warnings, err);
	if (r == 0)
		r = check_host_name(spec, &c, "hostname", spec->hostname);
	if (r == 0)
		r = check_host_name(spec, &c, "domainname", spec->domainname);
	for (size_t i = 0; r == 0 && i < spec->mounts.n; i++)
		r = check_mount(&spec->mounts.v[i], i, &c);
	if (r == 0)
		r = check_hooks(spec, &c);
	if (r == 0)
		r = check_linux(spec, &c);
	if (r == 0)
		r = check_applied(spec, &c);
	return r;
}
