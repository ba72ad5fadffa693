noinst_LIBRARIES += libdev.a
libdev_a_SOURCES = \
	src/dev/console.c src/dev/console.h \
	src/dev/gmem.c src/dev/gmem.h \
	src/dev/mmio.c src/dev/mmio.h \
	src/dev/rng.c src/dev/rng.h \
	src/dev/vdev.c src/dev/vdev.h src/dev/vdev_state.c \
	src/dev/vhost_user.c src/dev/vhost_user.h \
	src/dev/vq.c src/dev/vq.h \
	src/dev/vsock/conn.c src/dev/vsock/conn.h \
	src/dev/vsock/device.c src/dev/vsock/device.h \
	src/dev/vsock/dial.c \
	src/dev/vsock/host.c src/dev/vsock/host.h \
	src/dev/vsock/packet.h src/dev/vsock/vsock.h
include $(srcdir)/src/dev/fs/local.mk
