# A unit test is a row here: check_PROGRAMS, TESTS and the libraries of its layer.
UNIT_TESTS =
UNIT_LIBS = libbase.a $(CMOCKA_LIBS)
include $(srcdir)/tests/unit/base.mk
include $(srcdir)/tests/unit/dev.mk
include $(srcdir)/tests/unit/guest.mk
include $(srcdir)/tests/unit/host.mk
include $(srcdir)/tests/unit/rpc.mk
include $(srcdir)/tests/unit/proxy.mk
include $(srcdir)/tests/unit/agent.mk
include $(srcdir)/tests/unit/oci.mk
include $(srcdir)/tests/unit/pod.mk
include $(srcdir)/tests/unit/vmm.mk
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
