/* Rows about the host's memory, folders, cgroups and security modules: see facts.h. */
#include "base/str.h"
#include "host/fact.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MIB		((uint64_t)1 << 20)
#define STATE_WANTS_MIB 16  /* sockets, and a console log for each pod */
#define CACHE_WANTS_MIB 128 /* an unpacked kernel and an initramfs, twice */

void fact_memory(const struct facts_env *env, struct fact *f)
{
	AUTO(buf_done) struct buf b = { 0 };
	const char *text = fact_read(env, "proc/meminfo", &b);
	char number[24] = "";
	uint64_t mib;
	size_t n;

	text = text ? strstr(text, "\nMemAvailable:") : NULL;
	if (text) {
		text += strcspn(text, "0123456789");
		n = strspn(text, "0123456789");
		snprintf(number, sizeof(number), "%.*s", n < 20 ? (int)n : 0, text);
	}
	if (str_to_u64(number, &mib) < 0) {
		fact_found(f, "/proc/meminfo does not tell");
		fact_mend(f, FACT_WARN, "mount -t proc proc /proc");
		return;
	}
	mib /= 1024;
	fact_found(f, "%llu MiB available; a pod that asks for none gets %llu",
		(unsigned long long)mib, (unsigned long long)env->memory_mib);
	if (mib < env->memory_mib)
		fact_mend(f, FACT_WARN, "stop something, or set \"memory_mib\" to less");
}

/* The folder itself or, where it is still to be made, the nearest above it that exists. */
static bool existing(const char *path, char out[PATH_MAX])
{
	struct stat st;
	char *slash;

	if (snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX)
		return false;
	while (stat(out, &st) < 0) {
		slash = strrchr(out, '/');
		if (errno != ENOENT || !slash)
			return false;
		slash[slash == out ? 1 : 0] = '\0';
	}
	return true;
}

/*
 * What both folders have in common: writable, and with room. how: what a user does who may not
 * write there. Returns false when the row has failed.
 */
static bool look_at_folder(struct fact *f, const char *path, uint64_t wants_mib, const char *how)
{
	char there[PATH_MAX];
	struct statvfs fs;
	uint64_t mib;

	fact_found(f, "%s", path);
	if (!existing(path, there) || statvfs(there, &fs) < 0) {
		fact_found(f, ": %s", strerror(errno));
		fact_mend(f, FACT_FAIL, "%s", how);
		return false;
	}
	if (!streq(path, there))
		fact_found(f, ", made when it is needed");
	if (faccessat(AT_FDCWD, there, W_OK | X_OK, AT_EACCESS) < 0) {
		fact_found(f, ": %s: %s", there, strerror(errno));
		fact_mend(f, FACT_FAIL, "%s", how);
		return false;
	}
	mib = (uint64_t)fs.f_bavail * fs.f_frsize / MIB;
	fact_found(f, ", %llu MiB free", (unsigned long long)mib);
	if (mib < wants_mib)
		fact_mend(f, FACT_WARN, "make room: %llu MiB are wanted",
			(unsigned long long)wants_mib);
	return true;
}

void fact_state(const struct facts_env *env, struct fact *f)
{
	look_at_folder(f, env->root, STATE_WANTS_MIB,
		"run as root, set XDG_RUNTIME_DIR, or give --root DIR");
}

void fact_cache(const struct facts_env *env, struct fact *f)
{
	struct stat st;

	if (!look_at_folder(f, env->cache_dir, CACHE_WANTS_MIB,
		    "run as root, set HOME, or set \"cache_dir\" to a folder of your own"))
		return;
	/* The rule of guest/cache.c. */
	if (stat(env->cache_dir, &st) == 0 && (st.st_uid != geteuid() || (st.st_mode & 022))) {
		fact_found(f, "; others could write to it");
		fact_mend(f, FACT_FAIL, "chown %u %s && chmod 700 %s", geteuid(), env->cache_dir,
			env->cache_dir);
	}
}

