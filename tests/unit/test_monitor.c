/* Which monitor is chosen: every host that matters, and the answer that is kept for the boot. */
#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "host/monitor.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define FAST 1000000000
#define SLOW 4000000
#define QEMU "/usr/bin/qemu-system-x86_64"

/* Kinds of hosts. */
static const struct kvm_speed fast = { .rate = FAST };
static const struct kvm_speed crawls = { .rate = SLOW };
static const struct kvm_speed lacks = {
	.rate = FAST, .lacks = true, .why = "/dev/kvm: this KVM lacks the capability IRQFD"
};
static const struct kvm_speed crawls_and_lacks = {
	.rate = SLOW, .lacks = true, .why = "/dev/kvm: this KVM lacks the capability IRQFD"
};
static const struct kvm_speed absent = { .code = ENOENT, .why = "/dev/kvm: not there" };
static const struct kvm_speed forbidden = { .code = EACCES, .why = "/dev/kvm: not yours" };

static struct monitor_facts host(const struct kvm_speed *kvm, bool qemu)
{
	struct monitor_facts f = { .kvm = *kvm, .qemu = qemu ? strdup(QEMU) : NULL };

	if (!qemu)
		snprintf(f.qemu_why, sizeof(f.qemu_why), "no QEMU: apt install qemu-system-x86");
	return f;
}

