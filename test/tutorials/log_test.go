// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tutorials_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkLog checks the lines that the operator has written about requests: they
// have the fields that docs/operations.md lists and no others, and hold no
// token. Fields that need not be there say "if" first.
func (j *job) checkLog(t *testing.T) {
	optional := map[string]bool{}
	for _, row := range tableRows(t, "operations.md", "Logs") {
		optional[row[0]] = strings.HasPrefix(row[1], "if ")
	}
	data, err := os.ReadFile(filepath.Join(j.dir, "operator.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "Token}") {
		t.Error("there is a token in the log")
	}
	if strings.Contains(string(data), "/register/") || strings.Contains(string(data), "/activate/") {
		t.Error("there is a link to a page in the log")
	}
	requests := 0
	seen := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		fields := map[string]any{}
		if json.Unmarshal([]byte(line), &fields) != nil || fields["logger"] != "endpoint" || fields["msg"] != "Request" {
			continue
		}
		requests++
		for name := range fields {
			seen[name] = true
			if _, known := optional[name]; !known {
				t.Errorf("docs/operations.md does not list the field %s", name)
			}
		}
		for name, may := range optional {
			if _, found := fields[name]; !found && !may {
				t.Errorf("the field %s is missing in: %s", name, line)
			}
		}
	}
	if requests == 0 {
		t.Fatal("no line for any request")
	}
	for _, name := range []string{"namespace", "accessKey", "detail"} {
		if !seen[name] {
			t.Errorf("no line has the field %s", name)
		}
	}
}
