// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usageexport

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	lockName  = ".usage-export.lock"
	scopeName = ".usage-export.json"
	// tempPattern names what is not finished; what a killed run left behind is
	// deleted by the next.
	tempPrefix  = ".usage-export-"
	tempPattern = tempPrefix + "*.tmp"

	// timeLayout is that of the times in the names of files, in UTC.
	timeLayout = "20060102T150405Z"

	fileMode = 0o640
)

var fileName = regexp.MustCompile(`^usage-([0-9]{8}T[0-9]{6}Z)-([0-9]{8}T[0-9]{6}Z)\.(csv|jsonl)$`)

// ErrLocked: another export writes into the directory.
var ErrLocked = errors.New("another export is writing into this directory")

// span is the times of creation whose records are in one file: from is in it, to
// is not.
type span struct{ from, to time.Time }

func (s span) name(f Format) string {
	return "usage-" + s.from.UTC().Format(timeLayout) + "-" + s.to.UTC().Format(timeLayout) + "." + string(f)
}

// parseName reads the name of a file; false for one that is not an export's.
func parseName(name string) (span, bool) {
	parts := fileName.FindStringSubmatch(name)
	if parts == nil {
		return span{}, false
	}
	from, err := time.Parse(timeLayout, parts[1])
	if err != nil {
		return span{}, false
	}
	to, err := time.Parse(timeLayout, parts[2])
	return span{from, to}, err == nil && from.Before(to)
}

// directory is where the files are. Only one process has it open at a time, and
// the kernel lets it go however the process ends.
type directory struct {
	path string
	lock *os.File
}

// openDirectory locks the directory and clears away what is not finished.
func openDirectory(path string) (_ *directory, err error) {
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && strings.HasSuffix(e.Name(), ".tmp") {
			if err := os.Remove(filepath.Join(path, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return &directory{path: path, lock: lock}, nil
}

func (d *directory) close() { _ = d.lock.Close() }

// end is the latest time up to which there are files; Unix time 0 if there are
// none. Two files that overlap are an error: some records would be billed twice.
func (d *directory) end() (time.Time, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return time.Time{}, err
	}
	last := time.Unix(0, 0).UTC()
	previous := ""
	// The names are in the order of their times.
	for _, e := range entries {
		s, ok := parseName(e.Name())
		if !ok {
			continue
		}
		if previous != "" && s.from.Before(last) {
			return last, fmt.Errorf("the files %s and %s overlap; take one of them away", previous, e.Name())
		}
		last, previous = s.to, e.Name()
	}
	return last, nil
}

// scope is what the files of a directory are of.
type scope struct {
	// Namespace is "" for all.
	Namespace string `json:"namespace"`
}

func (s scope) String() string {
	if s.Namespace == "" {
		return "all namespaces"
	}
	return "the namespace " + s.Namespace
}

// claim makes sure that the directory has files of this scope only: records of
// another would be left out that were made before the newest file ends.
func (d *directory) claim(s scope) error {
	path := filepath.Join(d.path, scopeName)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if raw, err = json.Marshal(s); err != nil {
			return err
		}
		return d.write(scopeName, func(f *os.File) error {
			_, err := f.Write(append(raw, '\n'))
			return err
		})
	}
	if err != nil {
		return err
	}
	var other scope
	if err := json.Unmarshal(raw, &other); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if other != s {
		return fmt.Errorf("the directory has the usage of %s; export that of %s into another one", other, s)
	}
	return nil
}

// write makes a file that is there as a whole or not at all, also if the machine
// stops.
func (d *directory) write(name string, fill func(*os.File) error) (err error) {
	temp, err := os.CreateTemp(d.path, tempPattern)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temp.Close()
			_ = os.Remove(temp.Name())
		}
	}()
	if err := fill(temp); err != nil {
		return err
	}
	if err := errors.Join(temp.Chmod(fileMode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), filepath.Join(d.path, name)); err != nil {
		return err
	}
	return d.sync()
}

// sync has the names in the directory on the disk.
func (d *directory) sync() error {
	dir, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
