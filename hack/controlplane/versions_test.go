// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestMajorMinor(t *testing.T) {
	for name, tc := range map[string]struct {
		version, major, minor string
		bad                   bool
	}{
		"a release is split at its dots":              {version: "v1.37.1", major: "1", minor: "37"},
		"a pre-release keeps plain numbers":           {version: "v1.38.0-rc.0", major: "1", minor: "38"},
		"a version without v is refused":              {version: "1.37.1", bad: true},
		"a version of two numbers is refused":         {version: "v1.37", bad: true},
		"a leading zero is refused":                   {version: "v1.07.1", bad: true},
		"text that could add linker flags is refused": {version: "v1.37.1 -X a=b", bad: true},
		"nothing is refused":                          {bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			major, minor, err := majorMinor(tc.version)
			if (err != nil) != tc.bad || major != tc.major || minor != tc.minor {
				t.Errorf("majorMinor(%q) = %q, %q, %v", tc.version, major, minor, err)
			}
		})
	}
}

func TestKubernetesLinkFlags(t *testing.T) {
	got, err := kubernetesLinkFlags("v1.37.1")
	if err != nil {
		t.Fatal(err)
	}
	const set = " -X PKG.gitVersion=v1.37.1 -X PKG.gitMajor=1 -X PKG.gitMinor=37" +
		" -X PKG.gitTreeState=clean -X PKG.gitCommit= -X PKG.buildDate=1970-01-01T00:00:00Z"
	want := "-s -w" + strings.ReplaceAll(set, "PKG", "k8s.io/component-base/version") +
		strings.ReplaceAll(set, "PKG", "k8s.io/client-go/pkg/version")
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := kubernetesLinkFlags("master"); err == nil {
		t.Error("flags were made for a version that is none")
	}
}

func TestParseModules(t *testing.T) {
	const kubernetes = `{"Path": "k8s.io/kubernetes", "Version": "v1.37.1"}`
	const etcd = `{"Path": "go.etcd.io/etcd/server/v3", "Version": "v3.7.0", "Indirect": true}`
	for name, tc := range map[string]struct {
		input string
		want  versions
		err   string
	}{
		"both modules are found":         {input: kubernetes + "\n" + etcd, want: versions{"v1.37.1", "v3.7.0"}},
		"other modules do not matter":    {input: `{"Path":"x"}` + etcd + kubernetes, want: versions{"v1.37.1", "v3.7.0"}},
		"a missing module is an error":   {input: kubernetes, err: "no usable version of go.etcd.io/etcd"},
		"a broken stream is an error":    {input: kubernetes + `{"Path"`, err: "reading the output"},
		"a directory as version is none": {input: etcd + `{"Path":"k8s.io/kubernetes","Version":"../.."}`, err: `"../.."`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseModules(strings.NewReader(tc.input))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

// FuzzParseModules checks that whatever go list says, the name of the cache
// directory is one path element.
func FuzzParseModules(f *testing.F) {
	f.Add(`{"Path":"k8s.io/kubernetes","Version":"v1.37.1"}{"Path":"go.etcd.io/etcd/server/v3","Version":"v3.7.0"}`)
	f.Add(`{"Path":"k8s.io/kubernetes","Version":"v1.37.1-../x"}{"Path":"go.etcd.io/etcd/server/v3","Version":"v3.7.0"}`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, input string) {
		v, err := parseModules(strings.NewReader(input))
		if err == nil && strings.ContainsAny(v.dirName(), "/\\ \n\x00") {
			t.Errorf("directory name %q", v.dirName())
		}
	})
}

// TestEmbeddedModule asks the real go command about the embedded module.
func TestEmbeddedModule(t *testing.T) {
	dir, err := writeModule()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, dir) })
	v, err := readVersions(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(goMod), "k8s.io/kubernetes "+v.kubernetes) {
		t.Errorf("go.mod does not require Kubernetes %s", v.kubernetes)
	}
	if !strings.Contains(string(goMod), "go.etcd.io/etcd/server/v3 "+v.etcd) {
		t.Errorf("go.mod does not require etcd %s", v.etcd)
	}
}
