#!/usr/bin/env php
<?php
// SPDX-License-Identifier: LGPL-2.1-or-later
// A note in a segment: xshm run -- ./note.php write TEXT | read | remove
//
// The segment is what note.py and go/note use, too: the length of the text in
// four bytes, the lowest first, and the text. Needs php-cli with shmop.

const KEY = 0x6e6f7465;
const BYTES = 4096;

function stop(string $why): never
{
    fwrite(STDERR, "note.php: $why\n");
    exit(1);
}

function note(string $mode)
{
    // "c" takes the size and mode of a segment that it may have to make.
    $note = @shmop_open(KEY, $mode, 0600, $mode === "c" ? BYTES : 0);
    return $note ?: stop("there is no note");
}

$arguments = array_slice($argv, 1);
switch ($arguments[0] ?? "") {
case "write":
    $text = $arguments[1] ?? stop("a text is missing");
    strlen($text) <= BYTES - 4 || stop("the text is too long");
    shmop_write(note("c"), pack("V", strlen($text)) . $text, 0);
    break;
case "read":
    $note = note("a");
    $length = unpack("V", shmop_read($note, 0, 4))[1];
    echo shmop_read($note, 4, $length), "\n";
    break;
case "remove":
    shmop_delete(note("w"));
    break;
default:
    stop("write TEXT | read | remove");
}
