/*
 * The guest-physical map of the machine, its ports and interrupts; addresses that many kernels boot
 * with elsewhere too.
 */
#pragma once

#include "vmm/sizes.h"

#define GPA_GDT		0x500ULL
#define GPA_IDT		0x520ULL
#define GPA_BOOT_PARAMS 0x7000ULL /* the zero page */
#define GPA_BOOT_STACK	0x8ff0ULL
#define GPA_PML4	0x9000ULL
#define GPA_PDPT	0xa000ULL
#define GPA_PD		0xb000ULL
#define GPA_CMDLINE	0x20000ULL
#define CMDLINE_MAX	0x10000ULL
#define GPA_ACPI	0x9fc00ULL /* all tables but the RSDP */
#define GPA_RSDP	0xe0000ULL
#define GPA_HIGH_RAM	0x100000ULL /* the kernel and everything after it */

/* Between these there is no RAM: devices, IOAPIC, LAPIC. */
#define GPA_HOLE       0xd0000000ULL
#define GPA_HOLE_END   0x100000000ULL

#define GPA_MMIO_SLOTS 0xd0000000ULL
#define GSI_FIRST_SLOT 5
#define GPA_IOAPIC     0xfec00000ULL
#define GPA_LAPIC      0xfee00000ULL
/* KVM's own, on Intel processors that cannot run real mode: a page, and three. */
#define GPA_IDENTITY_MAP 0xfffbc000ULL
#define GPA_TSS		 0xfffbd000ULL

/* One I/O port: write 1 to reset, 0x34 (S5 with the enable bit) to power off. */
#define PORT_POWER	  0x600
#define POWER_RESET	  0x01
#define POWER_OFF	  0x34
#define PORT_POWER_STATUS 0x601

/*
 * COM1, output only: its data register, which is the divisor's low byte while the line control says
 * so, and a line status that says "send".
 */
#define PORT_COM1      0x3f8
#define PORT_COM1_LCR  0x3fb
#define COM1_LCR_DLAB  0x80
#define PORT_COM1_LSR  0x3fd
#define COM1_LSR_EMPTY 0x60

/* Of a PC's other devices only the keyboard controller's reset line works. */
#define PORT_SPEAKER   0x61
#define PORT_I8042     0x64
#define I8042_RESET    0xfe
#define PORT_CMOS_DATA 0x71
