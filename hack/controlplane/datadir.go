// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// dataMarker is the file that tells a data directory of this program from
	// any other. It is also the lock of the process that uses the directory.
	dataMarker = ".license-operator-controlplane"
	dataPrefix = "license-operator-controlplane-data-"
	keptPrefix = "license-operator-controlplane-kept-" // never swept
	// sweepAge is how old an abandoned directory must be before it is removed,
	// so that one that is just being set up is left alone.
	sweepAge = time.Minute
)

// dataDir is a locked directory for the data and logs of one control plane.
type dataDir struct {
	path   string
	ours   bool // this process created it
	unlock func()
}

// openDataDir creates and locks the directory at path, or a temporary one if
// path is empty. A directory that exists must be empty or an earlier data
// directory, because close removes what is in it. keep says that the caller
// will keep the data.
func openDataDir(path string, keep bool) (*dataDir, error) {
	d := &dataDir{}
	if path == "" {
		sweep(os.TempDir(), time.Now())
		prefix := dataPrefix
		if keep {
			prefix = keptPrefix
		}
		tmp, err := os.MkdirTemp("", prefix)
		if err != nil {
			return nil, err
		}
		d.path, d.ours = tmp, true
	} else {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		d.path = abs
		entries, err := os.ReadDir(abs)
		switch {
		case errors.Is(err, os.ErrNotExist):
			if err := os.MkdirAll(abs, 0o700); err != nil {
				return nil, err
			}
			d.ours = true
		case err != nil:
			return nil, err
		case len(entries) > 0:
			if _, err := os.Stat(filepath.Join(abs, dataMarker)); err != nil {
				return nil, fmt.Errorf("%s is neither empty nor a data directory of this program", abs)
			}
		}
	}
	unlock, err := tryLock(filepath.Join(d.path, dataMarker))
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s is in use by another control plane", d.path)
	}
	if err != nil {
		return nil, err
	}
	d.unlock = unlock
	return d, nil
}

// close releases the directory. Unless keep is set it removes everything in
// it, and the directory itself if this process created it.
func (d *dataDir) close(keep bool) error {
	defer d.unlock()
	if keep {
		return nil
	}
	if d.ours {
		return os.RemoveAll(d.path)
	}
	entries, err := os.ReadDir(d.path)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(d.path, entry.Name())))
	}
	return err
}

// sweep removes the temporary data directories in dir whose process was killed
// and could not remove them. It is a courtesy, so errors are ignored.
func sweep(dir string, now time.Time) {
	found, err := filepath.Glob(filepath.Join(dir, dataPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range found {
		marker := filepath.Join(path, dataMarker)
		info, err := os.Lstat(marker)
		if err != nil || now.Sub(info.ModTime()) < sweepAge {
			continue
		}
		unlock, err := tryLock(marker)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(path)
		unlock()
	}
}
