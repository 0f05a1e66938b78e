# SPDX-License-Identifier: GPL-2.0
# Shared by check-debug, check-races and coverage: test programs for kernels on
# which everything takes several times as long.
# shellcheck shell=bash disable=SC2154 # top, cache: from common.sh

debug_build=$top/build/debug
# Used by those that source this file.
# shellcheck disable=SC2034
{
	coverage_data=$top/build/coverage/data
	jobs=-j$(nproc)
}

# The harness gives a test 30 seconds where it doesn't say otherwise.
patient_harness() {
	local dir=$debug_build/kselftest
	mkdir -p "$dir" &&
		sed 's/\(define TEST_TIMEOUT_DEFAULT\) 30$/\1 600/' \
			"$top/build/kselftest/kselftest_harness.h" >"$dir/new" &&
		grep -q 'TEST_TIMEOUT_DEFAULT 600' "$dir/new" &&
		{ cmp -s "$dir/new" "$dir/kselftest_harness.h" ||
			cp "$dir/new" "$dir/kselftest_harness.h"; } &&
		cp -L "$top/build/kselftest/kselftest.h" "$dir/"
}

patient_programs() {
	patient_harness || return
	# Programs look for the libraries beside their folder.
	make "$jobs" lib && ln -sfn ../userlib "$debug_build/userlib" &&
		make -C selftests "$jobs" O="$debug_build/selftests" \
			KHARNESS="$debug_build/kselftest" \
			LIBXSHM="$top/build/userlib/libxshm.a"
}
