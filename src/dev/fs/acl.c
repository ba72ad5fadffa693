/*
 * POSIX ACLs where the guest cannot enforce them. Linux's file systems for submounts lack the flag
 * that has its kernel look at ACLs (fuse_fill_super_submount() does not set SB_POSIXACL); it sees
 * mode bits only, and those of the group are the ACL's mask. acl(5) is the algorithm,
 * posix_acl_xattr.h the form.
 */
#include "base/auto.h"
#include "dev/fs/server.h"

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#define ENTRIES_MAX 256

/* What each class may be given: the least that anyone in it has. */
struct bounds {
	uint32_t group, mask, other, named_users, named_groups;
};

static void narrow(struct bounds *b, unsigned tag, uint32_t perm)
{
	switch (tag) {
	case ACL_USER:
		b->named_users &= perm;
		break;
	case ACL_GROUP:
		b->named_groups &= perm;
		break;
	case ACL_GROUP_OBJ:
		b->group = perm;
		break;
	case ACL_MASK:
		b->mask = perm;
		break;
	case ACL_OTHER:
		b->other = perm;
		break;
	default:
		break;
	}
}

uint32_t acl_narrow(const struct inode *inode, uint32_t mode)
{
	struct {
		struct posix_acl_xattr_header head;
		struct posix_acl_xattr_entry entry[ENTRIES_MAX];
	} acl;
	struct bounds b = { 7, 7, 7, 7, 7 };
	char number[FD_NAME_MAX];
	ssize_t n;

	if (inode->type == S_IFLNK)
		return mode;
	fd_name(inode->fd, number);
	n = getxattr(number, "system.posix_acl_access", &acl, sizeof(acl));
	if (n < 0)
		/* Too long to be looked at: for the owner only. */
		return errno == ERANGE ? mode & ~077U : mode;
	for (size_t i = 0; sizeof(acl.head) + (i + 1) * sizeof(acl.entry[0]) <= (size_t)n; i++)
		narrow(&b, acl.entry[i].e_tag, acl.entry[i].e_perm & 7U);
	b.named_users &= b.mask;
	b.group &= b.mask & b.named_users;
	b.other &= b.mask & b.named_users & b.named_groups;
	return (mode & ~077U) | b.group << 3 | b.other;
}
