/* vmrun features */
#include "oci/features.h"

#include "cmd/cmd.h"
#include "cmd/print.h"

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)rt;
	(void)v;
	(void)args;
	if (features_print(PACKAGE_VERSION, &b) < 0)
		return err_sys(err, ENOMEM, "features");
	return print_buf(&b, err);
}

const struct cmd cmd_features = {
	.name = "features",
	.arguments = "",
	.help = "print what is implemented, as the specification's JSON",
	.run = run,
};
