EXTRA_DIST += contrib/fetch-kernel contrib/install-packages contrib/packages contrib/quickstart \
	.ci/run .shellcheckrc tests/lab