static void each_host_has_its_monitor(void **state)
{
	static const struct {
		const char *hypervisor;
		const struct kvm_speed *kvm;
		bool qemu;
		enum monitor wanted;
		const char *reason;
	} cases[] = {
		{ "auto", &fast, true, MONITOR_KVM, NULL },
		{ "auto", &fast, false, MONITOR_KVM, NULL },
		{ "auto", &lacks, true, MONITOR_QEMU_KVM, "capability IRQFD" },
		{ "auto", &crawls, true, MONITOR_QEMU_TCG, "at 4.0 million instructions" },
		{ "auto", &crawls_and_lacks, true, MONITOR_QEMU_TCG, "at 4.0 million" },
		{ "auto", &absent, true, MONITOR_QEMU_TCG, "not there" },
		{ "auto", &forbidden, true, MONITOR_QEMU_TCG, "not yours" },
		{ "kvm", &fast, true, MONITOR_KVM, NULL },
		{ "kvm", &crawls, true, MONITOR_KVM, "at 4.0 million instructions" },
		{ "qemu", &fast, true, MONITOR_QEMU_KVM, NULL },
		{ "qemu", &lacks, true, MONITOR_QEMU_KVM, "capability IRQFD" },
		{ "qemu", &crawls, true, MONITOR_QEMU_TCG, "at 4.0 million instructions" },
		{ "qemu", &absent, true, MONITOR_QEMU_TCG, "not there" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(monitor_facts_done) struct monitor_facts f = host(cases[i].kvm, cases[i].qemu);
		AUTO(monitor_choice_done) struct monitor_choice c = MONITOR_CHOICE_INIT;
		struct err err = ERR_NONE;

		if (monitor_decide(cases[i].hypervisor, &f, &c, &err) < 0)
			fail_msg("case %zu: %s", i, err.msg);
		if (c.monitor != cases[i].wanted)
			fail_msg("case %zu: %s", i, monitor_name(c.monitor));
		if (c.monitor == MONITOR_KVM)
			assert_null(c.qemu);
		else
			assert_string_equal(c.qemu, QEMU);
		if (!cases[i].reason)
			assert_string_equal(c.reason, "");
		else if (!strstr(c.reason, cases[i].reason))
			fail_msg("case %zu: reason: %s", i, c.reason);
	}
}

static void what_cannot_be_is_explained(void **state)
{
	static const struct {
		const char *hypervisor;
		const struct kvm_speed *kvm;
		bool qemu;
		int code;
		const char *says, *and_says;
	} cases[] = {
		{ "auto", &absent, false, ENOENT, "/dev/kvm: not there", "apt install qemu" },
		{ "auto", &forbidden, false, EACCES, "/dev/kvm: not yours", "apt install qemu" },
		{ "auto", &crawls, false, ENODEV, "/dev/kvm only emulates", "apt install qemu" },
		{ "auto", &lacks, false, ENODEV, "capability IRQFD", "apt install qemu" },
		{ "kvm", &absent, true, ENOENT, "/dev/kvm: not there", "" },
		{ "kvm", &forbidden, true, EACCES, "/dev/kvm: not yours", "" },
		{ "kvm", &lacks, true, ENOSYS, "capability IRQFD", "\"qemu\"" },
		{ "qemu", &fast, false, ENOENT, "apt install qemu-system-x86", "" },
		{ "xen", &fast, true, EINVAL, "expected auto, kvm, qemu or qemu-tcg, got \"xen\"",
			"" },
		{ "", &fast, true, EINVAL, "expected auto, kvm, qemu or qemu-tcg", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(monitor_facts_done) struct monitor_facts f = host(cases[i].kvm, cases[i].qemu);
		struct monitor_choice c = MONITOR_CHOICE_INIT;
		struct err err = ERR_NONE;

		assert_int_equal(monitor_decide(cases[i].hypervisor, &f, &c, &err), -cases[i].code);
		if (!strstr(err.msg, cases[i].says) || !strstr(err.msg, cases[i].and_says) ||
			strchr(err.msg, '\n'))
			fail_msg("case %zu: %s", i, err.msg);
		assert_null(c.qemu);
	}
}

static void what_works_can_be_tried(void **state)
{
	static const struct {
		const struct kvm_speed *kvm;
		bool qemu, works[MONITOR_COUNT];
	} cases[] = {
		{ &fast, true, { true, true, true } },
		{ &fast, false, { true, false, false } },
		{ &lacks, true, { false, true, true } },
		{ &crawls, true, { false, false, true } },
		{ &crawls, false, { false, false, false } },
		{ &absent, true, { false, false, true } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(monitor_facts_done) struct monitor_facts f = host(cases[i].kvm, cases[i].qemu);

		for (enum monitor m = 0; m < MONITOR_COUNT; m++)
			assert_int_equal(monitor_works(m, &f), cases[i].works[m]);
	}
}

/* A probe that counts how often it is asked. */
static struct kvm_speed answer;
static unsigned asked;

static void probe(int kvm, struct kvm_speed *ret)
{
	assert_true(kvm >= 0);
	asked++;
	*ret = answer;
}

/* A cache folder, and a file that stands for the device. */
struct place {
	char dir[32], cache[48], entry[64], device[48];
	int kvm;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_monitor.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->cache, sizeof(p->cache), "%s/cache", p->dir);
	snprintf(p->entry, sizeof(p->entry), "%s/kvm-speed", p->cache);
	snprintf(p->device, sizeof(p->device), "%s/device", p->dir);
	p->kvm = open(p->device, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(p->kvm >= 0);
	answer = fast;
	asked = 0;
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	int r = remove_tree(AT_FDCWD, p->dir);

	close(p->kvm);
	free(p);
	return r;
}

/* Asks for the speed; returns whether the probe was needed for that. */
static bool probed(const struct place *p, const char *cache, const struct kvm_speed *wanted)
{
	unsigned before = asked;
	struct kvm_speed s = { .rate = 1 };

	monitor_probe_cached(p->kvm, cache, probe, &s);
	assert_int_equal(s.code, wanted->code);
	assert_int_equal(s.rate, wanted->rate);
	assert_int_equal(s.lacks, wanted->lacks);
	assert_string_equal(s.why, wanted->why);
	return asked != before;
}

static char *read_entry(const struct place *p, struct buf *b)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_read(AT_FDCWD, p->entry, 4096, b, &err), 0);
	assert_non_null(buf_str(b));
	return (char *)b->data;
}

static void write_entry(const struct place *p, const void *data, size_t len)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(AT_FDCWD, p->entry, data, len, 0600, &err), 0);
}

