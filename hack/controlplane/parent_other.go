// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package main

import "syscall"

// signalOnParentDeath does nothing: there is no such signal here.
func signalOnParentDeath() {}

// childAttr puts a child into a process group of its own.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// guard makes sure that no child outlives this process.
func guard(pids ...int) (release func(), err error) { return startReaper(pids...) }
