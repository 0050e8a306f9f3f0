// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "syscall"

// childAttributes also ends a child when this program is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
