// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The terminal while xshm top has it: the alternate screen, single keys, no
 * cursor. Whatever ends the program gives it back as it was.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "screen.h"
#include "tool.h"

static const char enter[] = "\033[?1049h\033[?25l\033[H\033[2J";
static const char leave[] = "\033[?25h\033[?1049l";

static struct termios before;
static bool taken;
static volatile sig_atomic_t stopped, suspended, continued, resized;
static sigset_t unblocked;

static void put(const char *text, size_t length)
{
	while (length) {
		ssize_t done = write(STDOUT_FILENO, text, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		text += done;
		length -= done;
	}
}

static void on_signal(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else if (sig == SIGCONT)
		continued = 1;
	else if (sig == SIGTSTP)
		suspended = 1;
	else
		stopped = sig;
}

static void take(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	put(enter, sizeof(enter) - 1);
	taken = true;
}

void screen_leave(void)
{
	if (!taken)
		return;
	taken = false;
	put(leave, sizeof(leave) - 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

/* Returns false when there is no terminal to take. */
bool screen_enter(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGWINCH,
				       SIGTSTP, SIGCONT };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;

	if (tcgetattr(STDIN_FILENO, &before))
		return false;
	/* They come in during the wait only, so that none is missed before it. */
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigdelset(&unblocked, signals[i]);
	atexit(screen_leave);
	take();
	return true;
}

void screen_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}

/* Draws over what is there, without flicker: each line is cleared behind. */
void screen_draw(char *const *lines, int count)
{
	int rows, columns;

	screen_size(&rows, &columns);
	put("\033[H", 3);
	for (int i = 0; i < rows; i++) {
		if (i < count)
			put(lines[i], text_fit(lines[i], (size_t)columns));
		put("\033[K", 3);
		/* A line feed in the last row would scroll. */
		if (i + 1 < rows)
			put("\r\n", 2);
	}
}

static void suspend(void)
{
	sigset_t tstp;

	suspended = 0;
	screen_leave();
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &tstp, NULL);
	/* Stopped here, until it is continued. */
	sigprocmask(SIG_BLOCK, &tstp, NULL);
	sigaction(SIGTSTP, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	take();
}

/*
 * Waits for a key. Returns it, SCREEN_TIMEOUT, SCREEN_RESIZED or SCREEN_END;
 * @sig then is the signal that asked for the end, or 0.
 */
int screen_wait(double seconds, int *sig)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec time = { .tv_sec = (time_t)seconds };
	unsigned char key, rest;
	ssize_t got;
	int ready;

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	*sig = 0;
	ready = ppoll(&in, 1, &time, &unblocked);
	if (stopped) {
		*sig = stopped;
		return SCREEN_END;
	}
	if (suspended) {
		suspend();
		return SCREEN_RESIZED;
	}
	if (continued) {
		/* After a SIGSTOP, which nobody can catch, the shell has made it its own. */
		continued = 0;
		take();
		return SCREEN_RESIZED;
	}
	if (resized) {
		resized = 0;
		return SCREEN_RESIZED;
	}
	if (ready <= 0)
		return ready && errno != EINTR ? SCREEN_END : SCREEN_TIMEOUT;
	got = read(STDIN_FILENO, &key, 1);
	if (got != 1)
		return SCREEN_END;
	/* A function key, whose letters are not those of the keyboard. */
	if (key == '\033')
		while (read(STDIN_FILENO, &rest, 1) == 1)
			;
	return key;
}
