/* ACPI tables and their AML, written by code: see acpi.h. Tables are little endian, as we are. */
#include "vmm/x86/acpi.h"

#include "base/buf.h"
#include "vmm/x86/layout.h"

#include <string.h>

#define HEADER_LEN	  36
#define FADT_LEN	  276
#define FADT_HW_REDUCED	  (1U << 20)
#define FADT_RESET_REG	  (1U << 10)
#define FADT_PWR_BUTTON	  (1U << 4)
#define FADT_SLP_BUTTON	  (1U << 5)
#define BOOT_ARCH_NO_VGA  (1U << 2)
#define BOOT_ARCH_NO_CMOS (1U << 5) /* or the guest polls for a clock for half a second */

static uint8_t checksum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static void put(uint8_t *table, size_t offset, uint64_t value, size_t len)
{
	memcpy(table + offset, &value, len);
}

/* The common header; length and checksum are set by seal(). */
static int begin(struct buf *b, const char signature[4], uint8_t revision)
{
	uint8_t h[HEADER_LEN] = { 0 };

	memcpy(h, signature, 4);
	h[8] = revision;
	memcpy(h + 10, "VMRUN ", 6);
	memcpy(h + 16, "VMRUNVM ", 8);
	put(h, 24, 1, 4);
	memcpy(h + 28, "VMRN", 4);
	put(h, 32, 1, 4);
	return buf_append(b, h, sizeof(h));
}

static void seal(struct buf *b)
{
	put(b->data, 4, b->len, 4);
	b->data[9] = 0;
	b->data[9] = checksum(b->data, b->len);
}

/* A generic address structure for an 8-bit I/O port. */
static void put_port(uint8_t *table, size_t offset, uint16_t port)
{
	table[offset] = 1;     /* system I/O */
	table[offset + 1] = 8; /* bits */
	table[offset + 2] = 0;
	table[offset + 3] = 1; /* byte access */
	put(table, offset + 4, port, 8);
}

static int fadt(struct buf *b, uint64_t dsdt)
{
	uint8_t rest[FADT_LEN - HEADER_LEN] = { 0 };
	int r = begin(b, "FACP", 6);

	if (r == 0)
		r = buf_append(b, rest, sizeof(rest));
	if (r < 0)
		return r;
	put(b->data, 109, BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_CMOS, 2);
	put(b->data, 112, FADT_HW_REDUCED | FADT_RESET_REG | FADT_PWR_BUTTON | FADT_SLP_BUTTON, 4);
	put_port(b->data, 116, PORT_POWER);
	b->data[128] = POWER_RESET;
	b->data[131] = 4; /* minor version */
	put(b->data, 140, dsdt, 8);
	put_port(b->data, 244, PORT_POWER);
	put_port(b->data, 256, PORT_POWER_STATUS);
	memcpy(b->data + 268, "VMRUN", 5);
	seal(b);
	return 0;
}

static int madt(struct buf *b, unsigned vcpus)
{
	uint8_t fixed[8] = { 0 }, ioapic[12] = { 1, 12 };
	int r = begin(b, "APIC", 5);

	put(fixed, 0, GPA_LAPIC, 4);
	put(ioapic, 4, GPA_IOAPIC, 4);
	if (r == 0)
		r = buf_append(b, fixed, sizeof(fixed));
	if (r == 0)
		r = buf_append(b, ioapic, sizeof(ioapic));
	for (unsigned i = 0; r == 0 && i < vcpus; i++) {
		uint8_t lapic[8] = { 0, 8, (uint8_t)i, (uint8_t)i, 1 };

		r = buf_append(b, lapic, sizeof(lapic));
	}
	if (r == 0)
		seal(b);
	return r;
}

/*
 * AML (ACPI 6.4, chapter 20). A package is written into a buffer of its own and then put behind its
 * opcode and length, whose encoding depends on the length of what follows.
 */
static int aml_package(struct buf *out, const void *op, size_t op_len, const struct buf *body)
{
	size_t n = body->len;
	uint8_t len[3];
	size_t len_bytes;
	int r;

	if (n + 1 < 0x40) {
		len_bytes = 1;
		len[0] = (uint8_t)(n + 1);
	} else if (n + 2 < 0x1000) {
		len_bytes = 2;
		len[0] = (uint8_t)(0x40 | ((n + 2) & 0xf));
		len[1] = (uint8_t)((n + 2) >> 4);
	} else {
		len_bytes = 3;
		len[0] = (uint8_t)(0x80 | ((n + 3) & 0xf));
		len[1] = (uint8_t)((n + 3) >> 4);
		len[2] = (uint8_t)((n + 3) >> 12);
	}
	r = buf_append(out, op, op_len);
	if (r == 0)
		r = buf_append(out, len, len_bytes);
	return r ? r : buf_append(out, body->data, body->len);
}

