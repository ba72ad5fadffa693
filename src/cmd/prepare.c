/*
 * The commands of vmrun-prepare, the half of vmrun that looks into kernels and unpacks them:
 * "check" as in vmrun, and "image", which only vmrun calls.
 */
#include "guest/prepare.h"

#include "base/auto.h"
#include "cmd/cmd.h"
#include "guest/make.h"

#include <stdio.h>

static const char *option(const struct strv *args, enum prepare_arg i)
{
	return *args->v[i] ? args->v[i] : NULL;
}

/* What is wrong goes to stdout, for vmrun to say; see prepare.h. */
static int image(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	struct guest_options options = {
		.kernel = option(args, PREPARE_KERNEL),
		.modules = option(args, PREPARE_MODULES),
		.initrd = option(args, PREPARE_INITRD),
		.agent = args->v[PREPARE_AGENT],
		.cache_dir = args->v[PREPARE_CACHE],
		.pci = option(args, PREPARE_PCI),
	};
	AUTO(guest_image_done) struct guest_image made = GUEST_IMAGE_INIT;

	(void)rt;
	(void)v;
	if (guest_image_make(&options, &made, err) == 0)
		return 0;
	printf("%d %s", err->code, err->msg);
	return 1;
}

static const struct cmd cmd_image = {
	.name = "image",
	.arguments = "KERNEL MODULES INITRD AGENT CACHE PCI",
	.help = "make what a guest boots",
	.args_min = PREPARE_ARGS,
	.args_max = PREPARE_ARGS,
	.passes_arguments = true,
	.run = image,
};

const struct cmd *const commands[] = {
	&cmd_check,
	&cmd_image,
	NULL,
};
