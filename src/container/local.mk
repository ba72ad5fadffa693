noinst_LIBRARIES += libcontainer.a
libcontainer_a_SOURCES = \
	src/container/container.c src/container/container.h \
	src/container/create.c \
	src/container/descriptors.c src/container/descriptors.h \
	src/container/events.c src/container/events.h \
	src/container/exec.c \
	src/container/fd_kind.c src/container/fd_kind.h \
	src/container/hooks.c src/container/hooks.h \
	src/container/idmap.c src/container/idmap.h \
	src/container/joins.c src/container/joins.h \
	src/container/overlay.c src/container/overlay.h \
	src/container/process.c src/container/process.h \
	src/container/processes.c \
	src/container/sd_notify.c src/container/sd_notify.h \
	src/container/seccomp_agent.c src/container/seccomp_agent.h \
	src/container/shares.c src/container/shares.h \
	src/container/state.c src/container/state.h \
	src/container/stats.c src/container/stats.h \
	src/container/stdio.c src/container/stdio.h \
	src/container/submounts.c src/container/submounts.h \
	src/container/userns.c src/container/userns.h \
	src/container/why.c src/container/why.h
libcontainer_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
