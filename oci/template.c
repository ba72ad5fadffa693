/* The configuration of a new bundle. Its lists are data, in the order of the file. */
#include "oci/template.h"

#include "base/auto.h"
#include "base/json_out.h"
#include "base/str.h"
#include "oci/parse.h"

#include <unistd.h>

#define OPTIONS_MAX 6

static const char *const capabilities[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
/* No ambient ones: they would have to be inheritable, too. */
static const char *const capability_sets[] = { "bounding", "effective", "permitted" };
static const char *const args[] = { "sh" };
static const char *const env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=xterm",
};
static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };
/* Without a network of its own, as runc; and so without a sysfs, which belongs to one. */
static const char *const rootless_namespaces[] = { "pid", "ipc", "uts", "mount", "cgroup", "user" };
static const char *const masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/sys/firmware",
	"/proc/scsi",
};
static const char *const readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

struct mount {
	const char *destination, *type, *source;
	const char *options[OPTIONS_MAX + 1];
};

static const struct mount rootless_sys = { "/sys", "none", "/sys",
	{ "rbind", "nosuid", "noexec", "nodev", "ro" } };

static const struct mount mounts[] = {
	{ "/proc", "proc", "proc", { NULL } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts",
		{ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};

static void print_strings(struct json_out *out, const char *key, const char *const *v, size_t n)
{
	json_key(out, key);
	json_array(out);
	for (size_t i = 0; i < n; i++)
		json_str(out, v[i]);
	json_end(out);
}

static void print_user(struct json_out *out)
{
	json_key(out, "user");
	json_object(out);
	json_key(out, "uid");
	json_u64(out, 0);
	json_key(out, "gid");
	json_u64(out, 0);
	json_end(out);
}

static void print_rlimits(struct json_out *out)
{
	json_key(out, "rlimits");
	json_array(out);
	json_object(out);
	json_key_str(out, "type", "RLIMIT_NOFILE");
	json_key(out, "hard");
	json_u64(out, 1024);
	json_key(out, "soft");
	json_u64(out, 1024);
	json_end(out);
	json_end(out);
}

static void print_process(struct json_out *out)
{
	json_key(out, "process");
	json_object(out);
	json_key(out, "terminal");
	json_bool(out, true);
	print_user(out);
	print_strings(out, "args", args, ARRAY_LEN(args));
	print_strings(out, "env", env, ARRAY_LEN(env));
	json_key_str(out, "cwd", "/");
	json_key(out, "capabilities");
	json_object(out);
	for (size_t i = 0; i < ARRAY_LEN(capability_sets); i++)
		print_strings(out, capability_sets[i], capabilities, ARRAY_LEN(capabilities));
	json_end(out);
	print_rlimits(out);
	json_key(out, "noNewPrivileges");
	json_bool(out, true);
	json_end(out);
}

static void print_root(struct json_out *out)
{
	json_key(out, "root");
	json_object(out);
	json_key_str(out, "path", "rootfs");
	json_key(out, "readonly");
	json_bool(out, true);
	json_end(out);
}

static bool is_owner(const char *option)
{
	return str_after(option, "uid=") || str_after(option, "gid=");
}

static void print_mount(struct json_out *out, const struct mount *m, bool rootless)
{
	const char *options[OPTIONS_MAX];
	size_t n = 0;

	/* Other owners than the only one that there is have no name. */
	for (size_t i = 0; m->options[i]; i++)
		if (!rootless || !is_owner(m->options[i]))
			options[n++] = m->options[i];
	json_object(out);
	json_key_str(out, "destination", m->destination);
	json_key_str(out, "type", m->type);
	json_key_str(out, "source", m->source);
	if (n > 0)
		print_strings(out, "options", options, n);
	json_end(out);
}

static void print_mounts(struct json_out *out, bool rootless)
{
	json_key(out, "mounts");
	json_array(out);
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		print_mount(out,
			rootless && streq(mounts[i].type, "sysfs") ? &rootless_sys : &mounts[i],
			rootless);
	json_end(out);
}

/* No device but the default ones. */
static void print_resources(struct json_out *out)
{
	json_key(out, "resources");
	json_object(out);
	json_key(out, "devices");
	json_array(out);
	json_object(out);
	json_key(out, "allow");
	json_bool(out, false);
	json_key_str(out, "access", "rwm");
	json_end(out);
	json_end(out);
	json_end(out);
}

static void print_namespaces(struct json_out *out, const char *const *types, size_t n)
{
	json_key(out, "namespaces");
	json_array(out);
	for (size_t i = 0; i < n; i++) {
		json_object(out);
		json_key_str(out, "type", types[i]);
		json_end(out);
	}
	json_end(out);
}

static void print_mapping(struct json_out *out, const char *key, uint64_t host_id)
{
	json_key(out, key);
	json_array(out);
	json_object(out);
	json_key(out, "containerID");
	json_u64(out, 0);
	json_key(out, "hostID");
	json_u64(out, host_id);
	json_key(out, "size");
	json_u64(out, 1);
	json_end(out);
	json_end(out);
}

static void print_linux(struct json_out *out, bool rootless)
{
	json_key(out, "linux");
	json_object(out);
	if (rootless) {
		print_mapping(out, "uidMappings", geteuid());
		print_mapping(out, "gidMappings", getegid());
		print_namespaces(out, rootless_namespaces, ARRAY_LEN(rootless_namespaces));
	} else {
		print_resources(out);
		print_namespaces(out, namespaces, ARRAY_LEN(namespaces));
	}
	print_strings(out, "maskedPaths", masked_paths, ARRAY_LEN(masked_paths));
	print_strings(out, "readonlyPaths", readonly_paths, ARRAY_LEN(readonly_paths));
	json_end(out);
}

int template_print(struct buf *to, bool rootless)
{
	struct json_out out;
	int r;

	json_init(&out, to, true);
	json_object(&out);
	json_key_str(&out, "ociVersion", OCI_VERSION_MAX);
	print_process(&out);
	print_root(&out);
	json_key_str(&out, "hostname", "vmrun");
	print_mounts(&out, rootless);
	print_linux(&out, rootless);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? r : buf_append_str(to, "\n");
}
