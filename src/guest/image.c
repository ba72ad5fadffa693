/* An image that is open: see image.h. */
#include "guest/image.h"

#include "base/fd.h"

void guest_image_done(struct guest_image *image)
{
	close_fd(&image->kernel_fd);
	close_fd(&image->initrd_fd);
	free(image->source);
	*image = (struct guest_image)GUEST_IMAGE_INIT;
}
