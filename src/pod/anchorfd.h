/*
 * How vmrun starts vmrun-proxy: arguments and inherited descriptors, fixed numbers. Shared by
 * src/pod/anchor.c, which starts it, and shim/proxy, which is it.
 *
 *   vmrun-proxy CONTAINER PROCESS FLAGS DONE
 *
 * PROCESS is "" for the container's first process; FLAGS has a letter for each descriptor that is
 * there or thing to do; DONE is the number of descriptors from ANCHOR_FD_DONE on.
 *
 * On ANCHOR_FD_READY one byte says 'R': the process in the guest is tied to this one; or 'E' and
 * the text of an error.
 */
#pragma once

enum anchor_fd {
	ANCHOR_FD_READY = 3,
	ANCHOR_FD_AGENT = 4,
	ANCHOR_FD_CONTROL = 5,
	ANCHOR_FD_RECORD = 6,
	ANCHOR_FD_TTY = 7,
	ANCHOR_FD_DONE = 8,
};

#define ANCHOR_FLAG_STOP_POD 's' /* VMCTL_STOP on ANCHOR_FD_CONTROL at the end */
#define ANCHOR_FLAG_RECORD   'r' /* write "exit" into the directory ANCHOR_FD_RECORD */
#define ANCHOR_FLAG_TTY	     't' /* ANCHOR_FD_TTY is a terminal to follow */

#define ANCHOR_READY	     'R'
#define ANCHOR_ERROR	     'E'
