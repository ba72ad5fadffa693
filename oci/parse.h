/*
 * config.json (and exec's process file) to the structs of oci/spec.h. Every field of the common,
 * linux and vm sections is read and its type and range are checked; what runtime-spec does not know
 * is ignored, as it demands ("Extensibility"); null is as good as absent. What the values mean
 * together is the business of oci/check.h.
 */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

/* The versions of the specification that are accepted: any 1.x.y from 1.0.0 to 1.3.y. */
#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.3.0"

/*
 * Reads path (relative to dirfd). file is the name in errors, for example "config.json". The caller
 * owns *ret. Errors: -EINVAL, -ERANGE, -EFBIG, -ENOMEM and those of reading the file.
 */
int spec_read(
	int dirfd, const char *path, const char *file, struct spec **ret, struct err *err) CHECKED;

/* As spec_read(), of len bytes in memory. */
int spec_parse(
	const char *file, const void *text, size_t len, struct spec **ret, struct err *err) CHECKED;

/* A bare process object, for exec. Unlike config.json's it has been checked (oci/check.h) too. */
int oci_process_read(int dirfd, const char *path, const char *file, struct spec_process_file **ret,
	struct err *err) CHECKED;
int oci_process_parse(const char *file, const void *text, size_t len,
	struct spec_process_file **ret, struct err *err) CHECKED;

/* A bare linux.resources object, for update. */
int oci_resources_parse(const char *file, const void *text, size_t len,
	struct spec_resources_file **ret, struct err *err) CHECKED;
