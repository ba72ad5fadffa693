/* Why a guest has stopped. */
#pragma once

enum machine_end {
	MACHINE_POWER_OFF,
	MACHINE_RESET,	       /* a reboot, or a panic with panic=-1 */
	MACHINE_FAILED,	       /* KVM could not go on; the log says why */
	MACHINE_EMULATOR_DIED, /* QEMU has ended, and nobody had asked it to */
};
