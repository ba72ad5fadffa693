/* Rows about the processor and its virtualisation: see facts.h. */
#include "base/str.h"
#include "host/fact.h"

#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

#define CPUINFO "proc/cpuinfo"

const char *cpuinfo_value(const char *cpuinfo, const char *key, size_t *len)
{
	size_t n = strlen(key);
	const char *line = cpuinfo;

	while (line && *line) {
		const char *end = strchrnul(line, '\n');
		const char *colon = memchr(line, ':', (size_t)(end - line));

		if (colon && strncmp(line, key, n) == 0 && strspn(line + n, "\t ") &&
			line + n + strspn(line + n, "\t ") == colon) {
			colon += 1 + strspn(colon + 1, " ");
			*len = colon < end ? (size_t)(end - colon) : 0;
			return colon;
		}
		line = *end ? end + 1 : NULL;
	}
	return NULL;
}

bool cpuinfo_has_flag(const char *cpuinfo, const char *word)
{
	size_t len, n = strlen(word);
	const char *p = cpuinfo_value(cpuinfo, "flags", &len);
	const char *end = p ? p + len : NULL;

	while (p && p < end) {
		size_t k = strcspn(p, " \n");

		if (k == n && memcmp(p, word, n) == 0)
			return true;
		p += k + 1;
	}
	return false;
}

const char *kvm_back_end(const struct facts_env *env)
{
	static const char *const names[] = { "kvm_intel", "kvm_amd", "kvm_pvm" };
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "sys/module/%s", names[i]);
		if (fact_exists(env, path))
			return names[i];
	}
	return NULL;
}

void fact_cpu(const struct facts_env *env, struct fact *f)
{
	AUTO(buf_done) struct buf b = { 0 };
	const char *info = fact_read(env, CPUINFO, &b);
	const char *kind, *model;
	size_t len = 0;

	if (!info) {
		fact_found(f, "/proc/cpuinfo cannot be read");
		fact_mend(f, FACT_WARN, "mount -t proc proc /proc");
		return;
	}
	kind = cpuinfo_has_flag(info, "vmx")   ? "VMX"
	       : cpuinfo_has_flag(info, "svm") ? "SVM"
					       : "neither VMX nor SVM";
	model = cpuinfo_value(info, "model name", &len);
	fact_found(f, "%.*s: %s", model ? (int)len : 1, model ? model : "?", kind);
	if (*kind != 'n' || kvm_is_fast(&env->monitors->kvm))
		return;
	if (cpuinfo_has_flag(info, "hypervisor"))
		fact_mend(f, FACT_WARN,
			"let the machine that this one runs on pass on VMX or SVM (nested "
			"virtualisation; QEMU: -cpu host), or take one with real hardware");
	else
		fact_mend(f, FACT_WARN, "switch on VT-x or AMD-V in the firmware's settings");
}

/* How this user gets at a device that is there. */
static void mend_permission(const struct facts_env *env, struct fact *f, enum fact_status status)
{
	const struct group *group;
	struct stat st;

	if (fstatat(env->host, "dev/kvm", &st, 0) < 0 || (st.st_mode & 0060) != 0060 ||
		st.st_gid == 0) {
		fact_mend(f, status, "run as root, or: chgrp kvm /dev/kvm && chmod 660 /dev/kvm");
		return;
	}
	group = getgrgid(st.st_gid);
	fact_mend(f, status, "usermod -a -G %s $USER, and log in again; or run as root",
		group ? group->gr_name : "kvm");
}

static void mend_kvm(const struct facts_env *env, struct fact *f)
{
	enum fact_status status = env->choice ? FACT_WARN : FACT_FAIL;
	const struct kvm_speed *kvm = &env->monitors->kvm;
	AUTO(buf_done) struct buf b = { 0 };
	const char *info = fact_read(env, CPUINFO, &b);

	if (kvm->code == EACCES || kvm->code == EPERM)
		mend_permission(env, f, status);
	else if (kvm->code == EBUSY)
		fact_mend(f, status,
			"stop the other hypervisor that has taken the processor (VirtualBox?)");
	else if (kvm->code && info && cpuinfo_has_flag(info, "vmx"))
		fact_mend(f, status, "modprobe kvm_intel");
	else if (kvm->code && info && cpuinfo_has_flag(info, "svm"))
		fact_mend(f, status, "modprobe kvm_amd");
	else if (kvm->code || kvm_crawls(kvm))
		fact_mend(f, status, "a machine whose processor has VMX or SVM is needed");
	else
		fact_mend(f, status, "a newer kernel is needed on this host");
}

void fact_kvm(const struct facts_env *env, struct fact *f)
{
	const struct kvm_speed *kvm = &env->monitors->kvm;
	const char *back_end = kvm_back_end(env);

	if (kvm->code) {
		fact_found(f, "%s", kvm->why);
		mend_kvm(env, f);
		return;
	}
	fact_found(f, "/dev/kvm, %s, %s: %.1f million instructions of a guest's kernel a second",
		back_end ? back_end : "unknown back end", kvm_crawls(kvm) ? "crawls" : "fast",
		(double)kvm->rate / 1e6);
	if (kvm->lacks)
		fact_found(f, "; %s", kvm->why);
	if (kvm->lacks || kvm_crawls(kvm))
		mend_kvm(env, f);
}

/* The first line of a file, or NULL. */
static const char *first_line(const struct facts_env *env, const char *path, struct buf *b)
{
	const char *text = fact_read(env, path, b);

	if (!text || !*text || *text == '\n')
		return NULL;
	b->data[strcspn(text, "\n")] = '\0';
	return text;
}

/* Whether guests of this host could have KVM themselves: of interest to those who test there. */
static void found_nesting(const struct facts_env *env, struct fact *f)
{
	AUTO(buf_done) struct buf b = { 0 };
	const char *back_end = kvm_back_end(env), *text;
	char path[80];

	if (!back_end)
		return;
	snprintf(path, sizeof(path), "sys/module/%s/parameters/nested", back_end);
	text = first_line(env, path, &b);
	if (text)
		fact_found(f, "; its guests %s have KVM themselves",
			*text == 'Y' || *text == '1' ? "may" : "cannot");
}

void fact_nested(const struct facts_env *env, struct fact *f)
{
	AUTO(buf_done) struct buf b = { 0 };
	AUTO(buf_done) struct buf vendor = { 0 };
	AUTO(buf_done) struct buf product = { 0 };
	const char *info = fact_read(env, CPUINFO, &b);
	const char *by = first_line(env, "sys/class/dmi/id/sys_vendor", &vendor);
	const char *what = first_line(env, "sys/class/dmi/id/product_name", &product);

	if (info && cpuinfo_has_flag(info, "hypervisor"))
		fact_found(f, "yes%s%s%s%s", by || what ? ": " : "", by ? by : "",
			by && what ? " " : "", what ? what : "");
	else
		fact_found(f, "no");
	found_nesting(env, f);
}
