/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and numbers that are wrong, users that may not, windows that are occupied. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/limits.h"
#include "runtime/mempool.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/ports.h"
#include "secondary/rings.h"
#include "secondary/threads.h"
#include "secondary/zones.h"
#include "tests/primary/bad.h"

#define TOO_LONG "a-name-of-thirty-two-characters!"

static const char *const BAD_NAMES[] = { TOO_LONG, "", "a/b", "a b", "tab\there", "\xc3\xa9" };

#define N_BAD (sizeof(BAD_NAMES) / sizeof(BAD_NAMES[0]))

static void attach(void)
{
	static char instance[CLEAT_NAME_LEN];
	struct cleat_attach_options options = { .instance = instance, .name = "asker" };

	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	ck_assert_msg(cleat_attach(&options, NULL) == 0, "%s", cleat_error());
}

/* @p got is refused with @p status and a sentence that holds @p part. */
static void refused(int got, int status, const char *part)
{
	const char *text = cleat_error();

	ck_assert_msg(got == status, "%d, not %d: %s", got, status, text);
	ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in: %s", part, text);
	ck_assert_msg(strchr(text, '\n') == NULL, "several lines: %s", text);
}

/* @p got is refused because of a bad name. */
static void refused_name(int got)
{
	ck_assert_msg(got == -EINVAL || got == -ENAMETOOLONG, "%d: %s", got, cleat_error());
	ck_assert_msg(strstr(cleat_error(), "name") != NULL ||
			      strstr(cleat_error(), "31 characters") != NULL,
		"%s", cleat_error());
}

/* ---- zones, rings, pools ---- */

