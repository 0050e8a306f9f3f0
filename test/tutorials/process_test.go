// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tutorials_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// process is one that /proc shows. A number may be used again, a number with
// its start time is not.
type process struct {
	pid, parent int
	name, state string
	start       string
}

func (p process) String() string { return fmt.Sprintf("%s (%d)", p.name, p.pid) }

// readProcess reads /proc/PID/stat, see proc(5).
func readProcess(pid int) (process, bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	// The name is in parentheses and may itself have some.
	text := string(data)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	if open < 0 || len(fields) < 20 {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return process{pid: pid, parent: parent, name: text[open+1 : end], state: fields[0], start: fields[19]}, err == nil
}

// lives says whether the process is still there and no zombie.
func (p process) lives() bool {
	now, found := readProcess(p.pid)
	return found && now.start == p.start && now.state != "Z"
}

// descendants are the processes that a process has started, directly or not.
func descendants(t *testing.T, root int) []process {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Log("No /proc here: not looking for processes that are left")
		return nil
	}
	children := map[int][]process{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, found := readProcess(pid); found {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	var all []process
	for next := []int{root}; len(next) > 0; next = next[1:] {
		for _, p := range children[next[0]] {
			all = append(all, p)
			next = append(next, p.pid)
		}
	}
	names := fmt.Sprint(all)
	// A process's name is cut to 15 bytes.
	for _, name := range []string{"etcd", "kube-apiserver", "license-operato"} {
		if !strings.Contains(names, name) {
			t.Errorf("no process %s among those of the main job: %s", name, names)
		}
	}
	return all
}