/* Name (\xxxx, byte): as One, or with a byte prefix. */
static int aml_name_byte(struct buf *b, const char name[4], uint8_t value)
{
	uint8_t code[7] = { 0x08, (uint8_t)name[0], (uint8_t)name[1], (uint8_t)name[2],
		(uint8_t)name[3], 0x0a, value };

	return buf_append(b, code, sizeof(code));
}

/* Device (VRnn): a virtio-mmio slot with its registers and an edge-triggered interrupt. */
static int aml_slot(struct buf *scope, unsigned slot)
{
	static const char digits[] = "0123456789ABCDEF";
	static const uint8_t device_op[] = { 0x5b, 0x82 };
	AUTO(buf_done) struct buf body = { 0 };
	char name[4] = { 'V', 'R', '0', digits[slot & 15] };
	uint8_t crs[] = {
		0x08,
		'_',
		'C',
		'R',
		'S',
		0x11,
		0x1a,
		0x0a,
		0x17, /* Name, Buffer of 23 bytes */
		0x86,
		0x09,
		0x00,
		0x01,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* Memory32Fixed, ReadWrite */
		0x89,
		0x06,
		0x00,
		0x03,
		0x01,
		0,
		0,
		0,
		0, /* Interrupt: consumer, edge, high */
		0x79,
		0x00,
	};
	int r;

	put(crs, 13, GPA_MMIO_SLOTS + slot * PAGE_BYTES, 4);
	put(crs, 17, PAGE_BYTES, 4);
	put(crs, 26, GSI_FIRST_SLOT + slot, 4);
	r = buf_append(&body, name, sizeof(name));
	if (r == 0)
		r = buf_append(&body, "\x08_HID\x0dLNRO0005", 15);
	if (r == 0)
		r = aml_name_byte(&body, "_UID", (uint8_t)slot);
	if (r == 0)
		r = aml_name_byte(&body, "_CCA", 1);
	if (r == 0)
		r = buf_append(&body, crs, sizeof(crs));
	return r ? r : aml_package(scope, device_op, sizeof(device_op), &body);
}

static int dsdt(struct buf *b, unsigned slots)
{
	/* Name (\_S5_, Package (4) { 5, 0, 0, 0 }) */
	static const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x07, 0x04, 0x0a, 0x05, 0, 0,
		0 };
	static const uint8_t scope_op[] = { 0x10 };
	AUTO(buf_done) struct buf scope = { 0 };
	int r = begin(b, "DSDT", 2);

	if (r == 0)
		r = buf_append(&scope, "_SB_", 4);
	for (unsigned i = 0; r == 0 && i < slots; i++)
		r = aml_slot(&scope, i);
	if (r == 0)
		r = aml_package(b, scope_op, sizeof(scope_op), &scope);
	if (r == 0)
		r = buf_append(b, s5, sizeof(s5));
	if (r == 0)
		seal(b);
	return r;
}

static int xsdt(struct buf *b, const uint64_t *tables, size_t n)
{
	int r = begin(b, "XSDT", 1);

	if (r == 0)
		r = buf_append(b, tables, n * sizeof(*tables));
	if (r == 0)
		seal(b);
	return r;
}

/* Copies a finished table to *gpa and moves *gpa behind it; the buffer is empty afterwards. */
static int place(const struct gmem *gm, struct buf *b, uint64_t *gpa, uint64_t *ret_at)
{
	int r = *gpa + b->len > GPA_RSDP ? -E2BIG : gm_write(gm, *gpa, b->data, b->len);

	*ret_at = *gpa;
	*gpa = (*gpa + b->len + 15) & ~15ULL;
	b->len = 0;
	return r;
}

static int write_rsdp(const struct gmem *gm, uint64_t xsdt_gpa)
{
	uint8_t rsdp[36] = { 0 };

	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "VMRUN ", 6);
	rsdp[15] = 2;
	put(rsdp, 20, sizeof(rsdp), 4);
	put(rsdp, 24, xsdt_gpa, 8);
	rsdp[8] = checksum(rsdp, 20);
	rsdp[32] = checksum(rsdp, sizeof(rsdp));
	return gm_write(gm, GPA_RSDP, rsdp, sizeof(rsdp));
}

int acpi_write(const struct gmem *gm, unsigned vcpus, unsigned slots, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	uint64_t gpa = GPA_ACPI, at, tables[2], xsdt_gpa;
	int r = dsdt(&b, slots);

	if (r == 0)
		r = place(gm, &b, &gpa, &at);
	if (r == 0)
		r = fadt(&b, at);
	if (r == 0)
		r = place(gm, &b, &gpa, &tables[0]);
	if (r == 0)
		r = madt(&b, vcpus);
	if (r == 0)
		r = place(gm, &b, &gpa, &tables[1]);
	if (r == 0)
		r = xsdt(&b, tables, 2);
	if (r == 0)
		r = place(gm, &b, &gpa, &xsdt_gpa);
	if (r == 0)
		r = write_rsdp(gm, xsdt_gpa);
	return r < 0 ? err_sys(err, -r, "cannot write the ACPI tables") : 0;
}
