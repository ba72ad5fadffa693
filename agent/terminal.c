/* Pseudo-terminals: see terminal.h. */
#include "agent/terminal.h"

#include "agent/mounts.h"
#include "base/auto.h"
#include "base/path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

/* What a container in which an exec takes place has put at /dev/pts/ptmx is its own business. */
static bool is_ptmx(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC && fstat(fd, &st) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2);
}

/* Lines end as the program ends them, with "\n" alone. */
static int keep_line_ends(int slave, struct err *err)
{
	struct termios mode;

	if (tcgetattr(slave, &mode) < 0)
		return err_sys(err, errno, "terminal");
	mode.c_oflag &= ~(tcflag_t)ONLCR;
	return tcsetattr(slave, TCSANOW, &mode) < 0 ? err_sys(err, errno, "terminal") : 0;
}

int terminal_open(int rootfd, const Vmrun__Agent__Stdio *spec, int *ret_master, int *ret_slave,
	struct err *err)
{
	struct winsize size = { .ws_row = (unsigned short)spec->rows,
		.ws_col = (unsigned short)spec->columns };
	AUTO_CLOSE int master =
		open_in_root(rootfd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
	AUTO_CLOSE int slave = -1;
	int r, unlock = 0;

	if (master < 0)
		return err_sys(err, -master, "terminal: /dev/pts/ptmx");
	if (!is_ptmx(master))
		return err_set(err, EINVAL, "terminal: /dev/pts/ptmx is not a devpts's");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(err, errno, "terminal");
	if (spec->rows && spec->columns && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(err, errno, "terminal: window size");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(err, errno, "terminal");
	r = spec->stdin ? keep_line_ends(slave, err) : 0;
	if (r < 0)
		return r;
	*ret_master = steal_fd(&master);
	*ret_slave = steal_fd(&slave);
	return 0;
}

int terminal_bind_console(int rootfd, int slave, struct err *err)
{
	AUTO_CLOSE int console = mountpoint_open(rootfd, "/dev/console", true);
	AUTO_CLOSE int mount = -1;
	int r;

	if (console < 0)
		return err_sys(err, -console, "/dev/console");
	mount = open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	r = mount < 0 ? -errno : mount_attach(mount, console);
	return r < 0 ? err_sys(err, -r, "/dev/console") : 0;
}
