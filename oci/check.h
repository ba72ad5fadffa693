/*
 * What config.json's values must satisfy beyond their types: required fields, known names, sane
 * combinations, and nothing that could not be applied. Called before a container is made.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "oci/spec.h"

/*
 * Checks a whole configuration. Errors (-EINVAL, -ENOTSUP) read "config.json: process.args: must
 * name at least one program". warnings, unless NULL, gets a line for each thing that is ignored,
 * such as a capability that nobody knows; they are appended also when the check fails.
 */
int spec_check(const struct spec *spec, struct strv *warnings, struct err *err) CHECKED;

/*
 * For the setting "strict": refuses (-ENOTSUP) what has passed spec_check() and has a field that
 * protects something and would have no effect.
 */
int spec_check_strict(const struct spec *spec, struct err *err) CHECKED;

/* What the field table (oci/fields.h) refuses of a process file. */
int spec_check_process_fields(const struct spec_process_file *file, struct err *err) CHECKED;

/*
 * Checks a process object. file is what errors begin with; prefix goes in front of the fields:
 * "process." in a config.json, "" in a process file.
 */
int spec_check_process(const struct spec_process *process, const char *file, const char *prefix,
	struct strv *warnings, struct err *err) CHECKED;

/* Checks the device rules of a resources object; prefix: "linux.resources." or "". */
int spec_check_device_rules(const struct spec_resources *resources, const char *file,
	const char *prefix, struct err *err) CHECKED;
