GUEST_TESTS = tests/unit/test_cache tests/unit/test_cpio tests/unit/test_find \
	tests/unit/test_guest tests/unit/test_kernel tests/unit/test_modules tests/unit/test_unpack
UNIT_TESTS += $(GUEST_TESTS)
GUEST_TEST_LIBS = libguestmake.a libguest.a $(UNIT_LIBS) $(GUEST_LIBS)
tests_unit_test_cache_SOURCES = tests/unit/test_cache.c
tests_unit_test_cache_LDADD = $(GUEST_TEST_LIBS)
tests_unit_test_cpio_SOURCES = tests/unit/test_cpio.c tests/unit/newc.h
tests_unit_test_cpio_LDADD = $(GUEST_TEST_LIBS)
tests_unit_test_find_SOURCES = tests/unit/test_find.c
tests_unit_test_find_LDADD = $(GUEST_TEST_LIBS)
tests_unit_test_guest_SOURCES = tests/unit/test_guest.c tests/unit/kmod_index.h \
	tests/unit/newc.h tests/unit/packed.h
tests_unit_test_guest_LDADD = $(GUEST_TEST_LIBS)
tests_unit_test_kernel_SOURCES = tests/unit/test_kernel.c tests/unit/packed.h
tests_unit_test_kernel_LDADD = $(GUEST_TEST_LIBS)
tests_unit_test_modules_SOURCES = tests/unit/test_modules.c tests/unit/kmod_index.h \
	tests/unit/packed.h
tests_unit_test_modules_LDADD = $(GUEST_TEST_LIBS)
tests_unit_test_unpack_SOURCES = tests/unit/test_unpack.c tests/unit/packed.h
tests_unit_test_unpack_LDADD = $(GUEST_TEST_LIBS)
