/* The probe of /dev/kvm: on this host's, whatever it is, and on what is no KVM at all. */
#include "base/auto.h"
#include "host/kvm_loop.h"
#include "host/kvm_speed.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void this_hosts_kvm_has_a_speed(void **state)
{
	struct err err = ERR_NONE;
	AUTO_CLOSE int kvm = kvm_device_open(&err);
	struct kvm_speed s;
	int64_t begin = now_ms();

	(void)state;
	if (kvm < 0) {
		assert_non_null(strstr(err.msg, "/dev/kvm: "));
		skip();
	}
	kvm_speed_probe(kvm, &s);
	assert_true(now_ms() - begin < 20000);
	if (s.code) {
		assert_int_equal(s.rate, 0);
		assert_non_null(strstr(s.why, "/dev/kvm: "));
	} else {
		assert_true(s.rate > 1000);
		assert_int_equal(kvm_crawls(&s), !kvm_is_fast(&s));
	}
	/* No child is left, but for one that has been killed and whose VM takes its time to go. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(errno, ECHILD);
}

static void no_kvm_is_no_speed(void **state)
{
	AUTO_CLOSE int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct kvm_speed s;

	(void)state;
	assert_true(fd >= 0);
	kvm_speed_probe(fd, &s);
	assert_int_equal(s.code, ENOTTY);
	assert_string_equal(s.why, "/dev/kvm: KVM_GET_API_VERSION: Inappropriate ioctl for device");
	assert_false(kvm_crawls(&s));
	assert_false(kvm_is_fast(&s));
}

static void the_loop_says_where_it_failed(void **state)
{
	AUTO_CLOSE int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct kvm_loop_result result;

	(void)state;
	kvm_loop_measure(fd, KVM_CRAWL_RATE, &result);
	assert_int_equal(result.code, ENOTTY);
	assert_string_equal(kvm_loop_step_name(result.step), "KVM_CREATE_VM");
	assert_string_equal(kvm_loop_step_name(KVM_LOOP_NONE), "?");
	assert_string_equal(kvm_loop_step_name(KVM_LOOP_STEPS), "?");
	for (uint32_t i = KVM_LOOP_CREATE_VM; i < KVM_LOOP_STEPS; i++)
		assert_string_not_equal(kvm_loop_step_name(i), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_hosts_kvm_has_a_speed),
		cmocka_unit_test(no_kvm_is_no_speed),
		cmocka_unit_test(the_loop_says_where_it_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
