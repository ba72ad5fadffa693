/* What config.json may choose of its machine: see vm_section.h. */
#include "pod/vm_section.h"

#include "base/buf.h"
#include "base/program.h"
#include "base/str.h"
#include "host/qemu.h"

#include <limits.h>
#include <stdio.h>

#define ANNOTATION "annotations[\"io.katacontainers.config.hypervisor.kernel_params\"]"

void vm_section_done(struct vm_section *s)
{
	free(s->kernel);
	free(s->initrd);
	free(s->parameters);
	free(s->qemu);
	*s = (struct vm_section){ 0 };
}

/* Whether path is in folder, or is it; neither has symbolic links. */
static bool is_in(const char *path, const char *folder)
{
	const char *rest = str_after(path, folder);

	return rest && (*rest == '/' || *rest == '\0' || streq(folder, "/"));
}

/* list: folders with colons between them. */
static int in_folders(const char *list, const char *path, bool *ret)
{
	AUTO_FREE char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	*ret = false;
	for (char *folder = strtok_r(copy, ":", &save); folder && !*ret;
		folder = strtok_r(NULL, ":", &save)) {
		char real[PATH_MAX];

		*ret = *folder == '/' && realpath(folder, real) && is_in(path, real);
	}
	return 0;
}

static int allowed_path(
	const char *field, const char *path, const struct conf *conf, char **ret, struct err *err)
{
	char real[PATH_MAX];
	bool allowed;

	if (!realpath(path, real))
		return err_sys(err, errno, "config.json: %s: %s", field, path);
	if (in_folders(conf->vm_paths, real, &allowed) < 0)
		return err_sys(err, ENOMEM, "config.json: %s", field);
	if (!allowed)
		return err_set(err, EPERM,
			"config.json: %s: %s is not in a folder that the setting \"vm_paths\" "
			"allows",
			field, real);
	*ret = strdup(real);
	return *ret ? 0 : err_sys(err, ENOMEM, "config.json: %s", field);
}

/* As the kernel compares: '-' and '_' are the same. */
static bool same_name(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++)
		if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	return true;
}

static bool is_listed(const char *list, const char *name, size_t len)
{
	for (list += strspn(list, " "); *list; list += strspn(list, " ")) {
		size_t n = strcspn(list, " ");

		if (same_name(list, n, name, len))
			return true;
		list += n;
	}
	return false;
}

/*
 * Each word is a parameter of its own to the kernel, which splits at more than blanks and not
 * inside of quotes: both are refused rather than imitated.
 */
static int check_parameters(
	const char *field, const char *text, const struct conf *conf, struct err *err)
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"')
			return err_set(err, EINVAL,
				"config.json: %s: holds a quote or what is no printable ASCII",
				field);
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t word = strcspn(text, " "), name = strcspn(text, " =");

		if (!is_listed(conf->vm_kernel_params, text, name))
			return err_set(err, EPERM,
				"config.json: %s: \"%.*s\" is not among the names that the setting "
				"\"vm_kernel_params\" allows",
				field, (int)(name < 60 ? name : 60), text);
		text += word;
	}
	return 0;
}

static int add_parameters(const char *field, const char *text, const struct conf *conf,
	struct buf *to, struct err *err)
{
	int r = check_parameters(field, text, conf, err);

	if (r < 0)
		return r;
	return buf_printf(to, "%s%s", to->len ? " " : "", text) < 0
		       ? err_sys(err, ENOMEM, "config.json: %s", field)
		       : 0;
}

static int read_parameters(const struct spec_vm_kernel *kernel, const char *annotation,
	const struct conf *conf, char **ret, struct err *err)
{
	AUTO(buf_done) struct buf all = { 0 };
	size_t n = kernel ? kernel->parameters.n : 0;
	char field[64];
	int r = annotation ? add_parameters(ANNOTATION, annotation, conf, &all, err) : 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		snprintf(field, sizeof(field), "vm.kernel.parameters[%zu]", i);
		r = add_parameters(field, kernel->parameters.v[i], conf, &all, err);
	}
	if (r < 0 || all.len == 0)
		return r;
	*ret = buf_str(&all) ? strdup(buf_str(&all)) : NULL;
	return *ret ? 0 : err_sys(err, ENOMEM, "config.json: vm.kernel.parameters");
}

static bool is_program(const char *real, const char *program)
{
	char other[PATH_MAX];

	return realpath(program, other) && streq(real, other);
}

/* Our own monitor, the QEMU that is set, or a QEMU of an allowed folder. */
static int read_hypervisor(const char *path, const char *wanted, const struct conf *conf,
	struct vm_section *ret, struct err *err)
{
	struct err no_own = ERR_NONE, no_qemu = ERR_NONE;
	char real[PATH_MAX], own[PATH_MAX];
	AUTO_FREE char *qemu = NULL;
	int r = 0;

	if (!realpath(path, real))
		return err_sys(err, errno, "config.json: vm.hypervisor.path: %s", path);
	if (program_path("vmrun-vm", own, &no_own) == 0 && is_program(real, own)) {
		ret->hypervisor = "kvm";
	} else {
		ret->hypervisor = "qemu";
		if (qemu_find(conf->qemu, &qemu, &no_qemu) < 0 || !is_program(real, qemu))
			r = allowed_path("vm.hypervisor.path", real, conf, &ret->qemu, err);
	}
	if (r < 0 || streq(wanted, "auto") || str_after(wanted, ret->hypervisor))
		return r;
	return err_set(err, EPERM,
		"config.json: vm.hypervisor.path: %s is not what the setting \"hypervisor\" "
		"(\"%s\") allows",
		real, wanted);
}

int vm_section_read(const struct spec *spec, const char *parameters, const char *hypervisor,
	const struct conf *conf, struct vm_section *ret, struct err *err)
{
	const struct spec_vm_kernel *kernel = spec->vm ? spec->vm->kernel : NULL;
	struct vm_section s = { 0 };
	int r = read_parameters(kernel, parameters, conf, &s.parameters, err);

	if (r == 0 && kernel)
		r = allowed_path("vm.kernel.path", kernel->path, conf, &s.kernel, err);
	if (r == 0 && kernel && kernel->initrd)
		r = allowed_path("vm.kernel.initrd", kernel->initrd, conf, &s.initrd, err);
	if (r == 0 && spec->vm && spec->vm->hypervisor)
		r = read_hypervisor(spec->vm->hypervisor->path, hypervisor, conf, &s, err);
	if (r < 0)
		vm_section_done(&s);
	else
		*ret = s;
	return r;
}
