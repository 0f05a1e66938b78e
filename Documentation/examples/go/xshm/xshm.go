// SPDX-License-Identifier: LGPL-2.1-or-later

// Package xshm is System V shared memory on /dev/xshm, without cgo. It has the
// part of the interface that most programs need; linux/xshm.h describes all of
// it.
//
// Errors are those of the calls, as *os.SyscallError: errors.Is works with
// syscall.ENOENT as with fs.ErrNotExist.
package xshm

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// Private is the key that always makes a new segment.
const Private = 0

// Flags of Get, beside the nine bits of the mode.
const (
	Create    = 0o1000
	Exclusive = 0o2000
	HugeTLB   = 0o4000
	NoReserve = 0o10000
)

// ReadOnly is a flag of Attach.
const ReadOnly = 0o10000

// Commands: _IO(0xEF, number).
const (
	iocGet    = 0xef01
	iocAttach = 0xef02
	iocDetach = 0xef03
	iocStat   = 0xef04
	iocRemove = 0xef06
)

// The structures of linux/xshm.h, with its names.
type get struct {
	size    uint32
	key     int32
	bytes   uint64
	shmflg  uint32
	options uint32
}

type attach struct {
	size    uint32
	id      int32
	addr    uint64
	shmflg  uint32
	options uint32
}

type detach struct {
	size     uint32
	reserved uint32
	addr     uint64
}

type control struct {
	size    uint32
	id      int32
	sel     uint32
	bufSize uint32
	buf     uint64
}

// Stat is struct xshm_ds. What the module does not know is zero.
type Stat struct {
	Key        int32
	UID, GID   uint32
	CUID, CGID uint32
	Mode       uint32
	Seq        uint16
	_          uint16
	_          uint32
	_          [2]uint64
	Bytes      uint64
	ATime      int64
	DTime      int64
	CTime      int64
	CPID, LPID int32
	NAttch     uint64
	_          [2]uint64
	ID         int32
	Attributes uint32
	PageSize   uint64
	Resident   uint64
	Swapped    uint64
	Huge       uint64
	Locked     uint64
	Major      uint32
	Minor      uint32
}

var device struct {
	once sync.Once
	fd   int
	err  error
}

func ioctl(name string, command uintptr, argument unsafe.Pointer) (int, error) {
	device.once.Do(func() {
		device.fd, device.err = syscall.Open("/dev/xshm", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	})
	if device.err != nil {
		return -1, &os.PathError{Op: "open", Path: "/dev/xshm", Err: device.err}
	}
	result, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(device.fd), command,
		uintptr(argument))
	if errno != 0 {
		return -1, os.NewSyscallError(name, errno)
	}
	return int(result), nil
}

// Get finds the segment with a key, or makes it, and returns its id.
func Get(key int32, bytes uint64, flags uint32) (int, error) {
	arg := get{key: key, bytes: bytes, shmflg: flags}
	arg.size = uint32(unsafe.Sizeof(arg))
	return ioctl("xshm get", iocGet, unsafe.Pointer(&arg))
}

// StatID tells about a segment.
func StatID(id int) (*Stat, error) {
	stat := new(Stat)
	arg := control{id: int32(id), bufSize: uint32(unsafe.Sizeof(*stat))}
	arg.size = uint32(unsafe.Sizeof(arg))
	arg.buf = uint64(uintptr(unsafe.Pointer(stat)))
	_, err := ioctl("xshm stat", iocStat, unsafe.Pointer(&arg))
	// A number keeps nothing alive.
	runtime.KeepAlive(stat)
	if err != nil {
		return nil, err
	}
	return stat, nil
}

// Attach maps a segment. Its memory is not Go's: no pointer to Go's memory may
// be stored there, and the slice must not be used after Detach.
func Attach(id int, flags uint32) ([]byte, error) {
	stat, err := StatID(id)
	if err != nil {
		return nil, err
	}
	arg := attach{id: int32(id), shmflg: flags}
	arg.size = uint32(unsafe.Sizeof(arg))
	if _, err := ioctl("xshm attach", iocAttach, unsafe.Pointer(&arg)); err != nil {
		return nil, err
	}
	// The address is not one that the garbage collector knows.
	address := uintptr(arg.addr)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), int(stat.Bytes)), nil
}

// Detach unmaps what Attach returned.
func Detach(memory []byte) error {
	arg := detach{addr: uint64(uintptr(unsafe.Pointer(&memory[0])))}
	arg.size = uint32(unsafe.Sizeof(arg))
	_, err := ioctl("xshm detach", iocDetach, unsafe.Pointer(&arg))
	return err
}

// Remove marks a segment for destruction; it goes with its last attach.
func Remove(id int) error {
	arg := control{id: int32(id)}
	arg.size = uint32(unsafe.Sizeof(arg))
	_, err := ioctl("xshm remove", iocRemove, unsafe.Pointer(&arg))
	return err
}
