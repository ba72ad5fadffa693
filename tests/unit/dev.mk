DEV_TESTS = tests/unit/test_console tests/unit/test_gmem tests/unit/test_rng \
	tests/unit/test_vdev tests/unit/test_vhost_user tests/unit/test_vq tests/unit/test_vsock
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
tests_unit_test_vhost_user_SOURCES = tests/unit/test_vhost_user.c
tests_unit_test_vhost_user_LDADD = $(DEV_TEST_LIBS)
FS_TESTS = tests/unit/test_fs_cache tests/unit/test_fs_dirs tests/unit/test_fs_files \
	tests/unit/test_fs_hostile tests/unit/test_fs_locks tests/unit/test_fs_names \
	tests/unit/test_lock_ranges
UNIT_TESTS += $(FS_TESTS)
FAKEFUSE = tests/unit/fakefuse.c tests/unit/fakefuse.h $(FAKEGUEST)
tests_unit_test_fs_cache_SOURCES = tests/unit/test_fs_cache.c $(FAKEFUSE)
tests_unit_test_fs_cache_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_fs_dirs_SOURCES = tests/unit/test_fs_dirs.c $(FAKEFUSE)
tests_unit_test_fs_dirs_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_fs_files_SOURCES = tests/unit/test_fs_files.c $(FAKEFUSE)
tests_unit_test_fs_files_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_fs_hostile_SOURCES = tests/unit/test_fs_hostile.c $(FAKEFUSE)
tests_unit_test_fs_hostile_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_fs_locks_SOURCES = tests/unit/test_fs_locks.c $(FAKEFUSE)
tests_unit_test_fs_locks_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_lock_ranges_SOURCES = tests/unit/test_lock_ranges.c
tests_unit_test_lock_ranges_LDADD = $(DEV_TEST_LIBS)
tests_unit_test_fs_names_SOURCES = tests/unit/test_fs_names.c $(FAKEFUSE)
tests_unit_test_fs_names_LDADD = $(DEV_TEST_LIBS)
