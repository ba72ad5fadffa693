/* The row about what this user may do: see facts.h. What create does about it: pod/rootless.h. */
#include "base/auto.h"
#include "base/capability.h"
#include "host/fact.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

/* In a child, since there is no way back. 0 or an errno; *ret_what: what could not be made. */
static int try_namespaces(const char **ret_what)
{
	enum { NO_USER = 1, NO_MOUNT };

	int status = 0, fds[2], code = 0;
	pid_t pid;

	*ret_what = "a process";
	if (pipe2(fds, O_CLOEXEC) < 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		int failed = unshare(CLONE_NEWUSER) < 0 ? NO_USER
			     : unshare(CLONE_NEWNS) < 0 ? NO_MOUNT
							: 0;

		code = failed ? errno : 0;
		_exit(write(fds[1], &code, sizeof(code)) == sizeof(code) ? failed : NO_USER);
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], &code, sizeof(code)) != sizeof(code))
		code = pid < 0 ? errno : EIO;
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_what = WEXITSTATUS(status) == NO_MOUNT ? "a mount namespace in a user namespace"
						    : "a user namespace";
	return code;
}

void fact_rights(const struct facts_env *env, struct fact *f)
{
	const char *what;
	int code;

	(void)env;
	if (capability_effective(CAP_SYS_ADMIN)) {
		fact_found(f, "CAP_SYS_ADMIN");
		return;
	}
	code = try_namespaces(&what);
	if (code == 0) {
		fact_found(f, "those of a user namespace, which is made for each container");
		return;
	}
	fact_found(f, "neither CAP_SYS_ADMIN nor %s: %s", what, strerror(code));
	fact_mend(f, FACT_FAIL,
		"run as root, or let users make namespaces: sysctl user.max_user_namespaces, "
		"kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns");
}
