// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// parentPoll is how often the program looks whether its parent still lives.
const parentPoll = time.Second

// firstParent is read as early as possible, before a parent can be lost.
var firstParent = os.Getppid()

// withParent returns a context that also ends when the process that started
// this one dies. A test run that is killed must not leave a control plane.
//
// Where the system can send a signal on that event it does; looking at the
// parent's number covers other systems and a parent that died before.
func withParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signalOnParentDeath()
	go func() {
		ticker := time.NewTicker(parentPoll)
		defer ticker.Stop()
		for {
			if os.Getppid() != firstParent {
				cancel()
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return ctx, cancel
}

// reapCommand is the hidden command under which the program runs as a reaper.
const reapCommand = "reap"

// reapDone is what the reaper reads when the children were stopped in order.
const reapDone = "done\n"

// startReaper starts a copy of this program that kills the processes pids when
// this process dies. The copy notices it by its standard input, whose other
// end only this process holds. It stands in for the parent-death signal where
// the system has none. The returned function ends the reaper peacefully; call
// it when the processes have ended.
func startReaper(pids ...int) (release func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{reapCommand}
	for _, pid := range pids {
		args = append(args, strconv.Itoa(pid))
	}
	cmd := exec.Command(self, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := startChild(cmd); err != nil {
		return nil, err
	}
	return func() {
		// If the reaper has gone there is nothing to tell it.
		_, _ = io.WriteString(stdin, reapDone)
		_ = stdin.Close()
		_ = cmd.Wait()
	}, nil
}

// reap waits for the end of stdin and then kills the processes named in pids,
// unless it read reapDone before.
func reap(stdin io.Reader, pids []string) {
	if line, err := bufio.NewReader(stdin).ReadString('\n'); err == nil && line == reapDone {
		return
	}
	for _, arg := range pids {
		if pid, err := strconv.Atoi(arg); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
