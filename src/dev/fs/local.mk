libdev_a_SOURCES += \
	src/dev/fs/acl.c \
	src/dev/fs/attr.c \
	src/dev/fs/binding.c src/dev/fs/binding.h \
	src/dev/fs/cache.c \
	src/dev/fs/cred.c \
	src/dev/fs/device.c \
	src/dev/fs/dir.c \
	src/dev/fs/export.c src/dev/fs/export.h \
	src/dev/fs/fs.h \
	src/dev/fs/handle.c src/dev/fs/handle.h \
	src/dev/fs/known.c src/dev/fs/known.h \
	src/dev/fs/inode.c src/dev/fs/inode.h \
	src/dev/fs/init.c \
	src/dev/fs/io.c \
	src/dev/fs/ioctl.c \
	src/dev/fs/lock.h \
	src/dev/fs/lock_ops.c \
	src/dev/fs/lock_own.h \
	src/dev/fs/lock_ranges.c src/dev/fs/lock_ranges.h \
	src/dev/fs/lock_table.c \
	src/dev/fs/lock_wait.c \
	src/dev/fs/lookup.c \
	src/dev/fs/names.c \
	src/dev/fs/notice.c src/dev/fs/notice.h \
	src/dev/fs/number.c src/dev/fs/number.h \
	src/dev/fs/ops.c \
	src/dev/fs/protocol.h \
	src/dev/fs/own.c src/dev/fs/own.h \
	src/dev/fs/own_request.c \
	src/dev/fs/server.h \
	src/dev/fs/shadow.c \
	src/dev/fs/stat.c src/dev/fs/stat.h \
	src/dev/fs/watch.c src/dev/fs/watch.h \
	src/dev/fs/xattr.c
