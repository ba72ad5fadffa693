/*
 * Arbitrary bytes as config.json: parse, check, translate to the agent API, shape of the machine;
 * and as the files of exec and update. What passes the checks must translate.
 */
#include "oci/annotations.h"
#include "oci/check.h"
#include "oci/explain.h"
#include "oci/mounts.h"
#include "oci/parse.h"
#include "oci/resources.h"
#include "oci/to_agent.h"

/* An accepted document is used on; an error must have a code and one line of text. */
static void check_error(int r, const struct err *err)
{
	if (r < 0 && (err->code != -r || !*err->msg || strchr(err->msg, '\n')))
		__builtin_trap();
	if (r >= 0 && err->code != 0)
		__builtin_trap();
}

static void translate(const struct spec *spec)
{
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *request = NULL;
	AUTO_FREE struct mount_bind *binds = NULL;
	AUTO_FREE struct agent_bind *shares = NULL;
	struct agent_placement at = { .container = "c", .rootfs = { "0", "", false } };
	struct err err = ERR_NONE;
	int r;

	if (mount_binds(spec, &binds, &at.bind_count) < 0)
		return;
	shares = calloc(at.bind_count + 1, sizeof(*shares));
	if (!shares)
		return;
	for (size_t i = 0; i < at.bind_count; i++)
		shares[i] = (struct agent_bind){ "1", binds[i].source, binds[i].read_only };
	at.binds = shares;
	r = spec_to_agent(spec, &at, &request, &err);
	check_error(r, &err);
	/* Only namespaces of the host, and filters that get too long, are found out this late. */
	if (r < 0 && !strstr(err.msg, ".path: a guest cannot join") &&
		!strstr(err.msg, "linux.seccomp"))
		__builtin_trap();
	if (r == 0 && (request->n_mounts != spec->mounts.n || !request->process))
		__builtin_trap();
}

/* explain goes through what the checks refuse as well, and then refuses it in the same words. */
static void explain(const struct spec *spec, const struct err *refusal)
{
	for (int json = 0; json < 2; json++) {
		AUTO(buf_done) struct buf out = { 0 };
		struct explanation how = { .json = json, .refusal = refusal };
		struct err err = ERR_NONE;
		int r = explain_print(spec, &how, &out, &err);

		check_error(r, &err);
		if (refusal->code && r != -refusal->code)
			__builtin_trap();
	}
}

static void as_config(const uint8_t *data, size_t len)
{
	static const struct machine_shape defaults = { .vcpus = 1, .memory_mib = 256 };
	AUTO(strv_done) struct strv warnings = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	struct machine_shape shape;
	struct err err = ERR_NONE;
	int r = spec_parse("config.json", data, len, &spec, &err);

	check_error(r, &err);
	if (r < 0)
		return;
	r = machine_shape(spec, &defaults, &shape, &err);
	check_error(r, &err);
	if (r == 0 && (shape.vcpus < 1 || shape.vcpus > MACHINE_VCPUS_MAX ||
			      shape.memory_mib < MACHINE_MEMORY_MIN_MIB ||
			      shape.memory_mib > MACHINE_MEMORY_MAX_MIB))
		__builtin_trap();
	err_clear(&err);
	r = spec_check(spec, &warnings, &err);
	check_error(r, &err);
	explain(spec, &err);
	if (r == 0)
		translate(spec);
}

static void as_process(const uint8_t *data, size_t len)
{
	AUTO(spec_process_file_free) struct spec_process_file *pf = NULL;
	AUTO(agent_process_free) Vmrun__Agent__Process *process = NULL;
	struct err err = ERR_NONE;
	int r = oci_process_parse("process.json", data, len, &pf, &err);

	check_error(r, &err);
	if (r == 0 &&
		oci_process_to_agent(&pf->process, "process.json", "", NULL, &process, &err) < 0)
		__builtin_trap();
}

static void as_resources(const uint8_t *data, size_t len)
{
	AUTO(spec_resources_file_free) struct spec_resources_file *rf = NULL;
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	struct err err = ERR_NONE;
	int r = oci_resources_parse("resources.json", data, len, &rf, &err);

	check_error(r, &err);
	if (r < 0)
		return;
	r = resources_to_cgroup(&rf->resources, CGROUP_HOST, "resources.json", "", &settings, &err);
	check_error(r, &err);
	for (size_t i = 0; i < settings.n; i++)
		if (strchr(settings.v[i].file, '/') || strstr(settings.v[i].file, "cgroup."))
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	as_config(data, len);
	as_process(data, len);
	as_resources(data, len);
	return 0;
}
