UNIT_TESTS += tests/unit/test_sd_notify_filter
tests_unit_test_sd_notify_filter_SOURCES = tests/unit/test_sd_notify_filter.c \
	src/proxy/sd_notify_filter.c src/proxy/sd_notify_filter.h
tests_unit_test_sd_notify_filter_LDADD = $(UNIT_LIBS)

# vmrun-proxy is not built with sanitizers (src/proxy/local.mk).
if !SANITIZERS
UNIT_TESTS += tests/unit/test_anchor
tests_unit_test_anchor_SOURCES = tests/unit/test_anchor.c \
	tests/unit/fakeagent.c tests/unit/fakeagent.h
tests_unit_test_anchor_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_anchor_LDADD = libanchor.a librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)
EXTRA_tests_unit_test_anchor_DEPENDENCIES = vmrun-proxy$(EXEEXT)

UNIT_TESTS += tests/unit/test_notify
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c \
	src/proxy/changes.c src/proxy/confine.c src/proxy/given.c src/proxy/helper.c \
	src/proxy/notification.c \
	src/proxy/notify.c src/proxy/notify_file.c src/proxy/notify_server.c src/proxy/standin.c
tests_unit_test_notify_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_notify_LDADD = librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)
# The test links the program beside itself.
CLEANFILES += tests/unit/vmrun-proxy
endif
