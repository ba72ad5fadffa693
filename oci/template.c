/* The configuration of a new bundle. Its lists are data, in the order of the file. */
#include "oci/template.h"

#include "base/auto.h"
#include "base/json_out.h"
#include "oci/parse.h"

#define OPTIONS_MAX 6

static const char *const capabilities[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
static const char *const capability_sets[] = { "bounding", "effective", "permitted", "ambient" };
static const char *const args[] = { "sh" };
static const char *const env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=xterm",
};
static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };
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

static const struct {
	const char *destination, *type, *source;
	const char *options[OPTIONS_MAX + 1];
} mounts[] = {
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

static void print_mounts(struct json_out *out)
{
	json_key(out, "mounts");
	json_array(out);
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		size_t n = 0;

		while (mounts[i].options[n])
			n++;
		json_object(out);
		json_key_str(out, "destination", mounts[i].destination);
		json_key_str(out, "type", mounts[i].type);
		json_key_str(out, "source", mounts[i].source);
		if (n > 0)
			print_strings(out, "options", mounts[i].options, n);
		json_end(out);
	}
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

static void print_linux(struct json_out *out)
{
	json_key(out, "linux");
	json_object(out);
	print_resources(out);
	json_key(out, "namespaces");
	json_array(out);
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
		json_object(out);
		json_key_str(out, "type", namespaces[i]);
		json_end(out);
	}
	json_end(out);
	print_strings(out, "maskedPaths", masked_paths, ARRAY_LEN(masked_paths));
	print_strings(out, "readonlyPaths", readonly_paths, ARRAY_LEN(readonly_paths));
	json_end(out);
}

int template_print(struct buf *to)
{
	struct json_out out;
	int r;

	json_init(&out, to, true);
	json_object(&out);
	json_key_str(&out, "ociVersion", OCI_VERSION_MAX);
	print_process(&out);
	print_root(&out);
	json_key_str(&out, "hostname", "vmrun");
	print_mounts(&out);
	print_linux(&out);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? r : buf_append_str(to, "\n");
}
