// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockRetry is how often a waiting process looks whether a lock is free.
const lockRetry = 200 * time.Millisecond

// lockFile takes an exclusive lock on the file at path, which it creates, and
// returns the function that releases it. The kernel drops the lock when the
// process dies, so a lock is never stale. If the lock is taken, waiting is
// called once and lockFile goes on trying until ctx ends.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	for first := true; ; first = false {
		unlock, err := tryLock(path)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return unlock, err
		}
		if first {
			waiting()
		}
		// Polling keeps the wait interruptible, which a blocking flock is not.
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// tryLock is lockFile without waiting. It returns unix.EWOULDBLOCK when
// another process holds the lock.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
