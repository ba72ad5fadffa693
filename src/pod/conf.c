/* The settings: see conf.h. Adding one is a member of struct conf and a row here. */
#include "pod/conf.h"

#include "base/auto.h"
#include "base/places.h"
#include "base/str.h"
#include "oci/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define TEXT(key, member, value, help_)                                                            \
	{                                                                                          \
		.name = key, .offset = offsetof(struct conf, member), .text_default = value,       \
		.help = help_                                                                      \
	}
#define WORD(key, member, value, words_, help_)                                                    \
	{                                                                                          \
		.name = key, .offset = offsetof(struct conf, member), .words = words_,             \
		.text_default = value, .help = help_                                               \
	}
#define NUMBER(key, member, value, min_, max_, help_)                                              \
	{                                                                                          \
		.name = key, .offset = offsetof(struct conf, member), .number_default = value,     \
		.min = min_, .max = max_, .help = help_                                            \
	}
#define FLAG(key, member, help_)                                                                   \
	{                                                                                          \
		.name = key, .offset = offsetof(struct conf, member), .is_flag = true,             \
		.help = help_                                                                      \
	}

static const char *const cache_words[] = { "auto", "none", "always", NULL };
static const char *const lock_words[] = { "auto", "host", "guest", NULL };
static const char *const on_off_words[] = { "on", "off", NULL };

const struct conf_key conf_keys[] = {
	TEXT("kernel", kernel, "auto",
		"the guest kernel: \"auto\", or the path of a vmlinuz or vmlinux"),
	TEXT("modules", modules, "", "the kernel's modules, if not in ../lib/modules beside it"),
	TEXT("kernel_params", kernel_params, "", "appended to the guest kernel's command line"),
	TEXT("cache_dir", cache_dir, "auto",
		"unpacked kernels and initramfs images: a folder, or \"auto\" (/var/cache/vmrun; "
		"for "
		"others than root $XDG_CACHE_HOME/vmrun or ~/.cache/vmrun)"),
	TEXT("hypervisor", hypervisor, "auto",
		"what runs guests: \"kvm\" (our own monitor), \"qemu\", or the better one by "
		"\"auto\""),
	TEXT("qemu", qemu, "auto", "the path of qemu-system-x86_64"),
	TEXT("vm_paths", vm_paths, "",
		"folders, with colons between, that vm.kernel and vm.hypervisor of a config.json "
		"may name files of"),
	TEXT("vm_kernel_params", vm_kernel_params, "",
		"names of kernel parameters, with blanks between, that a config.json may set"),
	NUMBER("memory_mib", memory_mib, 256, 64, 1 << 20, "memory of a pod that asks for none"),
	NUMBER("vcpus", vcpus, 1, 1, 64, "processors of a pod that asks for none"),
	NUMBER("memory_max_mib", memory_max_mib, 1 << 20, 64, 1 << 20,
		"the most a pod may ask for"),
	NUMBER("vcpus_max", vcpus_max, 64, 1, 64, "the most a pod may ask for"),
	NUMBER("vcpus_spare", vcpus_spare, 3, 0, 63,
		"processors kept offline for a quota that is raised later"),
	NUMBER("boot_timeout_s", boot_timeout_s, 60, 1, 3600,
		"seconds until a guest must be ready"),
	NUMBER("console_log_max_kib", console_log_max_kib, 1024, 16, 1 << 20,
		"how much of the guest's console is kept"),
	WORD("share_cache", share_cache, "auto", cache_words,
		"what a guest believes of files without asking: \"auto\", \"none\" or \"always\""),
	WORD("share_locks", share_locks, "auto", lock_words,
		"whose file locks are seen: \"auto\", \"host\" or \"guest\""),
	WORD("share_events", share_events, "on", on_off_words,
		"whether what the host changes in volumes raises inotify and fanotify events: "
		"\"on\" or \"off\""),
	FLAG("strict", strict, "refuse what asks for a protection that would be ignored"),
};
const size_t conf_key_count = ARRAY_LEN(conf_keys);

static char **text_of(struct conf *c, const struct conf_key *k)
{
	return (char **)(void *)((char *)c + k->offset);
}

static uint64_t *number_of(struct conf *c, const struct conf_key *k)
{
	return (uint64_t *)(void *)((char *)c + k->offset);
}

static bool *flag_of(struct conf *c, const struct conf_key *k)
{
	return (bool *)(void *)((char *)c + k->offset);
}

void conf_done(struct conf *c)
{
	for (size_t i = 0; i < conf_key_count; i++)
		if (conf_keys[i].text_default)
			free(*text_of(c, &conf_keys[i]));
	*c = (struct conf){ 0 };
}

static int set_text(struct conf *c, const struct conf_key *k, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text_of(c, k));
	*text_of(c, k) = copy;
	return 0;
}

