/* What the to_agent*.c share: making protobuf-c messages that free_unpacked() can release. */
#pragma once

#include "oci/to_agent.h"

/*
 * One translation. A failed allocation is remembered, so that calls can be strung together; the
 * message stays whole and freeable at any time.
 */
struct maker {
	const char *file;   /* what errors begin with */
	const char *prefix; /* in front of fields */
	bool out_of_memory;
	struct err *err;
};

/* An initialised message, or NULL. */
void *make_message(struct maker *m, const ProtobufCMessageDescriptor *type);

/* Copies s, unless it is NULL or empty, to the string field at to. */
void make_str(struct maker *m, char **to, const char *s);

/* Copies a list of strings to the repeated field at to and n. */
void make_strings(struct maker *m, char ***to, size_t *n, const struct spec_strings *list);

/*
 * make_list() makes room for room items in the repeated message field at to (a pointer to T **);
 * make_item() appends a new one, or returns NULL.
 */
void make_list(struct maker *m, void *to, size_t room);
void *make_item(struct maker *m, void *to, size_t *n, const ProtobufCMessageDescriptor *type);

/* The mask of a list of numbers that was checked, see bit_list.h. NULL: none. */
void make_bits(struct maker *m, const char *list, unsigned max, ProtobufCBinaryData *to);

/* A new process message in *ret, also when it is incomplete. */
int make_process(struct maker *m, const struct spec_process *p, const struct spec_seccomp *seccomp,
	Vmrun__Agent__Process **ret) CHECKED;

/* Devices and links, those of every container included. */
int make_devices(struct maker *m, const struct spec *spec, const struct agent_placement *at,
	Vmrun__Agent__CreateContainerRequest *to) CHECKED;

/* The rules of resources, and after them those of every container. */
void make_device_rules(struct maker *m, const struct spec_resources *resources,
	Vmrun__Agent__DeviceRule ***to, size_t *n);

/* 0, or -ENOMEM with the error filled. */
int make_result(const struct maker *m) CHECKED;
