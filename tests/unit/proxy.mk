UNIT_TESTS += tests/unit/test_sd_notify_filter
tests_unit_test_sd_notify_filter_SOURCES = tests/unit/test_sd_notify_filter.c \
	shim/proxy/sd_notify_filter.c shim/proxy/sd_notify_filter.h
tests_unit_test_sd_notify_filter_LDADD = $(UNIT_LIBS)

# vmrun-proxy is not built with sanitizers (shim/local.mk).
if !SANITIZERS
UNIT_TESTS += tests/unit/test_anchor
tests_unit_test_anchor_SOURCES = tests/unit/test_anchor.c \
	tests/unit/fakeagent.c tests/unit/fakeagent.h
tests_unit_test_anchor_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_anchor_LDADD = libpod.a librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)
EXTRA_tests_unit_test_anchor_DEPENDENCIES = vmrun-proxy$(EXEEXT)

UNIT_TESTS += tests/unit/test_notify
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c \
	shim/proxy/changes.c shim/proxy/confine.c shim/proxy/given.c shim/proxy/helper.c \
	shim/proxy/notification.c \
	shim/proxy/notify.c shim/proxy/notify_file.c shim/proxy/notify_server.c shim/proxy/standin.c
tests_unit_test_notify_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_notify_LDADD = librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)
# The test links the program beside itself.
CLEANFILES += tests/unit/vmrun-proxy
endif
