// SPDX-License-Identifier: LGPL-2.1-or-later

// The note once more, by a program that knows System V shared memory only and,
// as Go programs do, makes the system calls itself:
// xshm run --trace -- rawnote write TEXT | read | remove
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

const (
	key       = 0x6e6f7465
	bytes     = 4096
	ipcCreate = 0o1000
	ipcRemove = 0
	readOnly  = 0o10000
)

func check(what string, errno syscall.Errno) {
	if errno != 0 {
		fmt.Fprintf(os.Stderr, "rawnote: %s: %v\n", what, errno)
		os.Exit(1)
	}
}

func shmget(size, flags uintptr) uintptr {
	id, _, errno := syscall.Syscall(syscall.SYS_SHMGET, key, size, flags)
	check("shmget", errno)
	return id
}

func with(id, flags uintptr, use func(memory []byte)) {
	address, _, errno := syscall.Syscall(syscall.SYS_SHMAT, id, 0, flags)
	check("shmat", errno)
	use(unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), bytes))
	_, _, errno = syscall.Syscall(syscall.SYS_SHMDT, address, 0, 0)
	check("shmdt", errno)
}

func main() {
	switch arguments := os.Args[1:]; {
	case len(arguments) == 2 && arguments[0] == "write" && len(arguments[1]) <= bytes-4:
		with(shmget(bytes, ipcCreate|0o600), 0, func(memory []byte) {
			binary.LittleEndian.PutUint32(memory, uint32(len(arguments[1])))
			copy(memory[4:], arguments[1])
		})
	case len(arguments) == 1 && arguments[0] == "read":
		with(shmget(0, 0), readOnly, func(memory []byte) {
			length := binary.LittleEndian.Uint32(memory)
			fmt.Println(string(memory[4 : 4+length]))
		})
	case len(arguments) == 1 && arguments[0] == "remove":
		_, _, errno := syscall.Syscall(syscall.SYS_SHMCTL, shmget(0, 0), ipcRemove, 0)
		check("shmctl", errno)
	default:
		fmt.Fprintln(os.Stderr, "usage: rawnote write TEXT | read | remove")
		os.Exit(2)
	}
}
