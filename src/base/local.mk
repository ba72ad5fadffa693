noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/auto.h \
	src/base/buf.c src/base/buf.h \
	src/base/capability.c src/base/capability.h \
	src/base/cgroup_undo.c src/base/cgroup_undo.h \
	src/base/clock.c src/base/clock.h \
	src/base/command.c src/base/command.h \
	src/base/err.c src/base/err.h \
	src/base/errno_names.c src/base/errno_names.h \
	src/base/fault.c src/base/fault.h \
	src/base/fd.c src/base/fd.h \
	src/base/id_map.c src/base/id_map.h \
	src/base/json_out.c src/base/json_out.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/loop.c src/base/loop.h \
	src/base/path.c src/base/path.h \
	src/base/pidref.c src/base/pidref.h \
	src/base/places.c src/base/places.h \
	src/base/program.c src/base/program.h \
	src/base/saved.c src/base/saved.h \
	src/base/shadow.h \
	src/base/steps.c src/base/steps.h \
	src/base/str.c src/base/str.h \
	src/base/thread.c src/base/thread.h \
	src/base/timeline.c src/base/timeline.h
