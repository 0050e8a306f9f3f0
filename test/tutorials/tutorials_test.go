// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tutorials_test holds the documentation to the truth: it starts the
// main job as `make run` does, runs what it prints and every block of every
// tutorial as they stand there, and compares tables of reference with the code
// that they speak of.
package tutorials_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

// sourceLine is how every tutorial begins. It is the only line that is run in
// another way than it stands there: with the file of this test's main job.
const sourceLine = "source .run/env"

func TestTheMainJobAndTheTutorials(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "awk", "sed", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("The tutorials need %s, which is not here", tool)
		}
	}
	pages, err := filepath.Glob(filepath.Join(env.Root(), "docs", "tutorials", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no tutorials: %v", err)
	}
	// The protocols' examples are for acme, which the main job has applied.
	for _, protocol := range []string{"license-manager.md", "devpay.md"} {
		pages = append([]string{filepath.Join(env.Root(), "docs", "protocols", protocol)}, pages...)
	}
	fetchExamples(t)
	j := startJob(t)
	t.Run("the README shows what it prints", j.checkReadme)
	t.Run("what it prints works", j.tryGreeting)
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) { j.follow(t, page) })
	}
	t.Run("its log tells each request as documented", j.checkLog)
	t.Run("it stops and leaves nothing behind", j.stop)
}

// fetchExamples has the modules of the examples downloaded and built, so that
// what runs them later prints no progress.
func fetchExamples(t *testing.T) {
	t.Helper()
	for _, module := range []string{"docs/examples/floating-seat", "test/shop"} {
		build := exec.CommandContext(t.Context(), "go", "-C", module, "build", "-o", os.DevNull, ".")
		build.Dir = env.Root()
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s, for which the Go module proxy may be needed: %v\n%s", module, err, text)
		}
	}
}

// curlSigns says whether this curl signs requests as AWS wants them. Before 7.86
// it did not sign all headers that must be.
func curlSigns(t *testing.T) bool {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "curl", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(text), "curl %d.%d", &major, &minor); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return major > 7 || major == 7 && minor >= 86
}

// follow runs a tutorial.
func (j *job) follow(t *testing.T, file string) {
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "--aws-sigv4") && !curlSigns(t) {
		t.Skip("This page needs curl 7.86 or later, which is not here")
	}
	list, err := steps(string(page))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || !strings.HasPrefix(list[0].commands, sourceLine+"\n") {
		t.Fatalf("the first block must begin with the line %q", sourceLine)
	}
	blocks := make([]string, len(list))
	for i, s := range list {
		blocks[i] = s.commands
	}
	printed := j.run(t, blocks)
	for i, s := range list {
		switch {
		case i >= len(printed):
			return // run has told.
		case s.output == nil && printed[i] != "":
			t.Errorf("line %d: the page shows no output, but there is one:\n%s", s.line, printed[i])
		case s.output != nil:
			if diff := difference(s.output, printed[i]); diff != "" {
				t.Errorf("line %d: the output is another one (- page, + printed):\n%s", s.line, diff)
			}
		}
	}
}

// run runs blocks of commands in one bash, which stops at the first command
// that fails, and returns what each block printed. A block that did not come
// to its end is an error of the test and the last one returned.
func (j *job) run(t *testing.T, blocks []string) []string {
	t.Helper()
	const mark = "---- end of block ----\n"
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, block := range blocks {
		for line := range strings.Lines(block) {
			if strings.TrimSpace(line) == sourceLine {
				line = fmt.Sprintf("source '%s'\n", j.env())
			}
			script.WriteString(line)
		}
		fmt.Fprintf(&script, "printf '%%s\\n' '%s'\n", strings.TrimSpace(mark))
	}
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", file)
	cmd.Dir = env.Root()
	cmd.Env = environment("KUBECACHEDIR="+t.TempDir(), "TMPDIR="+t.TempDir())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	printed := strings.Split(out.String(), mark)
	last := len(printed) - 1
	if err != nil || last != len(blocks) {
		t.Errorf("block %d of %d failed: %v\n%s\nIt printed:\n%s", last+1, len(blocks), err, blocks[min(last, len(blocks)-1)], printed[last])
		return printed
	}
	return printed[:last]
}

// tryGreeting runs the commands that the main job prints when it is ready:
// the indented lines of what it says.
func (j *job) tryGreeting(t *testing.T) {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(j.out.String(), "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			paragraphs = append(paragraphs, paragraph+"\n")
		}
	}
	want := [][]string{
		{},
		{"product.license-operator.dev/render-farm", "subscription.license-operator.dev/initech", "accesskey.license-operator.dev/acme-vendor"},
		{"<ActivateHostedProductResult><UserToken>{UserToken}", "</UserToken><PersistentIdentifier>P"},
		{"Checked out 1 of seats until ", "Extended until ", "Checked in"},
		{"Registration  https://localhost:", "/register/", "Activation    https://localhost:", "/activate/", "Good until    "},
		{"<Subscribed>true</Subscribed>", "subscription.license-operator.dev/initech patched"},
	}
	if len(paragraphs) != len(want) || strings.TrimSpace(paragraphs[0]) != sourceLine {
		t.Fatalf("the main job prints %d paragraphs of commands, want %d, the first being %q:\n%s",
			len(paragraphs), len(want), sourceLine, j.out)
	}
	// The last paragraph says to ask again.
	printed := j.run(t, append(paragraphs, "sleep 1\n", paragraphs[len(paragraphs)-1]))
	want = append(want, nil, []string{"<Subscribed>false</Subscribed>"})
	for i := range min(len(printed), len(want)) {
		for _, part := range want[i] {
			if !strings.Contains(printed[i], part) {
				t.Errorf("paragraph %d: %q is missing in what it prints:\n%s", i+1, part, printed[i])
			}
		}
	}
}

// checkReadme checks that the README shows what the main job prints, perhaps
// with lines left out.
func (j *job) checkReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(env.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := steps(string(readme))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || list[0].commands != "make run\n" || len(list[0].output) == 0 {
		t.Fatal("the first block of README.md must be make run, with its output")
	}
	printed := strings.Split(j.out.String(), "\n")
	for _, line := range list[0].output {
		at := slices.IndexFunc(printed, func(p string) bool { return difference([]string{line}, p) == "" })
		if at < 0 {
			t.Fatalf("make run does not print, or not at this place: %s", line)
		}
		printed = printed[at+1:]
	}
}
