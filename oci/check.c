/*
 * The top of the checks: sections that all platforms have, and what the field table refuses. Called
 * by src/pod before anything is made.
 */
#include "oci/check_own.h"
#include "oci/fields.h"
#include "oci/hooks.h"
#include "oci/mounts.h"
#include "oci/one_line.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define HOST_NAME_BYTES_MAX 64
/* The kernel copies one page of mount data, with its NUL. */
#define MOUNT_DATA_BYTES_MAX 4095

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

	/* crun's own way to give mappings. To pass over it would give files to others. */
	for (size_t k = 0; k < m->options.n; k++)
		if (str_after(m->options.v[k], "idmap=") || str_after(m->options.v[k], "ridmap="))
			return check_fail(c, ENOTSUP,
				"mounts[%zu].options[%zu]: \"%.60s\" is not supported, mappings "
				"go to uidMappings and gidMappings",
				i, k, m->options.v[k]);
	if (mount_options_read(m, &o) < 0)
		return err_set(c->err, ENOMEM, "%s: out of memory", c->file);
	if (o.data.len > MOUNT_DATA_BYTES_MAX)
		return check_fail(c, EINVAL, "mounts[%zu].options: longer than %d bytes", i,
			MOUNT_DATA_BYTES_MAX);
	/* The kernel passes over them in silence, and callers have come to give some. */
	if (!mount_is_bind(m) || o.data.len == 0)
		return 0;
	return check_warn(c,
		"mounts[%zu].options: \"%.80s\" is for a file system, ignored for a bind mount", i,
		buf_str(&o.data) ? buf_str(&o.data) : "");
}

/* config.md, "Mounts": both lists or none, and none only where the container has mappings. */
static int check_idmap(
	const struct spec *spec, const struct spec_mount *m, size_t i, const struct checker *c)
{
	bool uid = m->uid_mappings.n > 0, gid = m->gid_mappings.n > 0;
	const char *field = uid ? "uidMappings" : gid ? "gidMappings" : "options";
	char what[64];
	int r;

	if (!mount_is_mapped(m))
		return 0;
	if (!mount_is_bind(m))
		return check_fail(c, ENOTSUP,
			"mounts[%zu].%s: only bind mounts can have mapped ids", i, field);
	if (uid != gid)
		return check_fail(c, EINVAL, "mounts[%zu].%s: missing, needed with %s", i,
			uid ? "gidMappings" : "uidMappings", field);
	if (!uid && (spec->linux.uid_mappings.n == 0 || spec->linux.gid_mappings.n == 0))
		return check_fail(c, EINVAL,
			"mounts[%zu].options: to map ids takes uidMappings and gidMappings, the "
			"mount's own or those of the container's user namespace",
			i);
	snprintf(what, sizeof(what), "mounts[%zu].uidMappings", i);
	r = check_mapping_list(c, what, &m->uid_mappings);
	snprintf(what, sizeof(what), "mounts[%zu].gidMappings", i);
	return r ? r : check_mapping_list(c, what, &m->gid_mappings);
}

static int check_mount(
	const struct spec *spec, const struct spec_mount *m, size_t i, const struct checker *c)
{
	bool bind = mount_is_bind(m);
	int r = check_idmap(spec, m, i, c);

	if (r < 0)
		return r;
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
	const struct spec_hook *h, const char *kind, size_t i, const struct checker *c)
{
	char env[64];

	if (*h->path != '/')
		return check_fail(c, EINVAL,
			"hooks.%s[%zu].path: must be an absolute path, got \"%.80s\"", kind, i,
			h->path);
	if (h->timeout_s.is_set && h->timeout_s.value <= 0)
		return check_fail(
			c, EINVAL, "hooks.%s[%zu].timeout: must be more than 0 seconds", kind, i);
	snprintf(env, sizeof(env), "hooks.%s[%zu].env", kind, i);
	return check_env(c, env, &h->env);
}

static int check_hooks(const struct spec *spec, const struct checker *c)
{
	for (size_t k = 0; k < HOOK_KINDS; k++) {
		const struct spec_hook_list *list = hooks_of(&spec->hooks, (enum hook_when)k);

		for (size_t i = 0; i < list->n; i++) {
			int r = check_hook(&list->v[i], hook_kinds[k].name, i, c);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/*
 * What cannot be applied: runtime.md ("Create") demands an error for it. The field table says what
 * that is, and what has no effect all the same.
 */
static int check_use(const struct field_use *use, void *ctx)
{
	const struct checker *c = ctx;
	char path[JSON_PATH_MAX];

	if (!use->row)
		return 0;
	if (use->class == CLASS_REJECTED && !(use->row->flags & FIELD_ELSEWHERE))
		return json_err(use->value, c->err, ENOTSUP, "not supported, %s", use->how);
	if (use->class == CLASS_IGNORED &&
		check_warn(c, "%s: ignored, %s", json_path(use->value, path), use->how) < 0)
		return -c->err->code;
	return 0;
}

int check_fields(const struct json_doc *doc, const char *section, const struct checker *c)
{
	return fields_walk(json_doc_root(doc), section, check_use, (void *)c);
}

static int check_enforced(const struct field_use *use, void *ctx)
{
	if (!field_violates_strict(use))
		return 0;
	return json_err(use->value, ctx, ENOTSUP, "would not be enforced (%s), settings are strict",
		use->how);
}

int spec_check_strict(const struct spec *spec, struct err *err)
{
	return fields_walk(json_doc_root(spec->doc), "", check_enforced, err);
}

static int check_vm_path(const struct checker *c, const char *name, const char *path)
{
	return !path || *path == '/'
		       ? 0
		       : check_fail(c, EINVAL, "vm.%s: must be an absolute path, got \"%.80s\"",
				 name, path);
}

/* config-vm.md. Whether the paths and parameters may be used is the administrator's to say. */
static int check_vm(const struct spec_vm *vm, const struct checker *c)
{
	int r = 0;

	if (!vm)
		return 0;
	if (vm->hypervisor)
		r = check_vm_path(c, "hypervisor.path", vm->hypervisor->path);
	if (r == 0 && vm->kernel)
		r = check_vm_path(c, "kernel.path", vm->kernel->path);
	if (r == 0 && vm->kernel)
		r = check_vm_path(c, "kernel.initrd", vm->kernel->initrd);
	return r;
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
		r = check_mount(spec, &spec->mounts.v[i], i, &c);
	if (r == 0)
		r = check_hooks(spec, &c);
	if (r == 0)
		r = check_linux(spec, &c);
	if (r == 0)
		r = check_vm(spec->vm, &c);
	if (r == 0)
		r = check_fields(spec->doc, "", &c);
	return r;
}
