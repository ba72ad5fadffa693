OCI_TESTS = tests/unit/test_annotations tests/unit/test_caps tests/unit/test_share_options tests/unit/test_check tests/unit/test_features tests/unit/test_fields \
	tests/unit/test_host_limits \
	tests/unit/test_json tests/unit/test_mounts tests/unit/test_parse tests/unit/test_resources \
	tests/unit/test_seccomp tests/unit/test_to_agent
UNIT_TESTS += $(OCI_TESTS)
OCI_TEST_LIBS = liboci.a libapi.a $(UNIT_LIBS) $(OCI_LIBS)
tests_unit_test_share_options_SOURCES = tests/unit/test_share_options.c tests/unit/oci_text.h
tests_unit_test_share_options_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_annotations_SOURCES = tests/unit/test_annotations.c tests/unit/oci_text.h
tests_unit_test_annotations_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_caps_SOURCES = tests/unit/test_caps.c tests/unit/oci_text.h
tests_unit_test_caps_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_check_SOURCES = tests/unit/test_check.c tests/unit/oci_text.h
tests_unit_test_check_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_features_SOURCES = tests/unit/test_features.c tests/unit/oci_text.h
tests_unit_test_features_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_fields_SOURCES = tests/unit/test_fields.c tests/unit/oci_text.h
tests_unit_test_fields_CPPFLAGS = $(AM_CPPFLAGS) -DE2E_DIR='"$(abs_top_srcdir)/tests/e2e"' \
	-DSPEC_PROPERTIES='"$(abs_top_srcdir)/tests/unit/data/runtime-spec-1.3.0-properties"'
tests_unit_test_fields_LDADD = $(OCI_TEST_LIBS)
EXTRA_DIST += tests/unit/data/runtime-spec-1.3.0-properties
tests_unit_test_host_limits_SOURCES = tests/unit/test_host_limits.c tests/unit/oci_text.h
tests_unit_test_host_limits_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test_json.c tests/unit/oci_text.h
tests_unit_test_json_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_mounts_SOURCES = tests/unit/test_mounts.c tests/unit/oci_text.h
tests_unit_test_mounts_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_parse_SOURCES = tests/unit/test_parse.c tests/unit/oci_text.h
tests_unit_test_parse_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_resources_SOURCES = tests/unit/test_resources.c tests/unit/oci_text.h
tests_unit_test_resources_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_seccomp_SOURCES = tests/unit/test_seccomp.c tests/unit/oci_text.h
tests_unit_test_seccomp_LDADD = $(OCI_TEST_LIBS)
tests_unit_test_to_agent_SOURCES = tests/unit/test_to_agent.c tests/unit/oci_text.h
tests_unit_test_to_agent_LDADD = $(OCI_TEST_LIBS)
