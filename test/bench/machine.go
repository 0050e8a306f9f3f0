// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/license-operator/license-operator/test/env"
)

// machine is what the figures were measured on.
type machine struct {
	cpu, system, goVersion    string
	cores                     int
	memory                    int64 // bytes
	operator, apiserver, etcd string
	loadAverage               string
}

// memory of a process in bytes, as the kernel counts it.
type memory struct{ now, peak int64 }

func describeMachine(ctx context.Context, operator string) (machine, error) {
	m := machine{cores: runtime.NumCPU(), goVersion: runtime.Version(), cpu: runtime.GOARCH, system: runtime.GOOS}
	if model, err := field("/proc/cpuinfo", "model name"); err == nil {
		m.cpu = model
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.system = runtime.GOOS + " " + strings.TrimSpace(string(release))
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.loadAverage = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	var err error
	if m.memory, err = kilobytes("/proc/meminfo", "MemTotal"); err != nil {
		return m, err
	}
	assets, err := env.Assets(ctx)
	if err != nil {
		return m, err
	}
	for program, version := range map[string]*string{
		operator:                                &m.operator,
		filepath.Join(assets, "kube-apiserver"): &m.apiserver,
		filepath.Join(assets, "etcd"):           &m.etcd,
	} {
		out, err := exec.CommandContext(ctx, program, "--version").Output()
		if err != nil {
			return m, fmt.Errorf("%s: %w", program, err)
		}
		line, _, _ := strings.Cut(string(out), "\n")
		words := strings.Fields(line)
		*version = words[len(words)-1]
	}
	return m, nil
}

// memoryOf reads the memory of a process. It works on Linux only.
func memoryOf(pid int) (memory, error) {
	file := fmt.Sprintf("/proc/%d/status", pid)
	now, err := kilobytes(file, "VmRSS")
	if err != nil {
		return memory{}, err
	}
	peak, err := kilobytes(file, "VmHWM")
	return memory{now: now, peak: peak}, err
}

// tick is the unit of processor times under /proc, on every platform that Go
// supports.
const tick = 10 * time.Millisecond

// processorTime is what a process has used so far.
func processorTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// What comes after the name in brackets, from the third field on; see
	// proc(5).
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// kilobytes reads a number with the unit kB as bytes.
func kilobytes(file, name string) (int64, error) {
	text, err := field(file, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return n << 10, err
}

// field reads the first "name: value" of a file.
func field(file, name string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}
