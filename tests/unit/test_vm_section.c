/* What config.json may choose of its machine: paths and parameters against the settings. */
#include "base/fd.h"
#include "base/path.h"
#include "pod/vm_section.h"
#include "tests/unit/oci_text.h"

#include <fcntl.h>
#include <sys/stat.h>

static char root[] = "/tmp/test_vm_section.XXXXXX";

static int make_root(void **state)
{
	static const char *const files[] = { "yes/vmlinuz", "yes/initrd", "no/vmlinuz", "yesno/k" };
	struct err err = ERR_NONE;
	char path[128];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%.*s", root,
			(int)(strchr(files[i], '/') - files[i]), files[i]);
		assert_int_equal(mkdir_all(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/%s", root, files[i]);
		assert_int_equal(file_replace(AT_FDCWD, path, "x", 1, 0755, &err), 0);
	}
	snprintf(path, sizeof(path), "%s/yes/out", root);
	assert_int_equal(symlink("../no/vmlinuz", path), 0);
	snprintf(path, sizeof(path), "%s/in", root);
	assert_int_equal(symlink("yes", path), 0);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, root);
}

/* The section with every ROOT of it the folder's path. */
static struct spec *section(const char *vm)
{
	char text[1024];
	size_t n = 0;

	for (const char *at = vm; *at && n + sizeof(root) < sizeof(text);) {
		bool is_root = strncmp(at, "ROOT", 4) == 0;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s",
			is_root ? (int)sizeof(root) : 1, is_root ? root : at);
		at += is_root ? 4 : 1;
	}
	text[n] = '\0';
	{
		char whole[1200];

		snprintf(whole, sizeof(whole), CONFIG(",'vm':{%s}"), text);
		return spec_of(whole);
	}
}

static int read_it(const char *vm, const char *annotation, const char *params,
	const char *hypervisor, struct vm_section *ret, struct err *err)
{
	AUTO(spec_free) struct spec *spec = section(vm);
	char paths[128];
	struct conf conf = {
		.vm_paths = paths,
		.vm_kernel_params = (char *)(uintptr_t)params,
		.qemu = (char[]){ "/none" },
	};

	snprintf(paths, sizeof(paths), "/nonexistent:%s/yes", root);
	return vm_section_read(spec, annotation, hypervisor, &conf, ret, err);
}

static void refused(const char *vm, const char *annotation, int code, const char *why)
{
	struct vm_section got = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(read_it(vm, annotation, "quiet mod.opt", "auto", &got, &err), -code);
	if (!strstr(err.msg, why))
		fail_msg("%s: \"%s\" lacks \"%s\"", vm, err.msg, why);
	assert_int_equal(strncmp(err.msg, "config.json: ", 13), 0);
}

static void paths_are_followed_before_they_are_judged(void **state)
{
	static const char setting[] = "the setting \"vm_paths\"";

	(void)state;
	refused("'kernel':{'path':'ROOT/no/vmlinuz'}", NULL, EPERM, setting);
	refused("'kernel':{'path':'ROOT/yes/../no/vmlinuz'}", NULL, EPERM, setting);
	refused("'kernel':{'path':'ROOT/yes/out'}", NULL, EPERM, "vm.kernel.path: ");
	refused("'kernel':{'path':'ROOT/yesno/k'}", NULL, EPERM, setting);
	refused("'kernel':{'path':'ROOT/yes/none'}", NULL, ENOENT, "vm.kernel.path: ");
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','initrd':'ROOT/no/vmlinuz'}", NULL, EPERM,
		"vm.kernel.initrd: ");
	refused("'hypervisor':{'path':'ROOT/no/vmlinuz'}", NULL, EPERM, "vm.hypervisor.path: ");
}

static void parameters_are_judged_one_by_one(void **state)
{
	static const char setting[] = "the setting \"vm_kernel_params\"";

	(void)state;
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['quiet','init=/x']}", NULL,
		EPERM, "vm.kernel.parameters[1]: \"init\" is not among");
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['quiet  init=/x']}", NULL, EPERM,
		setting);
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['quiet\\u0009init']}", NULL,
		EINVAL, "quote");
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['quiet\\u00a0init']}", NULL,
		EINVAL, "quote");
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['quiet=\\u0022']}", NULL, EINVAL,
		"quote");
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['quiet -- x']}", NULL, EPERM,
		"\"--\"");
	refused("'kernel':{'path':'ROOT/yes/vmlinuz','parameters':['mod.option=1']}", NULL, EPERM,
		setting);
	refused("", "rdinit=/x", EPERM, "kernel_params\"]: \"rdinit\" is not among");
}

static void what_has_leave_is_taken(void **state)
{
	struct vm_section got = { 0 };
	struct err err = ERR_NONE;
	char want[128];

	(void)state;
	assert_int_equal(read_it("'kernel':{'path':'ROOT/in/vmlinuz','initrd':'ROOT/yes/initrd',"
				 "'parameters':['mod.opt=1','quiet']},"
				 "'hypervisor':{'path':'ROOT/yes/initrd'}",
				 "a-b=1 a_b", "a_b quiet mod.opt", "auto", &got, &err),
		0);
	snprintf(want, sizeof(want), "%s/yes/vmlinuz", root);
	assert_string_equal(got.kernel, want);
	snprintf(want, sizeof(want), "%s/yes/initrd", root);
	assert_string_equal(got.initrd, want);
	assert_string_equal(got.qemu, want);
	assert_string_equal(got.hypervisor, "qemu");
	assert_string_equal(got.parameters, "a-b=1 a_b mod.opt=1 quiet");
	vm_section_done(&got);
	assert_int_equal(read_it("", NULL, "", "kvm", &got, &err), 0);
	assert_null(got.kernel);
	assert_null(got.parameters);
	assert_null(got.hypervisor);
}

/* The administrator's choice of a monitor is not a pod's to change. */
static void a_path_must_agree_with_the_setting(void **state)
{
	static const char qemu[] = "'hypervisor':{'path':'ROOT/yes/initrd'}";
	struct vm_section got = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(read_it(qemu, NULL, "", "kvm", &got, &err), -EPERM);
	assert_non_null(strstr(err.msg, "the setting \"hypervisor\" (\"kvm\")"));
	err_clear(&err);
	assert_int_equal(read_it(qemu, NULL, "", "qemu-tcg", &got, &err), 0);
	vm_section_done(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_followed_before_they_are_judged),
		cmocka_unit_test(parameters_are_judged_one_by_one),
		cmocka_unit_test(what_has_leave_is_taken),
		cmocka_unit_test(a_path_must_agree_with_the_setting),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
