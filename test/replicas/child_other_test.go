// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package replicas

import "syscall"

func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
