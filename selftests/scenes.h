/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenes: what a test program does once it was started on xshm, each in a process of its
 * own. Its status is 0, or the line of what was not as expected. A program that xshm run
 * starts has an array of them, and SCENES_MAIN in place of the harness's main.
 */
#ifndef SELFTESTS_XSHM_SCENES_H
#define SELFTESTS_XSHM_SCENES_H

#include "built.h"

#define SIZE 5000

#define CHECK(condition) do {			\
	if (!(condition))			\
		return __LINE__ & 0xff ?: 1;	\
} while (0)

struct scene {
	const char *name;
	int (*play)(void);
};

#define SCENE(name) { #name, name }

static inline int play(const struct scene *scenes, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(scenes[i].name, name))
			return scenes[i].play();
	return 97;
}

/* Segments that the kernel's own System V has; 0 if it hasn't any at all. */
static inline int kernel_segments(void)
{
	char line[512];
	int count = -1;
	FILE *file = fopen("/proc/sysvipc/shm", "r");

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		count++;
	fclose(file);
	return count;
}

#define SCENES_MAIN								\
int main(int argc, char **argv)							\
{										\
	if (argc == 3 && !strcmp(argv[1], "scene"))				\
		return play(scenes, sizeof(scenes) / sizeof(*scenes), argv[2]);	\
	return test_harness_run(argc, argv);					\
}

/* For the fixture of such a program: its own path. */
#define FIND_SELF(path) do {							\
	USE_BACKEND(&xshm);							\
	if (access(built("xshm"), X_OK))					\
		SKIP(return, "the xshm command is not built");			\
	ASSERT_TRUE(own_path(path, sizeof(path)));				\
} while (0)

#endif