static void an_answer_is_kept(void **state)
{
	const struct kvm_speed *const kept[] = { &fast, &crawls, &lacks, &crawls_and_lacks };
	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct stat st;

		answer = *kept[i];
		assert_true(probed(p, p->cache, kept[i]));
		answer = absent;
		assert_false(probed(p, p->cache, kept[i]));
		assert_int_equal(stat(p->entry, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(unlink(p->entry), 0);
	}
}

static void a_refusal_is_not_kept(void **state)
{
	const struct place *p = *state;

	answer = (struct kvm_speed){ .code = EBUSY, .why = "/dev/kvm: KVM_CREATE_VM: busy" };
	assert_true(probed(p, p->cache, &answer));
	assert_true(probed(p, p->cache, &answer));
	assert_int_equal(access(p->entry, F_OK), -1);
	answer = fast;
	assert_true(probed(p, p->cache, &fast));
	assert_false(probed(p, p->cache, &fast));
}

static void another_boot_or_device_asks_again(void **state)
{
	const struct place *p = *state;
	AUTO(buf_done) struct buf b = { 0 };
	char *text;

	assert_true(probed(p, p->cache, &fast));
	text = strchr(read_entry(p, &b), '\n');
	assert_non_null(text);
	/* The second line begins with the boot's id. */
	text[1] = text[1] == 'a' ? 'b' : 'a';
	write_entry(p, b.data, b.len);
	answer = crawls;
	assert_true(probed(p, p->cache, &crawls));
	assert_false(probed(p, p->cache, &crawls));
	/* A device that is made anew, as when the module is loaded again, has another change time.
	 */
	assert_int_equal(chmod(p->device, 0640), 0);
	answer = fast;
	assert_true(probed(p, p->cache, &fast));
	assert_false(probed(p, p->cache, &fast));
}

static void damage_is_no_answer(void **state)
{
	const struct place *p = *state;
	AUTO(buf_done) struct buf good = { 0 };
	static const char *const tails[] = { "0\n", "-1\n", "x\n", "1000000000", "1000000000\nwhy",
		"1000000000\nwhy\nmore\n", "18446744073709551616\n", "\n", "" };
	size_t key;

	assert_true(probed(p, p->cache, &fast));
	read_entry(p, &good);
	key = good.len - strlen("1000000000\n");
	/* Cut anywhere. */
	for (size_t n = 0; n < good.len; n++) {
		write_entry(p, good.data, n);
		assert_true(probed(p, p->cache, &fast));
	}
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		AUTO(buf_done) struct buf b = { 0 };

		assert_int_equal(buf_append(&b, good.data, key), 0);
		assert_int_equal(buf_append_str(&b, tails[i]), 0);
		write_entry(p, b.data, b.len);
		assert_true(probed(p, p->cache, &fast));
	}
	/* A NUL, and more than any entry has. */
	assert_int_equal(buf_append(&good, "", 1), 0);
	write_entry(p, good.data, good.len);
	assert_true(probed(p, p->cache, &fast));
	while (good.len < 5000)
		assert_int_equal(buf_append_str(&good, "more\n"), 0);
	write_entry(p, good.data, good.len);
	assert_true(probed(p, p->cache, &fast));
	assert_false(probed(p, p->cache, &fast));
}

static void a_reason_that_fills_its_room(void **state)
{
	const struct place *p = *state;

	answer = lacks;
	memset(answer.why, 'x', sizeof(answer.why) - 1);
	assert_true(probed(p, p->cache, &answer));
	assert_false(probed(p, p->cache, &answer));
}

static void it_works_without_a_cache(void **state)
{
	const struct place *p = *state;
	char below[64];

	assert_true(probed(p, NULL, &fast));
	/* Where a folder cannot be, for root neither. */
	snprintf(below, sizeof(below), "%s/cache", p->device);
	assert_true(probed(p, below, &fast));
	assert_true(probed(p, below, &fast));
	assert_true(probed(p, "/proc/cache", &fast));
	/* Others can write there: nothing in it is believed, nothing is put there. */
	assert_int_equal(mkdir(p->cache, 0700), 0);
	assert_int_equal(chmod(p->cache, 0777), 0);
	assert_true(probed(p, p->cache, &fast));
	assert_int_equal(access(p->entry, F_OK), -1);
	/* An entry that is none. */
	assert_int_equal(chmod(p->cache, 0700), 0);
	assert_int_equal(mkdir(p->entry, 0700), 0);
	assert_true(probed(p, p->cache, &fast));
	assert_true(probed(p, p->cache, &fast));
}

static void this_host_has_an_answer(void **state)
{
	const struct place *p = *state;
	AUTO(monitor_facts_done) struct monitor_facts f = { 0 };
	AUTO(monitor_choice_done) struct monitor_choice c = MONITOR_CHOICE_INIT;
	struct err err = ERR_NONE;

	assert_int_equal(monitor_look("auto", p->cache, &f, &err), 0);
	assert_true(f.kvm.code || f.kvm.rate);
	assert_true(f.kvm.code == 0 || strstr(f.kvm.why, "/dev/kvm"));
	assert_true(f.qemu || strstr(f.qemu_why, "apt install"));
	if (monitor_choose("auto", "auto", p->cache, &c, &err) < 0)
		assert_non_null(strstr(err.msg, "/dev/kvm"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_host_has_its_monitor),
		cmocka_unit_test(what_cannot_be_is_explained),
		cmocka_unit_test(what_works_can_be_tried),
		TEST(an_answer_is_kept),
		TEST(a_refusal_is_not_kept),
		TEST(another_boot_or_device_asks_again),
		TEST(damage_is_no_answer),
		TEST(a_reason_that_fills_its_room),
		TEST(it_works_without_a_cache),
		TEST(this_host_has_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
