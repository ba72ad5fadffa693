/* An image for whoever boots one: see guest.h. Called by src/pod, in vmrun. */
#include "guest/guest.h"

#include "guest/prepare.h"
#include "guest/recipe.h"

int guest_image_open(const struct guest_options *options, struct guest_image *ret, struct err *err)
{
	int r = recipe_open(options, NULL, ret, err);

	if (r != -ENODATA)
		return r;
	err_clear(err);
	r = prepare_image(options, err);
	return r ? r : recipe_open(options, NULL, ret, err);
}
