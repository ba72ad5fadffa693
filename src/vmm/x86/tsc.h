/* The rate of this processor's time stamp counter. */
#pragma once

#include <stdint.h>

/*
 * Measures it against CLOCK_MONOTONIC for some 5 ms, in kHz. For guests of QEMU's TCG, whose
 * counter is the host's: they would measure it by an emulated PIT, and give up when that stutters.
 */
uint32_t tsc_measure_khz(void);
