/* The FUSE dialect: see notify_file.h. */
#include "proxy/notify_file.h"

#include "base/auto.h"

#include <string.h>
#include <sys/stat.h>

#define MINOR_SPOKEN 31 /* of protocol 7 */
/* The first version's; what came later is not asked for. */
#define INIT_IN_BYTES  16
#define REPLY_MAX      256
#define MAX_WRITE      4096
#define ATTR_FOREVER_S 3600

static const struct {
	uint32_t opcode;
	size_t len;
} arguments[] = {
	{ FUSE_INIT, INIT_IN_BYTES },
	{ FUSE_GETATTR, sizeof(struct fuse_getattr_in) },
	{ FUSE_OPEN, sizeof(struct fuse_open_in) },
	{ FUSE_IOCTL, sizeof(struct fuse_ioctl_in) },
	{ FUSE_POLL, sizeof(struct fuse_poll_in) },
	{ FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in) },
};

int notify_file_parse(const void *bytes, size_t len, struct notify_file_request *ret)
{
	struct fuse_in_header head;
	struct fuse_ioctl_in ioctl;

	if (len < sizeof(head))
		return -EPROTO;
	memcpy(&head, bytes, sizeof(head));
	if (head.len != len)
		return -EPROTO;
	*ret = (struct notify_file_request){
		.unique = head.unique,
		.opcode = head.opcode,
		.arg = (const char *)bytes + sizeof(head),
		.len = len - sizeof(head),
	};
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++)
		if (arguments[i].opcode == ret->opcode && ret->len < arguments[i].len)
			return -EPROTO;
	if (ret->opcode != FUSE_IOCTL)
		return 0;
	memcpy(&ioctl, ret->arg, sizeof(ioctl));
	return ioctl.in_size > ret->len - sizeof(ioctl) ? -EPROTO : 0;
}

int notify_file_ioctl_data(const struct notify_file_request *r, void *to, size_t len)
{
	struct fuse_ioctl_in in;

	memcpy(&in, r->arg, sizeof(in));
	if (in.in_size != len)
		return -EINVAL;
	memcpy(to, (const char *)r->arg + sizeof(in), len);
	return 0;
}

static void send_reply(int fuse, uint64_t unique, int error, const void *data, size_t len,
	const void *more, size_t n)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + len + n),
		.error = error,
		.unique = unique,
	};
	uint8_t bytes[REPLY_MAX];

	if (head.len > sizeof(bytes))
		return;
	memcpy(bytes, &head, sizeof(head));
	if (len)
		memcpy(bytes + sizeof(head), data, len);
	if (n)
		memcpy(bytes + sizeof(head) + len, more, n);
	(void)!write(fuse, bytes, head.len);
}

void notify_file_error(int fuse, uint64_t unique, int error)
{
	send_reply(fuse, unique, -error, NULL, 0, NULL, 0);
}

void notify_file_reply(int fuse, uint64_t unique, const void *data, size_t len)
{
	send_reply(fuse, unique, 0, data, len, NULL, 0);
}

void notify_file_ioctl_reply(int fuse, uint64_t unique, const void *data, size_t len)
{
	const struct fuse_ioctl_out out = { .result = 0 };

	send_reply(fuse, unique, 0, &out, sizeof(out), data, len);
}

void notify_file_wake(int fuse, uint64_t poll_handle)
{
	const struct fuse_notify_poll_wakeup_out out = { .kh = poll_handle };

	/* A message of ours has a code for its error, and answers nothing. */
	send_reply(fuse, 0, FUSE_NOTIFY_POLL, &out, sizeof(out), NULL, 0);
}

static void init(int fuse, const struct notify_file_request *r)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = MINOR_SPOKEN,
		.max_write = MAX_WRITE,
	};
	uint32_t version[2];

	memcpy(version, r->arg, sizeof(version));
	if (version[0] != FUSE_KERNEL_VERSION)
		notify_file_error(fuse, r->unique, EPROTO);
	else
		notify_file_reply(fuse, r->unique, &out, sizeof(out));
}

/* As the kernel's own, which has no name to be opened by. */
static void open_once(int fuse, const struct notify_file_request *r, bool *opened)
{
	const struct fuse_open_out out = { .open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE };

	if (*opened)
		notify_file_error(fuse, r->unique, ENXIO);
	else
		notify_file_reply(fuse, r->unique, &out, sizeof(out));
	*opened = true;
}

bool notify_file_answer(int fuse, const struct notify_file_request *r, bool *opened)
{
	const struct fuse_attr_out attr = {
		.attr_valid = ATTR_FOREVER_S,
		.attr = { .ino = FUSE_ROOT_ID, .mode = S_IFREG | 0600, .nlink = 1 },
	};

	switch (r->opcode) {
	case FUSE_INIT:
		init(fuse, r);
		return true;
	case FUSE_OPEN:
		open_once(fuse, r, opened);
		return true;
	case FUSE_GETATTR:
		notify_file_reply(fuse, r->unique, &attr, sizeof(attr));
		return true;
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_SETATTR:
		notify_file_error(fuse, r->unique, EINVAL);
		return true;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return true; /* nobody waits for an answer */
	default:
		return false;
	}
}
