// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// signalOnParentDeath has the kernel send SIGTERM when the parent dies. An
// error is of no interest: withParent watches as well.
func signalOnParentDeath() {
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0)
}

// childAttr puts a child into a process group of its own and has the kernel
// kill it when the thread that started it ends. Nobody is left then to stop it
// in order, and etcd survives a kill without loss.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// guard makes sure that no child outlives this process. childAttr did it.
func guard(...int) (release func(), err error) { return func() {}, nil }
