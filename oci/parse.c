/* The top of config.json: its version, its sections, and who owns the result. */
#include "oci/parse.h"

#include "base/fd.h"
#include "base/str.h"
#include "oci/bind.h"
#include "oci/check.h"

/* The newest version that is known; patch levels do not matter. */
#define VERSION_MAJOR	  1
#define VERSION_MINOR_MAX 3

static const struct bind_field root[] = {
	FIELD_N("path", struct spec_root, path),
	FIELD("readonly", struct spec_root, readonly),
	FIELD_END,
};

static const struct bind_field mount[] = {
	FIELD_N("destination", struct spec_mount, destination),
	FIELD("type", struct spec_mount, type),
	FIELD("source", struct spec_mount, source),
	FIELD("options", struct spec_mount, options),
	FIELD_LIST("uidMappings", struct spec_mount, uid_mappings, bind_id_mapping),
	FIELD_LIST("gidMappings", struct spec_mount, gid_mappings, bind_id_mapping),
	FIELD_END,
};

const struct bind_field bind_spec[] = {
	FIELD_OBJECT("process", struct spec, process, bind_process),
	FIELD_OBJECT("root", struct spec, root, root),
	FIELD("hostname", struct spec, hostname),
	FIELD("domainname", struct spec, domainname),
	FIELD_LIST("mounts", struct spec, mounts, mount),
	FIELD_EMBED("hooks", struct spec, hooks, bind_hooks),
	FIELD("annotations", struct spec, annotations),
	FIELD_EMBED("linux", struct spec, linux, bind_linux),
	FIELD_OBJECT("vm", struct spec, vm, bind_vm),
	FIELD_END,
};

/* A number of a semantic version (no leading zeros); returns what follows it, or NULL. */
static const char *version_number(const char *s, unsigned *ret)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || digits > 6 || (digits > 1 && *s == '0'))
		return NULL;
	*ret = 0;
	for (; digits > 0; digits--)
		*ret = *ret * 10 + (unsigned)(*s++ - '0');
	return s;
}

/* "1.2.0", "1.0.2-dev", "1.3.0+dev" (semver.org 2.0.0) */
static bool version_read(const char *s, unsigned number[3])
{
	for (unsigned i = 0; i < 3; i++) {
		if (i > 0 && *s++ != '.')
			return false;
		s = version_number(s, &number[i]);
		if (!s)
			return false;
	}
	if (*s == '-' || *s == '+')
		return s[1] && s[1 + strspn(s + 1, "0123456789abcdefghijklmnopqrstuvwxyz"
						   "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-+")] == '\0';
	return *s == '\0';
}

/* Comes before all else: what another major version says cannot be judged by our tables. */
static int read_version(const struct json_value *top, struct spec *spec, struct err *err)
{
	const struct json_value *v = json_member(top, "ociVersion");
	unsigned number[3];
	int r;

	if (!v)
		return json_missing(top, "ociVersion", err);
	r = json_get_str(v, &spec->oci_version, err);
	if (r < 0)
		return r;
	if (!version_read(spec->oci_version, number))
		return json_err(v, err, EINVAL, "\"%.40s\" is not a version such as \"%s\"",
			spec->oci_version, OCI_VERSION_MAX);
	if (number[0] != VERSION_MAJOR || number[1] > VERSION_MINOR_MAX)
		return json_err(v, err, EINVAL,
			"version %.40s is not supported, those from %s to %u.%u.x are",
			spec->oci_version, OCI_VERSION_MIN, VERSION_MAJOR, VERSION_MINOR_MAX);
	return 0;
}

/* Takes doc. */
static int spec_from_doc(struct json_doc *doc, struct spec **ret, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *owned = doc;
	const struct json_value *top = json_doc_root(doc);
	struct spec *spec;
	int r;

	r = json_expect(top, JSON_OBJECT, err);
	if (r < 0)
		return r;
	spec = json_doc_alloc(doc, sizeof(*spec));
	if (!spec)
		return err_set(err, ENOMEM, "%s: out of memory", json_doc_file(doc));
	spec->file = json_doc_file(doc);
	r = read_version(top, spec, err);
	if (r == 0)
		r = bind_object(doc, top, bind_spec, spec, err);
	if (r < 0)
		return r;
	spec->doc = steal_ptr(&owned);
	*ret = spec;
	return 0;
}

int spec_parse(const char *file, const void *text, size_t len, struct spec **ret, struct err *err)
{
	struct json_doc *doc;
	int r = json_doc_parse(file, text, len, 0, &doc, err);

	return r < 0 ? r : spec_from_doc(doc, ret, err);
}

int spec_read(int dirfd, const char *path, const char *file, struct spec **ret, struct err *err)
{
	struct json_doc *doc;
	int r = json_doc_read(dirfd, path, file, 0, &doc, err);

	return r < 0 ? r : spec_from_doc(doc, ret, err);
}

void spec_free(struct spec *spec)
{
	if (spec)
		json_doc_free(spec->doc);
}

const char *spec_annotation(const struct spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->annotations.n; i++)
		if (streq(spec->annotations.v[i].key, key))
			return spec->annotations.v[i].value;
	return NULL;
}

/* Takes doc. */
static int process_from_doc(struct json_doc *doc, struct spec_process_file **ret, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *owned = doc;
	struct spec_process_file *pf = json_doc_alloc(doc, sizeof(*pf));
	int r;

	if (!pf)
		return err_set(err, ENOMEM, "%s: out of memory", json_doc_file(doc));
	pf->file = json_doc_file(doc);
	r = bind_object(doc, json_doc_root(doc), bind_process, &pf->process, err);
	if (r == 0)
		r = spec_check_process(&pf->process, pf->file, "", NULL, err);
	pf->doc = doc;
	if (r == 0)
		r = spec_check_process_fields(pf, err);
	if (r < 0)
		return r;
	(void)steal_ptr(&owned);
	*ret = pf;
	return 0;
}

int oci_process_parse(const char *file, const void *text, size_t len,
	struct spec_process_file **ret, struct err *err)
{
	struct json_doc *doc;
	int r = json_doc_parse(file, text, len, 0, &doc, err);

	return r < 0 ? r : process_from_doc(doc, ret, err);
}

int oci_process_read(int dirfd, const char *path, const char *file, struct spec_process_file **ret,
	struct err *err)
{
	struct json_doc *doc;
	int r = json_doc_read(dirfd, path, file, 0, &doc, err);

	return r < 0 ? r : process_from_doc(doc, ret, err);
}

void spec_process_file_free(struct spec_process_file *pf)
{
	if (pf)
		json_doc_free(pf->doc);
}

/* Takes doc. */
static int resources_from_doc(
	struct json_doc *doc, struct spec_resources_file **ret, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *owned = doc;
	struct spec_resources_file *rf = json_doc_alloc(doc, sizeof(*rf));
	int r;

	if (!rf)
		return err_set(err, ENOMEM, "%s: out of memory", json_doc_file(doc));
	rf->file = json_doc_file(doc);
	r = bind_object(doc, json_doc_root(doc), bind_resources, &rf->resources, err);
	if (r < 0)
		return r;
	rf->doc = steal_ptr(&owned);
	*ret = rf;
	return 0;
}

int oci_resources_parse(const char *file, const void *text, size_t len,
	struct spec_resources_file **ret, struct err *err)
{
	struct json_doc *doc;
	int r = json_doc_parse(file, text, len, 0, &doc, err);

	return r < 0 ? r : resources_from_doc(doc, ret, err);
}

void spec_resources_file_free(struct spec_resources_file *rf)
{
	if (rf)
		json_doc_free(rf->doc);
}
