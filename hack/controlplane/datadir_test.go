// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDataDir(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, path string)
		keep    bool
		bad     bool
		want    []string // what is left under the parent directory
	}{
		"a new directory is removed":               {prepare: func(*testing.T, string) {}},
		"an empty directory is emptied, but stays": {prepare: mkdir, want: []string{"data"}},
		"an earlier data directory is emptied":     {prepare: mkMarked, want: []string{"data"}},
		"a foreign directory is refused": {prepare: func(t *testing.T, path string) {
			mkdir(t, path)
			touch(t, filepath.Join(path, "precious"))
		}, bad: true, want: []string{"data", "data/precious"}},
		"a file is refused":    {prepare: touch, bad: true, want: []string{"data"}},
		"data is kept on wish": {prepare: mkMarked, keep: true, want: []string{"data", "data/" + dataMarker, "data/new"}},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			path := filepath.Join(parent, "data")
			tc.prepare(t, path)
			d, err := openDataDir(path, tc.keep)
			if (err != nil) != tc.bad {
				t.Fatalf("got error %v", err)
			}
			if err == nil {
				touch(t, filepath.Join(d.path, "new"))
				if _, err := openDataDir(path, tc.keep); err == nil {
					t.Error("a directory in use was opened again")
				}
				if err := d.close(tc.keep); err != nil {
					t.Error(err)
				}
			}
			left := map[string]bool{}
			for _, pattern := range []string{"*", "*/*"} {
				found, err := filepath.Glob(filepath.Join(parent, pattern))
				if err != nil {
					t.Fatal(err)
				}
				for _, path := range found {
					left[path[len(parent)+1:]] = true
				}
			}
			for _, path := range tc.want {
				if !left[path] {
					t.Errorf("%s is gone", path)
				}
				delete(left, path)
			}
			for path := range left {
				t.Errorf("%s is left behind", path)
			}
		})
	}
}

func TestSweep(t *testing.T) {
	tmp := t.TempDir()
	paths := map[string]string{}
	for _, name := range []string{dataPrefix + "abandoned", dataPrefix + "used", dataPrefix + "unmarked", keptPrefix + "kept", "other"} {
		paths[name] = filepath.Join(tmp, name)
		if name == dataPrefix+"unmarked" {
			mkdir(t, paths[name])
		} else {
			mkMarked(t, paths[name])
		}
	}
	unlock, err := tryLock(filepath.Join(paths[dataPrefix+"used"], dataMarker))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()

	sweep(tmp, time.Now())
	for name, path := range paths {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s was removed although it is young: %v", name, err)
		}
	}
	sweep(tmp, time.Now().Add(2*sweepAge))
	for name, path := range paths {
		_, err := os.Stat(path)
		if gone := os.IsNotExist(err); gone != (name == dataPrefix+"abandoned") {
			t.Errorf("%s: gone is %t", name, gone)
		}
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func mkMarked(t *testing.T, path string) {
	t.Helper()
	mkdir(t, path)
	touch(t, filepath.Join(path, dataMarker))
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
