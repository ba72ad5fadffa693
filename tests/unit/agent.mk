UNIT_TESTS += tests/unit/test_agent_calls tests/unit/test_agent_cgroups tests/unit/test_agent_container \
	tests/unit/test_agent_credentials tests/unit/test_agent_descriptors \
	tests/unit/test_agent_life tests/unit/test_agent_mounts tests/unit/test_agent_namespaces \
	tests/unit/test_agent_streams \
	tests/unit/test_agent_listener tests/unit/test_agent_parts \
	tests/unit/test_agent_signalled tests/unit/test_agent_slots tests/unit/test_agent_sockets \
	tests/unit/test_agent_storm

AGENT_TEST_LIBS = libagent.a librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)

tests_unit_test_agent_calls_SOURCES = tests/unit/test_agent_calls.c
tests_unit_test_agent_calls_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_calls_LDADD = $(AGENT_TEST_LIBS)

AGENT_ACTS = tests/unit/agent_acts.c tests/unit/agent_acts.h tests/unit/agent_box.c tests/unit/agent_box.h

tests_unit_test_agent_container_SOURCES = tests/unit/test_agent_container.c $(AGENT_ACTS)
tests_unit_test_agent_container_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_container_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_streams_SOURCES = tests/unit/test_agent_streams.c $(AGENT_ACTS)
tests_unit_test_agent_streams_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_streams_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_mounts_SOURCES = tests/unit/test_agent_mounts.c $(AGENT_ACTS)
tests_unit_test_agent_mounts_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_mounts_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_credentials_SOURCES = tests/unit/test_agent_credentials.c $(AGENT_ACTS)
tests_unit_test_agent_credentials_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_credentials_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_namespaces_SOURCES = tests/unit/test_agent_namespaces.c $(AGENT_ACTS)
tests_unit_test_agent_namespaces_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_namespaces_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_life_SOURCES = tests/unit/test_agent_life.c $(AGENT_ACTS)
tests_unit_test_agent_life_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_life_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_cgroups_SOURCES = tests/unit/test_agent_cgroups.c $(AGENT_ACTS)
tests_unit_test_agent_cgroups_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_cgroups_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_descriptors_SOURCES = tests/unit/test_agent_descriptors.c \
	tests/unit/agent_box.c tests/unit/agent_box.h
tests_unit_test_agent_descriptors_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_descriptors_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_listener_SOURCES = tests/unit/test_agent_listener.c \
	tests/unit/agent_box.c tests/unit/agent_box.h
tests_unit_test_agent_listener_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_listener_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_parts_SOURCES = tests/unit/test_agent_parts.c
tests_unit_test_agent_parts_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_parts_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_signalled_SOURCES = tests/unit/test_agent_signalled.c
tests_unit_test_agent_signalled_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_signalled_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_slots_SOURCES = tests/unit/test_agent_slots.c
tests_unit_test_agent_slots_LDADD = $(AGENT_TEST_LIBS)

tests_unit_test_agent_sockets_SOURCES = tests/unit/test_agent_sockets.c \
	tests/unit/agent_box.c tests/unit/agent_box.h
tests_unit_test_agent_sockets_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_sockets_LDADD = $(AGENT_TEST_LIBS)
tests_unit_test_agent_storm_SOURCES = tests/unit/test_agent_storm.c \
	tests/unit/agent_box.c tests/unit/agent_box.h
tests_unit_test_agent_storm_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_agent_storm_LDADD = $(AGENT_TEST_LIBS)