START_TEST(zone_names)
{
	struct cleat_zone_request req = { .name = "z", .len_bytes = 4096, .node = CLEAT_NODE_ANY };
	struct child primary;

	bad_primary(&primary);
	attach();
	for (unsigned i = 0; i < N_BAD; i++) {
		req.name = BAD_NAMES[i];
		refused_name(cleat_ctl_zone_reserve(&req, NULL));
		ck_assert_int_lt(cleat_ctl_zone_free(BAD_NAMES[i]), 0);
	}
	req.name = "z";
	ck_assert_int_ge(cleat_ctl_zone_reserve(&req, NULL), 0);
	refused(cleat_ctl_zone_reserve(&req, NULL), -EEXIST, "z");
	refused(cleat_ctl_zone_free("nobody-made-it"), -ENOENT, "nobody-made-it");
	refused(cleat_ctl_zone_free("cleat.shared"), -EPERM, "primary");
	req.name = "cleat.mine";
	refused(cleat_ctl_zone_reserve(&req, NULL), -EINVAL, "are the primary's");
	req.name = "big";
	req.len_bytes = 1ULL << 40;
	refused(cleat_ctl_zone_reserve(&req, NULL), -EINVAL, "cannot be served");
	req.len_bytes = 1ULL << 30;
	refused(cleat_ctl_zone_reserve(&req, NULL), -ENOSPC, "largest free block");
	req.len_bytes = UINT64_MAX;
	ck_assert_int_lt(cleat_ctl_zone_reserve(&req, NULL), 0);
	req.len_bytes = 64;
	req.align = 3;
	refused(cleat_ctl_zone_reserve(&req, NULL), -EINVAL, "power of two");
	cleat_detach();
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(ring_names)
{
	struct cleat_ring ring;
	struct child primary;

	bad_primary(&primary);
	attach();
	for (unsigned i = 0; i < N_BAD; i++) {
		refused_name(cleat_ctl_ring_create(BAD_NAMES[i], 64, CLEAT_RING_MPMC, 0));
		ck_assert_int_lt(cleat_ctl_ring_open(BAD_NAMES[i], CLEAT_RING_BOTH, &ring), 0);
		ck_assert_int_lt(cleat_ctl_ring_free(BAD_NAMES[i]), 0);
	}
	ck_assert_int_ge(cleat_ctl_ring_create("r", 64, CLEAT_RING_MPMC, 0), 0);
	refused(cleat_ctl_ring_create("r", 64, CLEAT_RING_MPMC, 0), -EEXIST, "r");
	refused(cleat_ctl_ring_create("r", 128, CLEAT_RING_MPMC, 1), -EEXIST, "r");
	refused(cleat_ctl_ring_open("unknown", CLEAT_RING_BOTH, &ring), -ENOENT, "unknown");
	refused(cleat_ctl_ring_free("unknown"), -ENOENT, "unknown");
	refused(cleat_ctl_ring_create("three", 3, CLEAT_RING_MPMC, 0), -EINVAL, "three");
	refused(cleat_ctl_ring_create("huge", 1U << 31, CLEAT_RING_MPMC, 0), -EINVAL, "huge");
	refused(cleat_ctl_ring_create("mode", 64, (enum cleat_ring_mode)99, 0), -EINVAL, "mode");
	ck_assert_int_lt(cleat_ctl_ring_open("r", (enum cleat_ring_end)77, &ring), 0);
	cleat_detach();
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(pool_names)
{
	struct cleat_pool_request req = { .count = 64, .node = -1 };
	struct child primary;

	bad_primary(&primary);
	attach();
	for (unsigned i = 0; i < N_BAD; i++) {
		req.name = BAD_NAMES[i];
		refused_name(cleat_ctl_pool_create(&req));
		ck_assert_int_lt(cleat_ctl_pool_free(BAD_NAMES[i]), 0);
	}
	req.name = "default";
	refused(cleat_ctl_pool_create(&req), -EEXIST, "default");
	refused(cleat_ctl_pool_free("default"), -EPERM, "primary");
	refused(cleat_ctl_pool_free("unknown"), -ENOENT, "unknown");
	req.name = "p";
	req.count = 0;
	ck_assert_int_eq(cleat_ctl_pool_create(&req), -EINVAL);
	req.count = 500000;
	refused(cleat_ctl_pool_create(&req), -ENOSPC, "500000 mbufs");
	req.count = UINT32_MAX;
	ck_assert_int_lt(cleat_ctl_pool_create(&req), 0);
	req.count = 64;
	req.cache_handles = 100000;
	ck_assert_int_eq(cleat_ctl_pool_create(&req), -EINVAL);
	req.cache_handles = 0;
	req.data_bytes = UINT32_MAX;
	ck_assert_int_eq(cleat_ctl_pool_create(&req), -EINVAL);
	cleat_detach();
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(numbers_of_ports_queues_lcores_threads)
{
	static const uint8_t MULTICAST[6] = { 1, 0, 0x5e, 0, 0, 1 };
	struct child primary;

	bad_primary(&primary);
	attach();
	refused(cleat_ctl_queue_claim(9, CLEAT_RX, 0), -ENODEV, "port 9");
	refused(cleat_ctl_queue_claim(65535, CLEAT_RX, 0), -ENODEV, "port 65535");
	ck_assert_int_lt(cleat_ctl_queue_claim(0, CLEAT_RX, 15), 0);
	ck_assert_int_lt(cleat_ctl_queue_claim(0, CLEAT_RX, 60000), 0);
	ck_assert_int_lt(cleat_ctl_queue_release(0, CLEAT_TX, 0), 0);
	refused(cleat_ctl_port_configure(7, 1, 1, 0), -ENODEV, "port 7");
	ck_assert_int_lt(cleat_ctl_port_configure(0, 5000, 1, 0), 0);
	refused(cleat_ctl_port_start(63), -ENODEV, "port 63");
	refused(cleat_ctl_port_stop(64), -ENODEV, "port 64");
	ck_assert_int_lt(cleat_ctl_port_mtu(0, 1), 0);
	ck_assert_int_lt(cleat_ctl_port_mtu(0, 1000000), 0);
	ck_assert_int_lt(cleat_ctl_port_mac(0, MULTICAST), 0);
	ck_assert_int_lt(cleat_ctl_queue_setup(0, CLEAT_RX, 0, 0, "no-such-pool"), 0);
	refused(cleat_port_find("net_nosuch", NULL), -ENODEV, "net_null0");
	cleat_detach();
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- who may ---- */

START_TEST(another_user_is_refused)
{
	struct child primary, worker;

	if (geteuid() != 0)
		return; /* main() says so */
	bad_primary(&primary);
	child_start_as_nobody(
		&worker, "cleat-rxtx", "--instance", test_instance(), "--attach-only", NULL);
	ck_assert_int_eq(child_wait(&worker, 5000), 3);
	bad_expect_sentence(&worker, "--allow-user");
	child_end(&worker);
	bad_expect_log(&primary, "user nobody");
	child_start_as_nobody(&worker, "cleat", "ps", "--instance", test_instance(), NULL);
	ck_assert_int_ne(child_wait(&worker, 5000), 0);
	bad_expect_sentence(&worker, "--allow-user");
	child_end(&worker);
	bad_still_well(&primary);
	primary_stop(&primary);
	bad_primary_with(&primary, "--no-huge", "--allow-user=nobody");
	child_start_as_nobody(
		&worker, "cleat-rxtx", "--instance", test_instance(), "--attach-only", NULL);
	ck_assert_msg(child_wait(&worker, 5000) == 0, "%s", child_err(&worker));
	child_end(&worker);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* Devices name files of the primary: only its own user may. */
static void plug_as_nobody(const void *arg)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__DeviceAttach m = CLEAT__DEVICE_ATTACH__INIT;
	char args[] = "net_pcap1,rx_pcap=/etc/shadow";
	const char *detail;
	int sock;

	(void)arg;
	ck_assert_int_eq(setresgid(65534, 65534, 65534) | setresuid(65534, 65534, 65534), 0);
	sock = bad_attach("plugger", CLEAT__ROLE__ROLE_SECONDARY);
	env.body_case = CLEAT__ENVELOPE__BODY_DEVICE_ATTACH;
	env.device_attach = &m;
	m.args = args;
	ck_assert_int_eq(bad_request(sock, &env, &detail), -EPERM);
	ck_assert_ptr_nonnull(strstr(detail, "may change devices"));
}

START_TEST(another_user_may_not_change_devices)
{
	struct child primary;

	if (geteuid() != 0)
		return; /* main() says so */
	bad_primary_with(&primary, "--no-huge", "--allow-user=nobody");
	bad_child(plug_as_nobody, NULL);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- the window ---- */

START_TEST(occupied_window)
{
	struct cleat_attach_options options = { .instance = test_instance(), .name = "blocked" };
	struct child primary;
	int fds;
	void *at;

	bad_primary(&primary);
	at = mmap((void *)CLEAT_WINDOW_BASE_DEFAULT, 4096, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	fds = fd_count();
	refused(cleat_attach(&options, NULL), -EEXIST, "200000000000-200000001000");
	ck_assert_int_eq(fd_count(), fds);
	bad_expect_log(&primary, "gave up: ");
	bad_expect_log(&primary, "200000000000-200000001000");
	bad_still_well(&primary);
	(void)munmap(at, 4096);
	ck_assert_int_eq(cleat_attach(&options, NULL), 0);
	cleat_detach();
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { zone_names, ring_names, pool_names,
		numbers_of_ports_queues_lcores_threads, another_user_is_refused,
		another_user_may_not_change_devices, occupied_window };

	return code_where_root_is_needed(
		bad_run("primary/names", TESTS, sizeof(TESTS) / sizeof(TESTS[0]), 60));
}
