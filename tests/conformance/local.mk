# A program that suites run on.
noinst_PROGRAMS += tests/conformance/serve
tests_conformance_serve_SOURCES = tests/conformance/serve.c src/vm/jail.c src/vm/jail.h
tests_conformance_serve_LDADD = libdev.a libbase.a
