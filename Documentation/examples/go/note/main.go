// SPDX-License-Identifier: LGPL-2.1-or-later

// A note in a segment: note write TEXT | read | remove. The segment is what
// note.py and note.php use, too; this program uses /dev/xshm itself and so
// needs no xshm run.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"example.org/xshm/xshm"
)

const (
	key   = 0x6e6f7465
	bytes = 4096
)

func write(text string) error {
	if len(text) > bytes-4 {
		return errors.New("the text is too long")
	}
	id, err := xshm.Get(key, bytes, xshm.Create|0o600)
	if err != nil {
		return err
	}
	memory, err := xshm.Attach(id, 0)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(memory, uint32(len(text)))
	copy(memory[4:], text)
	return xshm.Detach(memory)
}

func read() error {
	id, err := xshm.Get(key, 0, 0)
	if err != nil {
		return err
	}
	memory, err := xshm.Attach(id, xshm.ReadOnly)
	if err != nil {
		return err
	}
	length := binary.LittleEndian.Uint32(memory)
	if length > bytes-4 {
		return errors.New("this is no note")
	}
	fmt.Println(string(memory[4 : 4+length]))
	return xshm.Detach(memory)
}

func remove() error {
	id, err := xshm.Get(key, 0, 0)
	if err != nil {
		return err
	}
	return xshm.Remove(id)
}

func main() {
	var err error
	switch arguments := os.Args[1:]; {
	case len(arguments) == 2 && arguments[0] == "write":
		err = write(arguments[1])
	case len(arguments) == 1 && arguments[0] == "read":
		err = read()
	case len(arguments) == 1 && arguments[0] == "remove":
		err = remove()
	default:
		err = errors.New("write TEXT | read | remove")
	}
	if errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(*fs.PathError)) {
		err = errors.New("there is no note")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "note:", err)
		os.Exit(1)
	}
}
