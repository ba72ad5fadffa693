/* vmrun update: a file of linux.resources, or one made of the options. */
#include "base/fd.h"
#include "base/json_out.h"
#include "cmd/cmd.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1 << 20)

enum {
	UPDATE_RESOURCES,
	UPDATE_BLKIO_WEIGHT,
	UPDATE_CPU_BURST,
	UPDATE_CPU_IDLE,
	UPDATE_CPU_PERIOD,
	UPDATE_CPU_QUOTA,
	UPDATE_CPU_SHARE,
	UPDATE_CPUSET_CPUS,
	UPDATE_CPUSET_MEMS,
	UPDATE_MEMORY,
	UPDATE_MEMORY_RESERVATION,
	UPDATE_MEMORY_SWAP,
	UPDATE_PIDS_LIMIT,
};

enum kind { KIND_NUMBER, KIND_BYTES, KIND_TEXT };

/* The properties of linux.resources that options name; those of one object stand together. */
static const struct {
	const char *object, *property;
	unsigned option;
	enum kind kind;
} properties[] = {
	{ "blockIO", "weight", UPDATE_BLKIO_WEIGHT, KIND_NUMBER },
	{ "cpu", "burst", UPDATE_CPU_BURST, KIND_NUMBER },
	{ "cpu", "idle", UPDATE_CPU_IDLE, KIND_NUMBER },
	{ "cpu", "period", UPDATE_CPU_PERIOD, KIND_NUMBER },
	{ "cpu", "quota", UPDATE_CPU_QUOTA, KIND_NUMBER },
	{ "cpu", "shares", UPDATE_CPU_SHARE, KIND_NUMBER },
	{ "cpu", "cpus", UPDATE_CPUSET_CPUS, KIND_TEXT },
	{ "cpu", "mems", UPDATE_CPUSET_MEMS, KIND_TEXT },
	{ "memory", "limit", UPDATE_MEMORY, KIND_BYTES },
	{ "memory", "reservation", UPDATE_MEMORY_RESERVATION, KIND_BYTES },
	{ "memory", "swap", UPDATE_MEMORY_SWAP, KIND_BYTES },
	{ "pids", "limit", UPDATE_PIDS_LIMIT, KIND_NUMBER },
};

static const struct opt options[];

/* "-1", "4096", "512m": a number, of bytes with a unit (powers of 1024) where units are allowed. */
static int number_of(const char *text, bool bytes, int64_t *ret)
{
	static const char units[] = "bkmgtp";
	char digits[24];
	const char *end = text + strspn(text, "-0123456789");
	const char *unit;
	int r;

	if ((size_t)(end - text) >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, (size_t)(end - text));
	digits[end - text] = '\0';
	r = str_to_i64(digits, ret);
	if (r < 0 || !*end)
		return r;
	/* "k" and "kB" are the same. */
	unit = bytes && *ret >= 0 ? strchr(units, *end | 0x20) : NULL;
	if (!unit || end[1 + (unit != units && (end[1] | 0x20) == 'b')])
		return -EINVAL;
	return __builtin_mul_overflow(*ret, INT64_C(1) << 10 * (unit - units), ret) ? -ERANGE : 0;
}

static int put_value(struct json_out *out, const char *text, enum kind kind)
{
	int64_t number;
	int r;

	if (kind == KIND_TEXT) {
		json_str(out, text);
		return 0;
	}
	r = number_of(text, kind == KIND_BYTES, &number);
	if (r == 0)
		json_i64(out, number);
	return r;
}

static int resources_of_options(const union opt_value *v, struct buf *to, struct err *err)
{
	const char *object = NULL;
	struct json_out out;

	json_init(&out, to, false);
	json_object(&out);
	for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
		const char *text = v[properties[i].option].text;

		if (!text)
			continue;
		if (!object || !streq(object, properties[i].object)) {
			if (object)
				json_end(&out);
			object = properties[i].object;
			json_key(&out, object);
			json_object(&out);
		}
		json_key(&out, properties[i].property);
		if (put_value(&out, text, properties[i].kind) < 0)
			return err_set(err, EINVAL, "--%s: expected a number, got \"%s\"",
				options[properties[i].option].name, text);
	}
	if (object)
		json_end(&out);
	json_end(&out);
	return json_finish(&out) < 0 ? err_sys(err, ENOMEM, "update") : 0;
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *file = v[UPDATE_RESOURCES].text;
	AUTO(buf_done) struct buf text = { 0 };
	int r;

	if (!file) {
		r = resources_of_options(v, &text, err);
	} else if (streq(file, "-")) {
		file = "resources on stdin";
		r = fd_read_to_end(STDIN_FILENO, FILE_MAX, &text);
		if (r < 0)
			return err_sys(err, -r, "%s", file);
	} else {
		r = file_read(AT_FDCWD, file, FILE_MAX, &text, err);
	}
	return r ? r : container_update(rt, args->v[0], file ? file : "options", &text, err);
}

static const struct opt options[] = {
	[UPDATE_RESOURCES] = { "resources", 'r', OPT_TEXT, "FILE",
		"linux.resources in JSON (- for stdin); the other options are not looked at then" },
	[UPDATE_BLKIO_WEIGHT] = { "blkio-weight", 0, OPT_TEXT, "N",
		"weight of block I/O, 10 to 1000" },
	[UPDATE_CPU_BURST] = { "cpu-burst", 0, OPT_TEXT, "USEC",
		"what may be used above the quota" },
	[UPDATE_CPU_IDLE] = { "cpu-idle", 0, OPT_TEXT, "0|1",
		"1: run only when nothing else does" },
	[UPDATE_CPU_PERIOD] = { "cpu-period", 0, OPT_TEXT, "USEC", "period of the quota" },
	[UPDATE_CPU_QUOTA] = { "cpu-quota", 0, OPT_TEXT, "USEC",
		"CPU time in a period; -1: no limit" },
	[UPDATE_CPU_SHARE] = { "cpu-share", 0, OPT_TEXT, "N", "shares, relative to others" },
	[UPDATE_CPUSET_CPUS] = { "cpuset-cpus", 0, OPT_TEXT, "LIST", "CPUs to use" },
	[UPDATE_CPUSET_MEMS] = { "cpuset-mems", 0, OPT_TEXT, "LIST", "memory nodes to use" },
	[UPDATE_MEMORY] = { "memory", 0, OPT_TEXT, "BYTES",
		"limit, with a unit if you like: 512m" },
	[UPDATE_MEMORY_RESERVATION] = { "memory-reservation", 0, OPT_TEXT, "BYTES", "soft limit" },
	[UPDATE_MEMORY_SWAP] = { "memory-swap", 0, OPT_TEXT, "BYTES", "limit of memory and swap" },
	[UPDATE_PIDS_LIMIT] = { "pids-limit", 0, OPT_TEXT, "N", "most processes; -1: no limit" },
	{ 0 },
};

const struct cmd cmd_update = {
	.name = "update",
	.arguments = "ID",
	.help = "change the limits of a container",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
