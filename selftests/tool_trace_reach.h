/* SPDX-License-Identifier: GPL-2.0 */
/* Scenes of tool_trace: the device is hard to reach, or to hold. After its helpers. */
#ifndef SELFTESTS_XSHM_TOOL_TRACE_REACH_H
#define SELFTESTS_XSHM_TOOL_TRACE_REACH_H

#include <sys/resource.h>

/* Every descriptor that the limit allows is in use, and the limit stays what it is. */
static int full_table(void)
{
	struct rlimit limit = { 64, 4096 }, after;

	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	while (dup(0) >= 0)
		;
	CHECK(errno == EMFILE);
	CHECK(works() && works());
	CHECK(dup(0) == -1 && errno == EMFILE);
	CHECK(!getrlimit(RLIMIT_NOFILE, &after));
	CHECK(after.rlim_cur == 64 && after.rlim_max == 4096);
	/* A child has a table of its own, as full as this one. */
	pid_t pid = fork();

	if (!pid)
		_exit(!works());
	CHECK(exit_of(pid) == 0);
	return 0;
}

/* Where the hard limit leaves no room, there is none. */
static int full_for_good(void)
{
	struct rlimit limit = { 64, 64 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	while (dup(0) >= 0)
		;
	return fails_with(EMFILE);
}

/* Without /dev: what was opened before is there, for children as well. */
static int empty_root(void)
{
	char path[] = "/tmp/xshm-tool-trace-XXXXXX";
	pid_t pid;

	CHECK(mkdtemp(path) && !chroot(path) && !chdir("/"));
	CHECK(access("/dev/xshm", F_OK) == -1);
	CHECK(works());
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid)
			_exit(!works());
		_exit(exit_of(pid) || !works());
	}
	CHECK(exit_of(pid) == 0);
	return 0;
}

#endif
