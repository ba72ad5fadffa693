noinst_LIBRARIES += liboci.a
liboci_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS) $(SECCOMP_CFLAGS) $(PROTOBUFC_CFLAGS)
liboci_a_SOURCES = \
	oci/annotations.c oci/annotations.h \
	oci/arena.c oci/arena.h \
	oci/bind.c oci/bind.h \
	oci/bit_list.c oci/bit_list.h \
	oci/caps.c oci/caps.h \
	oci/check.c oci/check.h \
	oci/check_linux.c oci/check_own.h \
	oci/check_process.c \
	oci/check_scheduling.c \
	oci/explain.c oci/explain.h \
	oci/features.c oci/features.h \
	oci/fields.c oci/fields.h \
	oci/fields_common.c \
	oci/fields_linux.c \
	oci/fields_process.c \
	oci/fields_resources.c \
	oci/fields_vm.c \
	oci/hooks.c oci/hooks.h \
	oci/host_limits.c oci/host_limits.h \
	oci/json.c oci/json.h \
	oci/json_parse.c oci/json_own.h \
	oci/mounts.c oci/mounts.h \
	oci/namespaces.c oci/namespaces.h \
	oci/one_line.h \
	oci/pod_name.c oci/pod_name.h \
	oci/parse.c oci/parse.h \
	oci/parse_linux.c \
	oci/parse_process.c \
	oci/parse_resources.c \
	oci/parse_seccomp.c \
	oci/parse_vm.c \
	oci/resources.c oci/resources.h \
	oci/rlimits.c oci/rlimits.h \
	oci/scheduling.c oci/scheduling.h \
	oci/share_options.c oci/share_options.h \
	oci/seccomp.c oci/seccomp.h \
	oci/spec.h \
	oci/template.c oci/template.h \
	oci/to_agent.c oci/to_agent.h oci/to_agent_own.h \
	oci/to_agent_devices.c \
	oci/to_agent_process.c

# What a program that links liboci.a needs besides.
OCI_LIBS = $(YAJL_LIBS) $(SECCOMP_LIBS) $(PROTOBUFC_LIBS)
OCI_STATIC_LIBS = $(YAJL_STATIC_LIBS) $(SECCOMP_LIBS) $(PROTOBUFC_LIBS)
