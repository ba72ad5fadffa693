bin_PROGRAMS += vmrun
vmrun_SOURCES = \
	src/cmd/check_elsewhere.c src/cmd/check_opts.h \
	src/cmd/cmd.h \
	src/cmd/create.c src/cmd/create_opts.h \
	src/cmd/delete.c \
	src/cmd/duration.c src/cmd/duration.h \
	src/cmd/events.c \
	src/cmd/exec.c \
	src/cmd/explain.c \
	src/cmd/features.c \
	src/cmd/kill.c \
	src/cmd/list.c \
	src/cmd/main.c \
	src/cmd/opt.c src/cmd/opt.h \
	src/cmd/passed_fds.c src/cmd/passed_fds.h \
	src/cmd/pause.c \
	src/cmd/print.h \
	src/cmd/ps.c \
	src/cmd/ps_columns.c src/cmd/ps_columns.h \
	src/cmd/ps_options.c src/cmd/ps_options.h \
	src/cmd/ps_print.c \
	src/cmd/run.c \
	src/cmd/signals.c src/cmd/signals.h \
	src/cmd/spec.c \
	src/cmd/start.c \
	src/cmd/state.c \
	src/cmd/table.c \
	src/cmd/update.c \
	src/cmd/why.c
vmrun_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
vmrun_LDADD = libcontainer.a libanchor.a libpod.a liboci.a libhost.a libvmm.a libguest.a librpc.a libapi.a libbase.a $(OCI_STATIC_LIBS)
vmrun_LDFLAGS = $(AM_LDFLAGS) $(STATIC_LDFLAGS)

# What needs libraries to look into kernels: not on the path of a start.
pkglibexec_PROGRAMS += vmrun-prepare
vmrun_prepare_SOURCES = \
	src/cmd/check.c src/cmd/check_opts.h \
	src/cmd/cmd.h \
	src/cmd/main.c \
	src/cmd/opt.c src/cmd/opt.h \
	src/cmd/passed_fds.c src/cmd/passed_fds.h \
	src/cmd/prepare.c \
	src/cmd/print.h
vmrun_prepare_CPPFLAGS = $(vmrun_CPPFLAGS)
vmrun_prepare_LDADD = libcontainer.a libanchor.a libpod.a liboci.a libhost.a libvmm.a libguestmake.a libguest.a librpc.a libapi.a \
	libbase.a $(OCI_LIBS) $(GUEST_LIBS)
