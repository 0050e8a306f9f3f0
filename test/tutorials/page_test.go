// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tutorials_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// step is a block of commands of a page and the output that the page shows for
// it.
type step struct {
	// line is the number of the line on which the block begins.
	line     int
	commands string
	// output is nil where the page shows none.
	output []string
}

// steps reads the blocks of a page in order: ```sh holds commands, ```output
// what the block of commands before it prints.
func steps(page string) ([]step, error) {
	var found []step
	fence, begin := "", 0
	var block []string
	for i, line := range strings.Split(page, "\n") {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence, begin, block = line, i+1, nil
		case fence != "" && line == "```":
			switch {
			case fence == "```sh":
				found = append(found, step{line: begin, commands: strings.Join(block, "\n") + "\n"})
			case fence == "```output" && len(found) == 0:
				return nil, fmt.Errorf("line %d: an output without commands", begin)
			case fence == "```output" && found[len(found)-1].output != nil:
				return nil, fmt.Errorf("line %d: a second output of the same commands", begin)
			case fence == "```output":
				found[len(found)-1].output = block
			}
			fence = ""
		case fence != "":
			block = append(block, line)
		}
	}
	if fence != "" {
		return nil, fmt.Errorf("line %d: the block does not end", begin)
	}
	return found, nil
}

var blanks = regexp.MustCompile(`[ \t]+`)

// tidy makes one blank of several, so that a table may have other widths.
func tidy(line string) string { return strings.TrimSpace(blanks.ReplaceAllString(line, " ")) }

// difference says how what was printed differs from what a page shows, line by
// line. An ellipsis stands for any text within a line.
func difference(want []string, got string) string {
	printed := strings.Split(strings.TrimRight(got, "\n"), "\n")
	same := len(want) == len(printed)
	for i := 0; same && i < len(want); i++ {
		parts := strings.Split(tidy(want[i]), "…")
		for n := range parts {
			parts[n] = regexp.QuoteMeta(parts[n])
		}
		same = regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(tidy(printed[i]))
	}
	if same {
		return ""
	}
	return cmp.Diff(want, printed)
}

func TestStepsAreReadFromAPage(t *testing.T) {
	for name, c := range map[string]struct {
		page    string
		want    []step
		wantErr string
	}{
		"commands with and without output": {
			page: "a\n```sh\none\ntwo\n```\n\n```output\n1\n```\n```yaml\nno: step\n```\n```sh\nthree\n```\n",
			want: []step{{line: 2, commands: "one\ntwo\n", output: []string{"1"}}, {line: 13, commands: "three\n"}},
		},
		"an output without commands":              {page: "```output\n1\n```\n", wantErr: "line 1: an output without commands"},
		"two outputs":                             {page: "```sh\na\n```\n```output\n1\n```\n```output\n2\n```\n", wantErr: "line 7: a second output of the same commands"},
		"a block that does not end":               {page: "\n```sh\na\n", wantErr: "line 2: the block does not end"},
		"a fence in a block belongs to the block": {page: "```sh\n```yaml\n```\n", want: []step{{line: 1, commands: "```yaml\n"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := steps(c.page)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if diff := cmp.Diff(c.wantErr, message); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(step{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDifferencesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		want   []string
		got    string
		differ bool
	}{
		"the same text":                    {want: []string{"a", "b"}, got: "a\nb\n"},
		"another width of a table":         {want: []string{"NAME  AGE"}, got: "NAME     AGE   \n"},
		"an ellipsis stands for any text":  {want: []string{"<A>…</A>"}, got: "<A>(x+y)</A>\n"},
		"an ellipsis is no line break":     {want: []string{"<A>…</A>"}, got: "<A>\n</A>\n", differ: true},
		"another text":                     {want: []string{"true"}, got: "false\n", differ: true},
		"text after the ellipsis counts":   {want: []string{"a…b"}, got: "a1c\n", differ: true},
		"a line too many":                  {want: []string{"a"}, got: "a\nb\n", differ: true},
		"a line too few":                   {want: []string{"a", "b"}, got: "a\n", differ: true},
		"a page's dot is no wild card":     {want: []string{"a.c"}, got: "abc\n", differ: true},
		"something printed where none was": {want: []string{}, got: "a\n", differ: true},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := difference(c.want, c.got); (diff != "") != c.differ {
				t.Errorf("differ: %v, want %v: %s", diff != "", c.differ, diff)
			}
		})
	}
}
