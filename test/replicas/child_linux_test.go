// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package replicas

import "syscall"

// childAttributes also ends a replica when the tests are killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