/* The fields of a line of mountinfo that count here. False for malformed lines. */
static bool parse_mount(char *line, const char **point, const char **type, const char **options)
{
	char *save = NULL, *word = strtok_r(line, " ", &save);

	for (unsigned i = 1; word && i < 5; i++)
		word = strtok_r(NULL, " ", &save);
	*point = word;
	while (word && !streq(word, "-"))
		word = strtok_r(NULL, " ", &save);
	*type = word ? strtok_r(NULL, " ", &save) : NULL;
	(void)strtok_r(NULL, " ", &save); /* the source */
	*options = strtok_r(NULL, " ", &save);
	return *options;
}

/* Of a v1 hierarchy's options those that are controllers. */
static void add_controllers(const char *options, struct buf *out)
{
	static const char *const known[] = { "cpuset", "cpu", "cpuacct", "blkio", "memory",
		"devices", "freezer", "net_cls", "perf_event", "net_prio", "hugetlb", "pids",
		"rdma", "misc" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		size_t n = strlen(known[i]);

		for (const char *p = options; (p = strstr(p, known[i])); p += n) {
			if ((p != options && p[-1] != ',') || (p[n] && p[n] != ','))
				continue;
			(void)!buf_printf(out, "%s%s", out->len ? " " : "", known[i]);
			break;
		}
	}
}

enum cgroup_kind cgroup_kind_of(const char *mountinfo, struct buf *controllers)
{
	AUTO_FREE char *copy = strdup(mountinfo);
	char *save = NULL, *line = copy ? strtok_r(copy, "\n", &save) : NULL;
	bool v1 = false, v2 = false;

	for (; line; line = strtok_r(NULL, "\n", &save)) {
		const char *point, *type, *options;

		if (!parse_mount(line, &point, &type, &options))
			continue;
		v2 = v2 || streq(type, "cgroup2");
		if (streq(type, "cgroup")) {
			v1 = true;
			add_controllers(options, controllers);
		}
	}
	return v1 ? v2 ? CGROUP_HYBRID : CGROUP_V1 : v2 ? CGROUP_V2 : CGROUP_NONE;
}

void fact_cgroup(const struct facts_env *env, struct fact *f)
{
	static const char *const names[] = {
		[CGROUP_NONE] = "none is mounted",
		[CGROUP_V1] = "v1",
		[CGROUP_HYBRID] = "v1 and v2 (hybrid)",
		[CGROUP_V2] = "v2",
	};

	AUTO(buf_done) struct buf b = { 0 };
	AUTO(buf_done) struct buf list = { 0 };
	AUTO(buf_done) struct buf v2 = { 0 };
	const char *text = fact_read(env, "proc/self/mountinfo", &b);
	enum cgroup_kind kind = text ? cgroup_kind_of(text, &list) : CGROUP_NONE;
	const char *controllers = buf_str(&list);

	if (kind == CGROUP_V2) {
		controllers = fact_read(env, "sys/fs/cgroup/cgroup.controllers", &v2);
		if (controllers)
			v2.data[strcspn(controllers, "\n")] = '\0';
	}
	fact_found(f, "%s%s%s", names[kind], controllers && *controllers ? ": " : "",
		controllers ? controllers : "");
	if (kind == CGROUP_NONE)
		fact_mend(f, FACT_WARN,
			"mount -t cgroup2 cgroup2 /sys/fs/cgroup (the guest has its own; without "
			"one here the host cannot account for pods)");
}

void fact_lsm(const struct facts_env *env, struct fact *f)
{
	AUTO(buf_done) struct buf b = { 0 };
	AUTO(buf_done) struct buf enforce = { 0 };
	const char *text = fact_read(env, "sys/kernel/security/lsm", &b);
	const char *selinux = fact_read(env, "sys/fs/selinux/enforce", &enforce);

	if (text)
		b.data[strcspn(text, "\n")] = '\0';
	fact_found(f, "%s", text && *text ? text : "unknown: securityfs is not mounted");
	if (selinux && *selinux == '1')
		fact_found(f, " (SELinux enforces)");
}
