# Unit tests mirror the tree: tests/unit/test_<file>.c, one program each, run here by "make check".
if HAVE_CMOCKA
include $(srcdir)/tests/unit/local.mk
endif
if FUZZ
include $(srcdir)/tests/fuzz/local.mk
endif
