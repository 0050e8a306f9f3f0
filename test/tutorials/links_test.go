// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tutorials_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

var (
	fenced   = regexp.MustCompile("(?ms)^```.*?^```")
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	noAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors are the fragments that a page's headings can be linked by, as GitHub
// makes them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		text := noAnchor.ReplaceAllString(strings.ToLower(h[1]), "")
		found[strings.ReplaceAll(strings.TrimSpace(text), " ", "-")] = true
	}
	return found
}

// TestLinksLeadSomewhere follows every relative link of every page.
func TestLinksLeadSomewhere(t *testing.T) {
	followed := 0
	err := filepath.WalkDir(env.Root(), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != env.Root() {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(file) != ".md" {
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, l := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(data), ""), -1) {
			target, fragment, _ := strings.Cut(l[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			followed++
			to := file
			if target != "" {
				to = filepath.Join(filepath.Dir(file), filepath.FromSlash(target))
			}
			page, err := os.ReadFile(to)
			switch {
			case !exists(to):
				t.Errorf("%s: %s does not exist", file, l[1])
			case fragment != "" && (err != nil || !anchors(string(page))[fragment]):
				t.Errorf("%s: %s has no such heading", file, l[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if followed == 0 {
		t.Error("no links found")
	}
}

var makeTarget = regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")

// TestTheTargetsOfMakeExist looks for each `make TARGET` of the pages that
// people begin with.
func TestTheTargetsOfMakeExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(env.Root(), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/protocols/devpay.md"} {
		data, err := os.ReadFile(filepath.Join(env.Root(), filepath.FromSlash(page)))
		if err != nil {
			t.Fatal(err)
		}
		named := makeTarget.FindAllStringSubmatch(string(data), -1)
		if len(named) == 0 {
			t.Errorf("%s names no target", page)
		}
		for _, target := range named {
			if !strings.Contains(string(makefile), "\n"+target[1]+":") {
				t.Errorf("%s: the Makefile has no target %s", page, target[1])
			}
		}
	}
}
