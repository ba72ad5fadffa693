noinst_LIBRARIES += libpod.a
libpod_a_SOURCES = \
	src/pod/anchor.c src/pod/anchor.h src/pod/anchorfd.h \
	src/pod/view.c src/pod/view.h
libpod_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
