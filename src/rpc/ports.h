/* vsock addresses and API versions that host and guest must agree on. */
#pragma once

#define VSOCK_CID_HOST	2
#define VSOCK_CID_GUEST 3

/*
 * The agent dials host port READY as soon as it can serve; that connection carries the first RPC
 * session (the agent is the ttrpc server on it). Later sessions are dialled by the host to RPC.
 */
#define VSOCK_PORT_READY     1024 /* host side */
#define VSOCK_PORT_RPC	     1024 /* guest side */
#define VSOCK_PORT_STREAM    1025 /* guest side; a connection begins with a u64 stream token */
#define VSOCK_PORT_FORGET    1026 /* guest side; a connection asks to drop unused inodes, no more */
#define VSOCK_PORT_SIGNALLED 1027 /* guest side; see rpc/signalled.h */
/* Guest side; records of base/shadow.h, from the host only. */
#define VSOCK_PORT_SHARE_EVENTS 1028

/*
 * The agent refuses to be configured by a host of another MAJOR: raised when an older host would be
 * misunderstood. MINOR is raised with what is only added. A machine that runs is not configured
 * again, so what a newer host asks of an older agent must mean the same to it.
 *
 * 2.0: devices, links and rules are the request's alone; before, the agent added those of every
 * container.
 */
#define AGENT_API_MAJOR 2
#define AGENT_API_MINOR 0

/* virtio-fs tag of the pod's share device, and where the agent mounts it. */
#define SHARE_TAG      "vmrun"
#define SHARE_MOUNT    "/run/vmrun/shares"
#define SHARE_NAME_MAX 64
/*
 * The second one, of what is mounted into roots: the guest sees by st_dev where a root ends, and
 * `find -xdev` or `rm --one-file-system` stops there. Mounted when the first volume is.
 */
#define VOLUMES_TAG   "vmrun-volumes"
#define VOLUMES_MOUNT "/run/vmrun/volumes"
/*
 * Of the mounts' roots, two 64-bit numbers: since how many nanoseconds the guest was told nothing
 * that it may believe for a tick, and for how many it may still believe what is not true any more.
 */
#define SHARE_BELIEFS_XATTR "trusted.vmrun.beliefs"

/* Beyond the standard streams of a process. All of its streams may wait for it at once. */
#define DESCRIPTORS_MAX 48
/* The first of them. */
#define DESCRIPTOR_FIRST 3

/* Bytes of a datagram to a service manager. */
#define SD_NOTIFY_MAX 4096
