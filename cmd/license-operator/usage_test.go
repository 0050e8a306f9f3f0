// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// apiServer answers discovery and lists of UsageRecords, at a time of its own.
func apiServer(t *testing.T, now time.Time) *rest.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		var answer any
		version := metav1.GroupVersionForDiscovery{GroupVersion: v1alpha1.GroupVersion.String(), Version: v1alpha1.GroupVersion.Version}
		switch r.URL.Path {
		case "/api":
			answer = metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions", APIVersion: "v1"}}
		case "/apis":
			answer = metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{{
				Name: v1alpha1.GroupVersion.Group, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version}}}
		case "/apis/license-operator.dev/v1alpha1":
			answer = metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: v1alpha1.GroupVersion.String(),
				APIResources: []metav1.APIResource{{Name: "usagerecords", SingularName: "usagerecord", Namespaced: true, Kind: "UsageRecord", Verbs: []string{"list"}}}}
		case "/apis/license-operator.dev/v1alpha1/namespaces/acme/usagerecords", "/apis/license-operator.dev/v1alpha1/usagerecords":
			list := v1alpha1.UsageRecordList{TypeMeta: metav1.TypeMeta{Kind: "UsageRecordList", APIVersion: v1alpha1.GroupVersion.String()}}
			record := builder.UsageRecord("usage-1", "render-farm", "initech").InNamespace("acme").Build()
			record.CreationTimestamp = metav1.NewTime(now.Add(-10 * time.Minute))
			list.Items = append(list.Items, *record)
			answer = list
		default:
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func TestUsageExport(t *testing.T) {
	// The API server's clock counts, not this machine's.
	now := time.Date(2031, time.May, 6, 12, 0, 0, 0, time.UTC)
	cfg := apiServer(t, now)
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		cmd := usageCommand(func() (*rest.Config, error) { return cfg, nil })
		cmd.SetArgs(append([]string{"export"}, args...))
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		err := cmd.ExecuteContext(context.WithoutCancel(t.Context()))
		return out.String(), err
	}
	t.Run("a file, and then nothing", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "usage-19700101T000000Z-20310506T115500Z.csv")
		if out, err := run("--namespace", "acme", "--directory", dir); err != nil || out != "1 records in "+file+"\n" {
			t.Errorf("%q %v", out, err)
		}
		if raw, err := os.ReadFile(file); err != nil || strings.Count(string(raw), "\n") != 2 {
			t.Errorf("%s %v", raw, err)
		}
		if out, err := run("--namespace", "acme", "--directory", dir); err != nil || out != "Nothing was recorded from 2031-05-06T11:55:00Z to 2031-05-06T11:55:00Z.\n" {
			t.Errorf("%q %v", out, err)
		}
	})
	t.Run("what has not settled waits", func(t *testing.T) {
		if out, err := run("-A", "--directory", t.TempDir(), "--settle", "10m", "--format", "JSONL"); err != nil || !strings.HasPrefix(out, "Nothing was recorded from 1970-01-01T00:00:00Z") {
			t.Errorf("%q %v", out, err)
		}
	})
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"neither namespace nor all": {[]string{"--directory", "x"}, "either --namespace or --all-namespaces"},
		"both":                      {[]string{"--directory", "x", "-n", "acme", "-A"}, "either --namespace or --all-namespaces"},
		"no directory":              {[]string{"-A"}, "--directory"},
		"another format":            {[]string{"-A", "--directory", "x", "--format", "xml"}, "csv or jsonl"},
		"too little time to settle": {[]string{"-A", "--directory", t.TempDir(), "--settle", "10s"}, "at least 1m"},
		"a directory that is none":  {[]string{"-A", "--directory", filepath.Join(t.TempDir(), "none")}, "no such file"},
		"a namespace without usage": {[]string{"-n", "other", "--directory", t.TempDir()}, "list the UsageRecords"},
		"more arguments":            {[]string{"-A", "acme"}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := run(test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q %v, want %q", out, err, test.want)
			}
		})
	}
	t.Run("no cluster", func(t *testing.T) {
		cmd := usageCommand(func() (*rest.Config, error) { return nil, errors.New("find the cluster") })
		cmd.SetArgs([]string{"export", "-A", "--directory", t.TempDir()})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.ExecuteContext(context.WithoutCancel(t.Context())); err == nil || err.Error() != "find the cluster" {
			t.Errorf("%v", err)
		}
	})
}
