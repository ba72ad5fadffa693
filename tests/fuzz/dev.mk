noinst_PROGRAMS += tests/fuzz/fuzz_fuse tests/fuzz/fuzz_vdev_state tests/fuzz/fuzz_vhost_user \
	tests/fuzz/fuzz_vq_mmio tests/fuzz/fuzz_vsock
tests_fuzz_fuzz_fuse_SOURCES = tests/fuzz/fuzz_fuse.c tests/fuzz/fuse_tree.c tests/fuzz/fuse_tree.h
tests_fuzz_fuzz_fuse_LDADD = libdev.a libbase.a
tests_fuzz_fuzz_fuse_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_vq_mmio_SOURCES = tests/fuzz/fuzz_vq_mmio.c
tests_fuzz_fuzz_vq_mmio_LDADD = libdev.a libbase.a
tests_fuzz_fuzz_vq_mmio_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_vdev_state_SOURCES = tests/fuzz/fuzz_vdev_state.c
tests_fuzz_fuzz_vdev_state_LDADD = libdev.a libbase.a
tests_fuzz_fuzz_vdev_state_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_vsock_SOURCES = tests/fuzz/fuzz_vsock.c \
	tests/unit/fakeguest.c tests/unit/fakeguest.h
tests_fuzz_fuzz_vsock_LDADD = libdev.a libbase.a
tests_fuzz_fuzz_vsock_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_vhost_user_SOURCES = tests/fuzz/fuzz_vhost_user.c
tests_fuzz_fuzz_vhost_user_LDADD = libdev.a libbase.a
tests_fuzz_fuzz_vhost_user_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
EXTRA_DIST += tests/fuzz/corpus/fuse tests/fuzz/corpus/vdev_state tests/fuzz/corpus/vhost_user \
	tests/fuzz/corpus/vq_mmio tests/fuzz/corpus/vsock
