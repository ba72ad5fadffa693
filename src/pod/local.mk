noinst_LIBRARIES += libpod.a
libpod_a_SOURCES = \
	src/pod/anchor.c src/pod/anchor.h src/pod/anchormsg.h \
	src/pod/boot.c src/pod/boot.h \
	src/pod/cgroup.c src/pod/cgroup.h \
	src/pod/cgroup_delegated.c \
	src/pod/cgroup_path.c \
	src/pod/conf.c src/pod/conf.h \
	src/pod/container.c src/pod/container.h \
	src/pod/create.c \
	src/pod/death.c src/pod/death.h \
	src/pod/descriptors.c src/pod/descriptors.h \
	src/pod/events.c src/pod/events.h \
	src/pod/exec.c \
	src/pod/fd_kind.c src/pod/fd_kind.h \
	src/pod/hooks.c src/pod/hooks.h \
	src/pod/idmap.c src/pod/idmap.h \
	src/pod/limits.c src/pod/limits.h \
	src/pod/notify.c src/pod/notify.h \
	src/pod/sd_notify.c src/pod/sd_notify.h \
	src/pod/processes.c \
	src/pod/pidref.c src/pod/pidref.h \
	src/pod/process.c src/pod/process.h \
	src/pod/processors.c src/pod/processors.h \
	src/pod/overlay.c src/pod/overlay.h \
	src/pod/resctrl.c src/pod/resctrl.h \
	src/pod/rootless.c src/pod/rootless.h \
	src/pod/share.c src/pod/share.h \
	src/pod/state.c src/pod/state.h \
	src/pod/stats.c src/pod/stats.h \
	src/pod/stdio.c src/pod/stdio.h \
	src/pod/submounts.c src/pod/submounts.h \
	src/pod/subids.c src/pod/subids.h \
	src/pod/timeline.c src/pod/timeline.h \
	src/pod/try.c src/pod/try.h \
	src/pod/userns.c src/pod/userns.h \
	src/pod/view.c src/pod/view.h \
	src/pod/vm_section.c src/pod/vm_section.h \
	src/pod/vmclient.c src/pod/vmclient.h \
	src/pod/why.c src/pod/why.h
libpod_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
