#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A note in a segment: xshm run -- ./note.py write TEXT | read | remove

The segment is what note.php and go/note use, too: the length of the text in
four bytes, the lowest first, and the text. Needs python3-sysv-ipc.
"""
import struct
import sys

import sysv_ipc

KEY = 0x6E6F7465
BYTES = 4096


def main(arguments):
    if arguments[:1] == ["write"] and len(arguments) == 2:
        text = arguments[1].encode()
        if len(text) > BYTES - 4:
            sys.exit("note.py: the text is too long")
        note = sysv_ipc.SharedMemory(KEY, sysv_ipc.IPC_CREAT, size=BYTES, mode=0o600)
        note.write(struct.pack("<I", len(text)) + text)
        note.detach()
    elif arguments == ["read"]:
        note = sysv_ipc.SharedMemory(KEY)
        (length,) = struct.unpack("<I", note.read(4))
        print(note.read(length, 4).decode())
        note.detach()
    elif arguments == ["remove"]:
        sysv_ipc.SharedMemory(KEY).remove()
    else:
        sys.exit("usage: note.py write TEXT | read | remove")


try:
    main(sys.argv[1:])
except sysv_ipc.ExistentialError:
    sys.exit("note.py: there is no note")
