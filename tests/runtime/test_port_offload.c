/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of offloads: each bit has one, and text and bits go into each other. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/port_offload.h"

START_TEST(names_and_bits)
{
	char text[CLEAT_OFFLOAD_TEXT_LEN];
	uint32_t out;

	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		const char *name = cleat_offload_name(bit);

		ck_assert_int_eq(name != NULL, (cleat_offload_known() & bit) != 0);
		if (name == NULL)
			continue;
		ck_assert_str_eq(cleat_offload_text(bit, text, sizeof(text)), name);
		ck_assert_int_eq(cleat_offload_parse(name, &out), 0);
		ck_assert_uint_eq(out, bit);
	}
	cleat_offload_text(UINT32_MAX, text, sizeof(text));
	ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
	ck_assert_int_eq(cleat_offload_parse(text, &out), 0);
	ck_assert_uint_eq(out, cleat_offload_known());
}
END_TEST

START_TEST(none_and_lists)
{
	char text[CLEAT_OFFLOAD_TEXT_LEN], small[8];
	uint32_t out = 7;

	ck_assert_str_eq(cleat_offload_text(0, text, sizeof(text)), "none");
	ck_assert_int_eq(cleat_offload_parse("none", &out), 0);
	ck_assert_uint_eq(out, 0);
	ck_assert_int_eq(cleat_offload_parse("tx-segments,rx-checksum,tx-segments", &out), 0);
	ck_assert_uint_eq(out, CLEAT_OFFLOAD_TX_SEGMENTS | CLEAT_OFFLOAD_RX_CHECKSUM);
	ck_assert_str_eq(cleat_offload_text(out, text, sizeof(text)), "rx-checksum,tx-segments");
	ck_assert_str_eq(cleat_offload_text(out, small, sizeof(small)), "rx-chec");
}
END_TEST

START_TEST(wrong_names_are_told)
{
	static const char *const WRONG[] = { "", ",", "rx-checksum,", "rx-check", "rx-checksums",
		"tx-checksum,none", "RX-RSS", "rx-checksum,,rx-rss" };
	uint32_t out;

	for (unsigned i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		ck_assert_msg(cleat_offload_parse(WRONG[i], &out) == -EINVAL, "'%s'", WRONG[i]);
		ck_assert_ptr_nonnull(strstr(cleat_error(), "rx-vlan-strip"));
	}
	ck_assert_int_eq(cleat_offload_parse("rx-rss,tso", &out), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "'tso' is no offload"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_offload");
	TCase *tc = tcase_create("port_offload");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, names_and_bits);
	tcase_add_test(tc, none_and_lists);
	tcase_add_test(tc, wrong_names_are_told);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
