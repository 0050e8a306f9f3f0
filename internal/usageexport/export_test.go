// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usageexport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

// make creates records and returns the latest time of creation.
func create(t *testing.T, namespace string, names ...string) time.Time {
	t.Helper()
	var mu sync.Mutex
	var latest time.Time
	var wg sync.WaitGroup
	todo := make(chan string)
	for range 8 {
		wg.Go(func() {
			for name := range todo {
				r := builder.UsageRecord(name, "render-farm", "initech").InNamespace(namespace).Build()
				if err := cluster.Client.Create(t.Context(), r); err != nil {
					t.Error(err)
					continue
				}
				mu.Lock()
				if r.CreationTimestamp.After(latest) {
					latest = r.CreationTimestamp.Time
				}
				mu.Unlock()
			}
		})
	}
	for _, name := range names {
		todo <- name
	}
	close(todo)
	wg.Wait()
	return latest
}

func names(prefix string, count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return all
}

// exportOf is an export at a time of the API server's at which everything up to
// `to` has settled.
func exportOf(namespace, dir string, to time.Time) *Export {
	return &Export{Client: cluster.Client, Now: func() time.Time { return to.Add(DefaultSettle) },
		Namespace: namespace, Format: CSV, Directory: dir, Settle: DefaultSettle}
}

func mustRun(t *testing.T, e *Export, want int) Result {
	t.Helper()
	result, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if result.Records != want {
		t.Errorf("%d records, want %d", result.Records, want)
	}
	return result
}

func TestEachRunExportsWhatTheOnesBeforeHaveNot(t *testing.T) {
	namespace, other, dir := cluster.Namespace(t), cluster.Namespace(t), t.TempDir()
	first := create(t, namespace, names("first", PageSize+20)...)
	create(t, other, "elsewhere")
	to := first.Add(time.Second)
	result := mustRun(t, exportOf(namespace, dir, to), PageSize+20)
	if want := filepath.Join(dir, "usage-19700101T000000Z-"+to.UTC().Format(timeLayout)+".csv"); result.File != want {
		t.Errorf("the file is %s, want %s", result.File, want)
	}
	if result := mustRun(t, exportOf(namespace, dir, to), 0); result.File != "" {
		t.Errorf("a file of nothing: %s", result.File)
	}
	time.Sleep(time.Until(to))
	second := create(t, namespace, names("second", 3)...)
	mustRun(t, exportOf(namespace, dir, second), 0+countBefore(t, namespace, to, second))
	e := exportOf(namespace, dir, second.Add(time.Second))
	e.Format = JSONL
	if _, err := e.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := exported(t, dir)
	slices.Sort(got)
	if want := append(names("first", PageSize+20), names("second", 3)...); !slices.Equal(got, want) {
		t.Errorf("%d are exported, want each of %d once", len(got), len(want))
	}
	if entries, err := filepath.Glob(filepath.Join(dir, tempPattern)); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	t.Run("an empty file if it is asked for", func(t *testing.T) {
		e := exportOf(namespace, dir, second.Add(time.Hour))
		e.WriteEmpty = true
		if result := mustRun(t, e, 0); result.File == "" {
			t.Error("no file")
		}
		if result := mustRun(t, e, 0); result.File != "" {
			t.Errorf("no time has passed, and there is %s", result.File)
		}
	})
	t.Run("all namespaces need a directory of their own", func(t *testing.T) {
		if _, err := exportOf("", dir, second.Add(time.Hour)).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another one") {
			t.Errorf("%v", err)
		}
		all := t.TempDir()
		if _, err := exportOf("", all, second.Add(time.Hour)).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := exported(t, all); !slices.Contains(got, "elsewhere") || !slices.Contains(got, "first-0000") {
			t.Errorf("%d records of all namespaces", len(got))
		}
	})
}

func countBefore(t *testing.T, namespace string, from, to time.Time) (count int) {
	t.Helper()
	list := &v1alpha1.UsageRecordList{}
	if err := cluster.Client.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if made := list.Items[i].CreationTimestamp.Time; !made.Before(from) && made.Before(to) {
			count++
		}
	}
	return count
}

func TestAnExportThatIsKilledLeavesNoFileAndTheNextHasEverything(t *testing.T) {
	namespace, dir := cluster.Namespace(t), t.TempDir()
	latest := create(t, namespace, names("record", PageSize+1)...)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir, "KUBECONFIG="+env.Kubeconfig(t, cluster.Admin), "USAGE_EXPORT_NAMESPACE="+namespace)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "standing still\n" {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := exportOf(namespace, dir, latest.Add(time.Second)).Run(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("two at once: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if got := exported(t, dir); len(got) != 0 {
		t.Errorf("%d records in files", len(got))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, tempPattern)); len(left) != 1 {
		t.Errorf("the killed one has left %v", left)
	}
	mustRun(t, exportOf(namespace, dir, latest.Add(time.Second)), PageSize+1)
	if left, _ := filepath.Glob(filepath.Join(dir, tempPattern)); len(left) != 0 {
		t.Errorf("what the killed one has left is still there: %v", left)
	}
}

// forgetful is an API server that forgets the state that the pages are of.
type forgetful struct {
	client.Reader

	// token is offered to go on with, "" for none; forget says whether it
	// forgets now.
	token  bool
	forget func() bool
	passes int
}

// List implements client.Reader.
func (f *forgetful) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	if o.Continue == "" && o.Limit > 1 {
		f.passes++
	}
	if o.Continue != "" && f.forget() {
		token := ""
		if f.token {
			token = o.Continue
		}
		return expired(token)
	}
	return f.Reader.List(ctx, list, opts...)
}

func TestAnExportWhosePagesExpire(t *testing.T) {
	namespace := cluster.Namespace(t)
	latest := create(t, namespace, names("record", 2*PageSize+1)...)
	for name, test := range map[string]struct {
		token  bool
		times  int
		passes int
		fails  bool
	}{
		"goes on where the API server lets it":          {token: true, times: 2, passes: 1},
		"begins again where it does not":                {times: 2, passes: 3},
		"gives up if that happens each time":            {times: 100, passes: passes, fails: true},
		"is not disturbed by an API server that forgot": {times: 0, passes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := exportOf(namespace, dir, latest.Add(time.Second))
			left := test.times
			f := &forgetful{Reader: cluster.Client, token: test.token, forget: func() bool { left--; return left >= 0 }}
			e.Client = f
			_, err := e.Run(t.Context())
			if (err != nil) != test.fails || f.passes != test.passes {
				t.Errorf("%v after %d passes", err, f.passes)
			}
			got := exported(t, dir)
			slices.Sort(got)
			want := names("record", 2*PageSize+1)
			if test.fails {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d records, want %d", len(got), len(want))
			}
		})
	}
}
