// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

const wantKubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: license-operator-local
  cluster:
    server: https://127.0.0.1:6443
    certificate-authority-data: Y2E=
users:
- name: license-operator-local
  user:
    client-certificate-data: Y2VydA==
    client-key-data: a2V5
contexts:
- name: license-operator-local
  context:
    cluster: license-operator-local
    user: license-operator-local
    namespace: default
current-context: license-operator-local
`

func TestRenderKubeconfig(t *testing.T) {
	got, err := renderKubeconfig(localURL(6443), []byte("ca"), []byte("cert"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != wantKubeconfig {
		t.Errorf("got:\n%s\nwant:\n%s", got, wantKubeconfig)
	}
}

func TestCheckKubeconfigPath(t *testing.T) {
	for name, tc := range map[string]struct {
		content *string
		bad     bool
	}{
		"a new file is fine":                         {},
		"an empty file is fine":                      {content: ptr("")},
		"our own kubeconfig is fine":                 {content: ptr(wantKubeconfig)},
		"the user's kubeconfig is not overwritten":   {content: ptr("apiVersion: v1\ncurrent-context: production\n"), bad: true},
		"our context with others is not overwritten": {content: ptr(wantKubeconfig + "preferences: {}\n"), bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if tc.content != nil {
				if err := os.WriteFile(path, []byte(*tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := checkKubeconfigPath(path); (err != nil) != tc.bad {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWriteAtomically(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte("old and longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeAtomically(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "new" {
		t.Errorf("content %q, error %v", content, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files in the directory, error %v", len(entries), err)
	}
	removeIfUnchanged(path, []byte("other"))
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a file that changed was removed: %v", err)
	}
	removeIfUnchanged(path, []byte("new"))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }
