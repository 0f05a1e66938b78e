// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm mk: make a segment. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "tool.h"

enum { OPT_HUGE = 256, OPT_SMALL, OPT_HUGETLB, OPT_TRY_HUGETLB, OPT_POPULATE, OPT_NORESERVE };

static const struct option options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "mode", required_argument, NULL, 'p' },
	{ "size", required_argument, NULL, 'M' },
	{ "huge", no_argument, NULL, OPT_HUGE },
	{ "small", no_argument, NULL, OPT_SMALL },
	{ "hugetlb", optional_argument, NULL, OPT_HUGETLB },
	{ "try-hugetlb", optional_argument, NULL, OPT_TRY_HUGETLB },
	{ "populate", no_argument, NULL, OPT_POPULATE },
	{ "noreserve", no_argument, NULL, OPT_NORESERVE },
	{}
};

/* The bits of shmflg that ask for a page size; -1 if it is none. */
int page_size_bits(const char *text, unsigned int *bits)
{
	uint64_t bytes;

	*bits = 0;
	if (!text)
		return 0;
	if (parse_size(text, &bytes) || bytes < 4096 || bytes & (bytes - 1))
		return -1;
	*bits = (unsigned int)__builtin_ctzll(bytes) << XSHM_HUGE_SHIFT;
	return 0;
}

/* Which of the limits it was that said ENOSPC. */
static void explain_nospace(int fd, uint64_t bytes)
{
	struct segments segments = {};
	uint64_t page = sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page;

	if (segments_load(fd, &segments))
		return;
	if ((uint64_t)segments.usage.used_ids >= segments.limits.shmmni)
		complain("shmmni of %llu reached: xshm rm --orphans, or sysctl %s.shmmni=N",
			 (unsigned long long)segments.limits.shmmni, limits_home("shmmni"));
	else if (segments.usage.shm_tot + pages > segments.limits.shmall)
		complain("shmall of %llu pages reached: xshm rm --orphans, or sysctl %s.shmall=N",
			 (unsigned long long)segments.limits.shmall, limits_home("shmall"));
	else
		complain("the limit of this user is reached: xshm rm --orphans, or sysctl "
			 "xshm.user_segments and xshm.user_bytes");
	free(segments.ds);
}

static void explain(int fd, int err, const struct xshm_get *get)
{
	struct segments segments = {};

	switch (err) {
	case EEXIST:
		complain("the key 0x%08x is taken: see xshm stat --key 0x%x",
			 (unsigned int)get->key, (unsigned int)get->key);
		return;
	case ENOSPC:
		explain_nospace(fd, get->bytes);
		return;
	case ENOMEM:
		complain("not enough memory%s", get->shmflg & XSHM_HUGETLB ?
			 ": the pool has too few free huge pages, see sysctl vm.nr_hugepages" :
			 " can be promised: --noreserve makes it without a promise");
		return;
	case EPERM:
		complain("no permission for hugetlb pages: run as root, or be in the group "
			 "that sysctl xshm.hugetlb_shm_group names");
		return;
	case EINVAL:
		if (!segments_load(fd, &segments) && get->bytes > segments.limits.shmmax)
			complain("more than shmmax of %llu bytes: sysctl %s.shmmax=N",
				 (unsigned long long)segments.limits.shmmax,
				 limits_home("shmmax"));
		else if (!get->bytes)
			complain("a segment can't be empty");
		else if (get->shmflg >> XSHM_HUGE_SHIFT)
			complain("this machine has no huge pages of that size: see "
				 "/sys/kernel/mm/hugepages");
		else
			complain("a size of %llu bytes is out of range",
				 (unsigned long long)get->bytes);
		free(segments.ds);
		return;
	}
	complain("can't make the segment: %s", strerror(err));
}

int cmd_mk(int argc, char **argv)
{
	struct xshm_get get = { .size = sizeof(get), .shmflg = XSHM_CREAT | XSHM_EXCL };
	const char *size = NULL;
	unsigned int bits = 0;
	uint64_t bytes, mode = 0644;
	int opt, fd, id;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":k:p:m:M:", options, NULL)) != -1) {
		switch (opt) {
		case 'k':
			if (parse_key(optarg, &get.key))
				return usage_error("mk", "'%s' %s", optarg, key_error(optarg));
			break;
		case 'p':
		case 'm':
			if (parse_octal(optarg, 0777, &mode))
				return usage_error("mk", "'%s' is no mode (0 to 0777)", optarg);
			break;
		case 'M':
			size = optarg;
			break;
		case OPT_HUGE:
			get.options |= XSHM_GET_HUGE;
			break;
		case OPT_SMALL:
			get.options |= XSHM_GET_SMALL;
			break;
		case OPT_HUGETLB:
		case OPT_TRY_HUGETLB:
			if (page_size_bits(optarg, &bits))
				return usage_error("mk", "'%s' is no page size", optarg);
			if (opt == OPT_HUGETLB)
				get.shmflg |= XSHM_HUGETLB;
			else
				get.options |= XSHM_GET_TRY_HUGETLB;
			break;
		case OPT_POPULATE:
			get.options |= XSHM_GET_POPULATE;
			break;
		case OPT_NORESERVE:
			get.shmflg |= XSHM_NORESERVE;
			break;
		default:
			help_on_option("mk", opt, argv);
			return EXIT_USAGE;
		}
	}
	if (!size && optind < argc)
		size = argv[optind++];
	if (!size)
		return usage_error("mk", "a size is missing");
	if (optind < argc)
		return usage_error("mk", "'%s' is one argument too many", argv[optind]);
	if (parse_size(size, &bytes))
		return usage_error("mk", "'%s' is no size", size);
	if (get.options & XSHM_GET_SMALL &&
	    (get.options & (XSHM_GET_HUGE | XSHM_GET_TRY_HUGETLB) || get.shmflg & XSHM_HUGETLB))
		return usage_error("mk", "--small excludes huge pages");
	get.bytes = bytes;
	get.shmflg |= (unsigned int)mode | bits;

	fd = device_open();
	if (fd < 0)
		return EXIT_FAILURE;
	id = ioctl(fd, XSHM_IOC_GET, &get);
	if (id < 0) {
		explain(fd, errno, &get);
		return EXIT_FAILURE;
	}
	printf("%d\n", id);
	if (!finish_output())
		return EXIT_SUCCESS;
	/* Nobody would know of it. */
	segment_remove(fd, id);
	return EXIT_FAILURE;
}
