/* Rows about what a pod's network needs of the host's kernel: see facts.h. */
#include "base/str.h"
#include "guest/unpack.h"
#include "host/fact.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#define CONFIG_MAX ((size_t)8 << 20)
#define TUN_MAJOR  10
#define TUN_MINOR  200

char kernel_config_value(const char *config, const char *option)
{
	size_t n = strlen(option);

	for (const char *p = config; (p = strstr(p, option)); p += n) {
		if (p[n] == '=' && (p == config || p[-1] == '\n'))
			return p[n + 1] == 'y' || p[n + 1] == 'm' ? p[n + 1] : 0;
		if (str_after(p + n, " is not set") && p - config >= 2 && p[-1] == ' ' &&
			p[-2] == '#')
			return 'n';
	}
	return 0;
}

/* Names of files may have a '-' where the module's has a '_'. */
static bool names_module(const char *file, size_t len, const char *module)
{
	size_t n = strlen(module);

	if (len < n + 3 || memcmp(file + n, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (file[i] != module[i] && !(file[i] == '-' && module[i] == '_'))
			return false;
	return true;
}

bool modules_list_has(const char *list, const char *module)
{
	const char *line = list;

	while (*line) {
		const char *end = strchrnul(line, '\n');
		size_t len = strcspn(line, ":\n");
		const char *slash = memrchr(line, '/', len);
		const char *file = slash ? slash + 1 : line;

		if (names_module(file, len - (size_t)(file - line), module))
			return true;
		line = *end ? end + 1 : end;
	}
	return false;
}

/* The configuration of the running kernel; NULL when the host does not tell. */
static const char *read_config(
	const struct facts_env *env, const char *release, struct buf *packed, struct buf *b)
{
	struct err ignored = ERR_NONE;
	char path[128];

	if (fact_read(env, "proc/config.gz", packed) &&
		unpack(packed->data, packed->len, CONFIG_MAX, b, &ignored) == 0)
		return buf_str(b);
	buf_done(b);
	snprintf(path, sizeof(path), "boot/config-%s", release);
	return fact_read(env, path, b);
}

static bool listed(const struct facts_env *env, const char *release, const char *module)
{
	static const char *const lists[] = { "modules.builtin", "modules.dep" };
	char path[160];

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		AUTO(buf_done) struct buf b = { 0 };
		const char *text;

		snprintf(path, sizeof(path), "lib/modules/%s/%s", release, lists[i]);
		text = fact_read(env, path, &b);
		if (text && modules_list_has(text, module))
			return true;
	}
	return false;
}

enum presence {
	PRESENT,
	MISSING,
	UNKNOWN,
};

static enum presence look_for(const struct facts_env *env, const char *release, const char *config,
	const char *module, const char *option)
{
	char path[80];

	snprintf(path, sizeof(path), "sys/module/%s", module);
	if (fact_exists(env, path) || listed(env, release, module))
		return PRESENT;
	if (!config)
		return UNKNOWN;
	return kernel_config_value(config, option) == 'y' ? PRESENT : MISSING;
}

void fact_tc(const struct facts_env *env, struct fact *f)
{
	static const char *const needed[][2] = {
		{ "sch_ingress", "CONFIG_NET_SCH_INGRESS" },
		{ "act_mirred", "CONFIG_NET_ACT_MIRRED" },
	};

	AUTO(buf_done) struct buf packed = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	struct utsname u;
	const char *config;

	uname(&u);
	config = read_config(env, u.release, &packed, &b);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		enum presence p = look_for(env, u.release, config, needed[i][0], needed[i][1]);

		fact_found(f, "%s%s %s", i ? ", " : "", needed[i][0],
			p == PRESENT   ? "there"
			: p == MISSING ? "missing"
				       : "perhaps");
		if (p != PRESENT && f->status == FACT_OK)
			fact_mend(f, FACT_WARN, "modprobe %s (pods without a network run as well)",
				needed[i][0]);
	}
}

void fact_tun(const struct facts_env *env, struct fact *f)
{
	struct stat st;

	if (fstatat(env->host, "dev/net/tun", &st, 0) < 0) {
		fact_found(f, "/dev/net/tun: %s", strerror(errno));
		fact_mend(f, FACT_WARN, "modprobe tun (pods without a network run as well)");
	} else if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(TUN_MAJOR, TUN_MINOR)) {
		fact_found(f, "/dev/net/tun is something else");
		fact_mend(f, FACT_WARN,
			"rm /dev/net/tun && mknod /dev/net/tun c 10 200 (pods without a network "
			"run as well)");
	} else if (faccessat(env->host, "dev/net/tun", R_OK | W_OK, AT_EACCESS) < 0) {
		fact_found(f, "/dev/net/tun: this user may not use it");
		fact_mend(f, FACT_WARN, "run as root (pods without a network run as well)");
	} else {
		fact_found(f, "/dev/net/tun");
	}
}
