// SPDX-License-Identifier: GPL-2.0
/*
 * An X client that draws a picture, through MIT-SHM or through its socket, and
 * leaves it there until its standard input ends. Usage: picture shm|plain
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XShm.h>

#define WIDTH	531
#define HEIGHT	377

static void paint(XImage *image)
{
	uint32_t noise = 1;

	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++) {
			noise = noise * 1664525 + 1013904223;
			XPutPixel(image, x, y, (x & 0xff) << 16 | (y & 0xff) << 8 | noise >> 24);
		}
	}
}

static void compare(const char *what, XImage *a, XImage *b)
{
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			if ((XGetPixel(a, x, y) ^ XGetPixel(b, x, y)) & 0xffffff)
				errx(1, "%s: pixel %d,%d is %06lx, not %06lx", what, x, y,
				     XGetPixel(b, x, y), XGetPixel(a, x, y));
}

int main(int argc, char **argv)
{
	int shared = argc == 2 && !strcmp(argv[1], "shm");
	XShmSegmentInfo segment = { .shmid = -1 }, back = { .shmid = -1 };
	XImage *image, *seen;
	XSetWindowAttributes unmanaged;
	Display *display;
	Visual *visual;
	Window window;
	int depth;
	char end;

	if (argc != 2 || (!shared && strcmp(argv[1], "plain")))
		errx(2, "usage: picture shm|plain");
	display = XOpenDisplay(NULL);
	if (!display)
		errx(1, "no display");
	visual = DefaultVisual(display, 0);
	depth = DefaultDepth(display, 0);
	unmanaged.override_redirect = True;
	window = XCreateWindow(display, DefaultRootWindow(display), 40, 30, WIDTH, HEIGHT, 0,
			       depth, InputOutput, visual, CWOverrideRedirect, &unmanaged);
	XMapWindow(display, window);
	XSync(display, False);

	if (shared) {
		if (!XShmQueryExtension(display))
			errx(1, "the server has no MIT-SHM");
		image = XShmCreateImage(display, visual, depth, ZPixmap, NULL, &segment, WIDTH,
					HEIGHT);
		segment.shmid = shmget(IPC_PRIVATE, image->bytes_per_line * HEIGHT,
				       IPC_CREAT | 0600);
		if (segment.shmid < 0)
			err(1, "shmget");
		image->data = shmat(segment.shmid, NULL, 0);
		if (image->data == (char *)-1)
			err(1, "shmat");
		segment.shmaddr = image->data;
		/* An error of the server, which can't attach, ends this program. */
		XShmAttach(display, &segment);
		XSync(display, False);
	} else {
		image = XCreateImage(display, visual, depth, ZPixmap, 0, NULL, WIDTH, HEIGHT, 32,
				     0);
		image->data = malloc(image->bytes_per_line * HEIGHT);
	}
	paint(image);
	if (shared)
		XShmPutImage(display, window, DefaultGC(display, 0), image, 0, 0, 0, 0, WIDTH,
			     HEIGHT, False);
	else
		XPutImage(display, window, DefaultGC(display, 0), image, 0, 0, 0, 0, WIDTH, HEIGHT);
	XSync(display, False);

	seen = XGetImage(display, window, 0, 0, WIDTH, HEIGHT, AllPlanes, ZPixmap);
	compare("seen through the socket", image, seen);
	XDestroyImage(seen);
	if (shared) {
		/* The server writes into memory that it shares with this program. */
		seen = XShmCreateImage(display, visual, depth, ZPixmap, NULL, &back, WIDTH, HEIGHT);
		back.shmid = shmget(IPC_PRIVATE, seen->bytes_per_line * HEIGHT, IPC_CREAT | 0600);
		seen->data = shmat(back.shmid, NULL, 0);
		if (seen->data == (char *)-1)
			err(1, "shmat");
		back.shmaddr = seen->data;
		XShmAttach(display, &back);
		XSync(display, False);
		shmctl(back.shmid, IPC_RMID, NULL);
		if (!XShmGetImage(display, window, seen, 0, 0, AllPlanes))
			errx(1, "XShmGetImage");
		compare("seen through MIT-SHM", image, seen);
		XShmDetach(display, &back);
		XSync(display, False);
		shmdt(back.shmaddr);
	}

	printf("drawn %d\n", segment.shmid);
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	if (shared) {
		shmctl(segment.shmid, IPC_RMID, NULL);
		XShmDetach(display, &segment);
		shmdt(segment.shmaddr);
	}
	XCloseDisplay(display);
	return 0;
}
