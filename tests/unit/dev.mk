DEV_TESTS = tests/unit/test_console tests/unit/test_gmem tests/unit/test_rng \
	tests/unit/test_vdev tests/unit/test_vq tests/unit/test_vsock
UNIT_TESTS += $(DEV_TESTS)
DEV_TEST_LIBS = libdev.a $(UNIT_LIBS)
FAKEGUEST = tests/unit/fakeguest.c tests/unit/fakeguest.h
tests_unit_test_console_SOURCES = tests/unit/test_console.c $(FAKEGUEST)
tests_unit_test_console_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_gmem_SOURCES = tests/unit/test_gmem.c
tests_unit_test_gmem_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_rng_SOURCES = tests/unit/test_rng.c $(FAKEGUEST)
tests_unit_test_rng_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_vdev_SOURCES = tests/unit/test_vdev.c $(FAKEGUEST)
tests_unit_test_vdev_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_vq_SOURCES = tests/unit/test_vq.c
tests_unit_test_vq_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_vsock_SOURCES = tests/unit/test_vsock.c $(FAKEGUEST)
tests_unit_test_vsock_LDADD = $(DEV_TEST_LIBS) -lutil
