/*
 * JSON in C strings: written with ' for ", which the configurations here never contain. The minimal
 * configuration is what each test adds to.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "oci/parse.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* A valid configuration; more: further members, each with a comma in front. */
#define CONFIG(more)                                                                               \
	"{'ociVersion':'1.0.2','root':{'path':'rootfs'},"                                          \
	"'process':{'cwd':'/','args':['sh']}" more "}"
#define CONFIG_PROCESS(more)                                                                       \
	"{'ociVersion':'1.0.2','root':{'path':'rootfs'},"                                          \
	"'process':{'cwd':'/','args':['sh']," more "}}"
#define CONFIG_LINUX(more)     CONFIG(",'linux':{" more "}")
#define CONFIG_RESOURCES(more) CONFIG(",'linux':{'resources':{" more "}}")

/* The text with its quotes; the caller frees it. */
static inline char *text_of(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	return copy;
}

/* Parses what must parse. */
static inline struct spec *spec_of(const char *text)
{
	AUTO_FREE char *json = text_of(text);
	struct err err = ERR_NONE;
	struct spec *spec = NULL;

	if (spec_parse("config.json", json, strlen(json), &spec, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return spec;
}
