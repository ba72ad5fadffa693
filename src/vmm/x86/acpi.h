/*
 * The ACPI tables of a hardware-reduced machine (ACPI 6.4, sections 5.2 and 4.1): RSDP, XSDT, FADT,
 * MADT and a DSDT with one LNRO0005 device per virtio-mmio slot, \_S5 and a power port.
 */
#pragma once

#include "base/err.h"
#include "dev/gmem.h"

/* Writes the tables to GPA_ACPI and GPA_RSDP for `vcpus` processors and `slots` mmio slots. */
int acpi_write(const struct gmem *gm, unsigned vcpus, unsigned slots, struct err *err) CHECKED;