static int set_defaults(struct conf *c)
{
	for (size_t i = 0; i < conf_key_count; i++) {
		if (conf_keys[i].is_flag)
			*flag_of(c, &conf_keys[i]) = false;
		else if (!conf_keys[i].text_default)
			*number_of(c, &conf_keys[i]) = conf_keys[i].number_default;
		else if (set_text(c, &conf_keys[i], conf_keys[i].text_default) < 0)
			return -ENOMEM;
	}
	return 0;
}

static const struct conf_key *find(const char *name)
{
	for (size_t i = 0; i < conf_key_count; i++)
		if (streq(conf_keys[i].name, name))
			return &conf_keys[i];
	return NULL;
}

static int apply_number(
	struct conf *c, const struct conf_key *k, const struct json_value *v, struct err *err)
{
	uint64_t number;
	int r = json_get_u64(v, UINT64_MAX, &number, err);

	if (r < 0)
		return r;
	if (number < k->min || number > k->max)
		return json_err(v, err, ERANGE, "%llu is not between %llu and %llu",
			(unsigned long long)number, (unsigned long long)k->min,
			(unsigned long long)k->max);
	*number_of(c, k) = number;
	return 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && !streq(text, *words))
		words++;
	return *words;
}

static int apply(struct conf *c, const struct json_value *v, struct err *err)
{
	const struct conf_key *k = find(json_key_of(v));
	const char *text;
	int r;

	if (!k)
		return json_err(v, err, EINVAL, "no such setting");
	if (k->text_default) {
		r = json_get_str(v, &text, err);
		if (r == 0 && k->words && !is_one_of(text, k->words))
			return json_err(v, err, EINVAL, "\"%.40s\" is none of its words", text);
		if (r == 0 && set_text(c, k, text) < 0)
			r = err_sys(err, ENOMEM, "settings");
		return r;
	}
	return k->is_flag ? json_get_bool(v, flag_of(c, k), err) : apply_number(c, k, v, err);
}

static int read_file(struct conf *c, int dirfd, const char *path, const char *name, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	const struct json_value *root;
	int r = json_doc_read(dirfd, path, name, JSON_COMMENTS, &doc, err);

	if (r < 0)
		return r;
	root = json_doc_root(doc);
	r = json_expect(root, JSON_OBJECT, err);
	for (size_t i = 0; r == 0 && i < json_count(root); i++)
		r = apply(c, json_at(root, i), err);
	return r;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' && streq(e->d_name + n - 5, ".conf");
}

static int read_drop_ins(struct conf *c, const char *path, struct err *err)
{
	AUTO_FREE char *dir = NULL;
	const char *slash = strrchr(path, '/');
	struct dirent **names;
	int n, r = 0;

	if (asprintf(&dir, "%.*sconf.d", slash ? (int)(slash - path + 1) : 0, path) < 0)
		return err_sys(err, ENOMEM, "settings");
	n = scandir(dir, &names, is_conf, alphasort);
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *file = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", dir, names[i]->d_name) < 0)
			r = err_sys(err, ENOMEM, "settings");
		if (r == 0)
			r = read_file(c, AT_FDCWD, file, file, err);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return r;
}

/* What the environment says wins over all files. */
static int read_environment(struct conf *c)
{
	static const struct {
		const char *variable, *key;
	} names[] = {
		{ "VMRUN_KERNEL", "kernel" },
		{ "VMRUN_HYPERVISOR", "hypervisor" },
	};

	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i].variable);

		if (value && *value)
			r = set_text(c, find(names[i].key), value);
	}
	return r;
}

static int place_cache(struct conf *c, struct err *err)
{
	struct places places = places_look();
	char path[PATH_MAX];
	int r = 0;

	if (!streq(c->cache_dir, "auto"))
		return 0;
	r = places_cache(&places, path, err);
	if (r == 0 && set_text(c, find("cache_dir"), path) < 0)
		r = err_sys(err, ENOMEM, "settings");
	return r;
}

int conf_read(const char *path, struct conf *ret, struct err *err)
{
	const char *standard = VMRUN_SYSCONFDIR "/vmrun.conf";
	int r;

	*ret = (struct conf){ 0 };
	if (set_defaults(ret) < 0) {
		conf_done(ret);
		return err_sys(err, ENOMEM, "settings");
	}
	r = read_file(ret, AT_FDCWD, path ? path : standard, path ? path : standard, err);
	if (r == -ENOENT && !path) {
		err_clear(err);
		r = 0;
	}
	if (r == 0)
		r = read_drop_ins(ret, path ? path : standard, err);
	if (r == 0 && read_environment(ret) < 0)
		r = err_sys(err, ENOMEM, "settings");
	if (r == 0)
		r = place_cache(ret, err);
	if (r < 0)
		conf_done(ret);
	return r;
}
