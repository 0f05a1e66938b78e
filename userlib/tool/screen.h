/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XSHM_SCREEN_H
#define XSHM_SCREEN_H

#include <stdbool.h>

enum { SCREEN_TIMEOUT = -1, SCREEN_RESIZED = -2, SCREEN_END = -3 };

bool screen_enter(void);
void screen_leave(void);
void screen_size(int *rows, int *columns);
void screen_draw(char *const *lines, int count);
int screen_wait(double seconds, int *sig);

#endif
