# Opening images is for vmrun, making them for vmrun-prepare: only that needs libraries for it.
noinst_LIBRARIES += libguest.a libguestmake.a
libguest_a_SOURCES = \
	src/guest/cache.c src/guest/cache.h \
	src/guest/find.c src/guest/find.h \
	src/guest/guest.c src/guest/guest.h \
	src/guest/image.c src/guest/image.h \
	src/guest/prepare.c src/guest/prepare.h \
	src/guest/recipe.c src/guest/recipe.h

libguestmake_a_CPPFLAGS = $(AM_CPPFLAGS) $(KMOD_CFLAGS) $(ZLIB_CFLAGS) $(LZ4_CFLAGS) $(ZSTD_CFLAGS) \
	$(LZMA_CFLAGS)
libguestmake_a_SOURCES = \
	src/guest/cpio.c src/guest/cpio.h \
	src/guest/initramfs.c src/guest/initramfs.h \
	src/guest/kernel.c src/guest/kernel.h \
	src/guest/make.c src/guest/make.h \
	src/guest/modules.c src/guest/modules.h \
	src/guest/unpack.c src/guest/unpack.h

# What a program that links libguestmake.a needs besides.
GUEST_LIBS = $(KMOD_LIBS) $(ZLIB_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) $(LZMA_LIBS)
