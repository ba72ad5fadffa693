/* The annotations that put a container into a pod: see pod_name.h. */
#include "oci/pod_name.h"

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"
#include "oci/one_line.h"

#define BY_HAND "io.vmrun.pod"
/*
 * Podman's containers that share a pod name the container that the pod begins with, which says
 * nothing itself; or, where there is none, the pod.
 */
#define MANAGER	     "io.container.manager"
#define MANAGER_FREE "libpod"

/* Whose annotations say that a container is the sandbox's own or another one, and which sandbox. */
static const struct {
	const char *kind, *sandbox, *name;
} callers[] = {
	{ "io.kubernetes.cri.container-type", "sandbox", "io.kubernetes.cri.sandbox-id" },
	{ "io.kubernetes.cri-o.ContainerType", "sandbox", "io.kubernetes.cri-o.SandboxID" },
	{ "io.kubernetes.docker.type", "podsandbox", "io.kubernetes.sandbox.id" },
};

const char *pod_annotation_name(size_t i)
{
	if (i == 0)
		return BY_HAND;
	i--;
	if (i < ARRAY_LEN(callers))
		return callers[i].kind;
	i -= ARRAY_LEN(callers);
	return i < ARRAY_LEN(callers) ? callers[i].name : NULL;
}

static int refuse(const struct spec *spec, const char *key, const char *value, const char *why,
	struct err *err)
{
	err_clear(err);
	err_set(err, EINVAL, "%s: annotations[\"%s\"]: %s, got \"%.80s\"", spec->file, key, why,
		value);
	one_line(err->msg);
	return -EINVAL;
}

static int take_name(
	const struct spec *spec, const char *key, struct pod_name *ret, struct err *err)
{
	struct err bad = ERR_NONE;

	ret->name = spec_annotation(spec, key);
	if (!ret->name)
		return refuse(
			spec, key, "", "the container is one of a pod, which is not named", err);
	if (id_check(ret->name, &bad) < 0)
		return refuse(
			spec, key, ret->name, "must be such a name as a container may have", err);
	return 0;
}

int pod_name_read(const struct spec *spec, struct pod_name *ret, struct err *err)
{
	const char *manager = spec_annotation(spec, MANAGER);

	*ret = (struct pod_name){ NULL, false, false };
	if (spec_annotation(spec, BY_HAND))
		return take_name(spec, BY_HAND, ret, err);
	for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
		const char *kind = spec_annotation(spec, callers[i].kind);

		if (!kind)
			continue;
		ret->sandbox = streq(kind, callers[i].sandbox);
		if (!ret->sandbox && !streq(kind, "container"))
			return refuse(spec, callers[i].kind, kind,
				"must say whether it is the pod's sandbox or a container", err);
		ret->must_exist = !ret->sandbox && !(manager && streq(manager, MANAGER_FREE));
		return take_name(spec, callers[i].name, ret, err);
	}
	return 0;
}
