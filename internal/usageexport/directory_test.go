// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usageexport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

var noon = time.Date(2031, time.May, 6, 12, 0, 0, 0, time.UTC)

// expired is 410 Gone, with a token to go on with or without one.
func expired(token string) error {
	err := apierrors.NewResourceExpired("the state is too old")
	err.ErrStatus.Continue = token
	return err
}

// fixed is an API server with records that the test has made up, in small pages.
type fixed struct {
	client.Reader

	records []v1alpha1.UsageRecord
	// fail is asked before each page.
	fail func() error
}

// List implements client.Reader.
func (f *fixed) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	if f.fail != nil && o.Limit > 1 {
		if err := f.fail(); err != nil {
			return err
		}
	}
	const page = 3
	start := 0
	if o.Continue != "" {
		if _, err := fmt.Sscan(o.Continue, &start); err != nil {
			return err
		}
	}
	into := list.(*v1alpha1.UsageRecordList)
	end := min(start+page, len(f.records))
	into.Items = f.records[start:end]
	if into.Continue = ""; end < len(f.records) {
		into.Continue = fmt.Sprint(end)
	}
	return nil
}

func recordOf(name string, made time.Time) v1alpha1.UsageRecord {
	return *builder.UsageRecord(name, "render-farm", "initech").InNamespace("acme").
		With(func(r *v1alpha1.UsageRecord) { r.CreationTimestamp = metav1.NewTime(made) }).Build()
}

// Runs at any times, of which some fail anywhere, in either format: each record
// that has settled by the last run that went well is in one file, once.
func TestEachRecordIsInOneFileOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(memory(), "usage-export-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		server := &fixed{}
		now := noon
		var last time.Time
		for range rapid.IntRange(1, 8).Draw(t, "runs") {
			for range rapid.IntRange(0, 7).Draw(t, "new records") {
				// Clocks of API servers differ, and a write takes its time.
				made := now.Add(-time.Duration(rapid.IntRange(0, 50).Draw(t, "late")) * time.Second)
				server.records = append(server.records, recordOf(fmt.Sprintf("record-%d", len(server.records)), made))
			}
			failing := rapid.IntRange(0, 9).Draw(t, "the page that fails")
			server.fail = func() error {
				if failing--; failing == 0 {
					return errors.New("the API server is away")
				}
				return nil
			}
			e := &Export{Client: server, Now: func() time.Time { return now }, Namespace: "acme", Directory: dir, Settle: MinSettle,
				Format: rapid.SampledFrom(Formats).Draw(t, "format"), WriteEmpty: rapid.Bool().Draw(t, "empty files")}
			if result, err := e.Run(context.Background()); err == nil && result.File != "" {
				last = result.To
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second)
		}
		var want []string
		for _, r := range server.records {
			if r.CreationTimestamp.Time.Before(last) {
				want = append(want, r.Name)
			}
		}
		got := exportedOf(t, dir)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("exported %v, want %v", got, want)
		}
	})
}

// memory is a directory that waits for no disk, where there is one.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

// exportedOf is exported for a property.
func exportedOf(t *rapid.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "usage-*"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
			if i := strings.Index(text, "record-"); i >= 0 {
				ids = append(ids, strings.FieldsFunc(text[i:], func(r rune) bool { return r == ',' || r == '"' })[0])
			}
		}
	}
	return ids
}

func TestTheFormOfTheFiles(t *testing.T) {
	plain := recordOf("usage-1", noon.Add(3*time.Second))
	split := *builder.UsageRecord("usage-2", "render-farm", "globex").InNamespace("acme").WithCustomer(`=cust "43", Ltd`).
		WithDimension("storage").WithQuantity(5).WithAllocation(3, "team", "<a & b>").WithAllocation(2, "", "").
		With(func(r *v1alpha1.UsageRecord) {
			at := metav1.NewTime(noon.Add(-time.Minute))
			r.Spec.ReportedTime, r.CreationTimestamp, r.Spec.PodUID, r.Spec.Operation = &at, metav1.NewTime(noon), "8d1f", v1alpha1.OperationMeterUsage
			r.Spec.CustomerAccountID = "010987654321"
		}).Build()
	for format, want := range map[Format]string{
		CSV: strings.Join(Columns, ",") + `
5e0bc2d8-6b9b-8c6e-9f51-0b1f4a3a9d10,acme,usage-1,render-farm,774F4FF8,initech,cust-42,,render-minutes,2031-05-06T07:00:00Z,3,,BatchMeterUsage,,,2031-05-06T12:00:03Z
5e0bc2d8-6b9b-8c6e-9f51-0b1f4a3a9d10,acme,usage-2,render-farm,774F4FF8,globex,"=cust ""43"", Ltd",010987654321,storage,2031-05-06T07:00:00Z,5,"[{""quantity"":3,""tags"":[{""key"":""team"",""value"":""\u003ca \u0026 b\u003e""}]},{""quantity"":2}]",MeterUsage,2031-05-06T11:59:00Z,8d1f,2031-05-06T12:00:00Z
`,
		JSONL: `{"meteringRecordID":"5e0bc2d8-6b9b-8c6e-9f51-0b1f4a3a9d10","namespace":"acme","name":"usage-1","product":"render-farm","productCode":"774F4FF8","subscription":"initech","customerIdentifier":"cust-42","customerAccountID":"","dimension":"render-minutes","hour":"2031-05-06T07:00:00Z","quantity":3,"allocations":[],"operation":"BatchMeterUsage","reportedTime":"","podUID":"","creationTime":"2031-05-06T12:00:03Z"}
{"meteringRecordID":"5e0bc2d8-6b9b-8c6e-9f51-0b1f4a3a9d10","namespace":"acme","name":"usage-2","product":"render-farm","productCode":"774F4FF8","subscription":"globex","customerIdentifier":"=cust \"43\", Ltd","customerAccountID":"010987654321","dimension":"storage","hour":"2031-05-06T07:00:00Z","quantity":5,"allocations":[{"quantity":3,"tags":[{"key":"team","value":"<a & b>"}]},{"quantity":2}],"operation":"MeterUsage","reportedTime":"2031-05-06T11:59:00Z","podUID":"8d1f","creationTime":"2031-05-06T12:00:00Z"}
`,
	} {
		e := &Export{Client: &fixed{records: []v1alpha1.UsageRecord{plain, split}}, Now: func() time.Time { return noon.Add(time.Hour) },
			Namespace: "acme", Directory: t.TempDir(), Settle: DefaultSettle, Format: format}
		raw, err := os.ReadFile(mustRun(t, e, 2).File)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(raw)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", format, diff)
		}
	}
}

func TestRunsThatAreRefused(t *testing.T) {
	in := func(files ...string) func(*Export, string) {
		return func(_ *Export, dir string) {
			for _, f := range files {
				if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, test := range map[string]struct {
		change func(e *Export, dir string)
		want   string
	}{
		"a settle time of less than a minute": {func(e *Export, _ string) { e.Settle = MinSettle - 1 }, "at least 1m"},
		"another format":                      {func(e *Export, _ string) { e.Format = "xml" }, "csv or jsonl"},
		"a directory that is not there":       {func(e *Export, dir string) { e.Directory = filepath.Join(dir, "none") }, "no such file"},
		"files that overlap":                  {in("usage-20310506T100000Z-20310506T110000Z.csv", "usage-20310506T105959Z-20310506T113000Z.csv"), "overlap"},
		"the same hours in both formats":      {in("usage-20310506T100000Z-20310506T110000Z.csv", "usage-20310506T100000Z-20310506T110000Z.jsonl"), "overlap"},
		"a file of the future":                {in("usage-20310506T100000Z-20310507T110000Z.csv"), "another cluster"},
		"answers without a Date":              {func(e *Export, _ string) { e.Now = func() time.Time { return time.Time{} } }, "no Date"},
		"a scope that is no JSON":             {func(_ *Export, dir string) { _ = os.WriteFile(filepath.Join(dir, scopeName), []byte("{"), 0o600) }, scopeName},
		"an API server that is away":          {func(e *Export, _ string) { e.Client = &fixed{fail: func() error { return errors.New("away") }} }, "away"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := &Export{Client: &fixed{records: []v1alpha1.UsageRecord{recordOf("record-1", noon)}}, Now: func() time.Time { return noon.Add(time.Hour) },
				Namespace: "acme", Directory: dir, Settle: DefaultSettle, Format: CSV}
			test.change(e, dir)
			before, _ := filepath.Glob(filepath.Join(dir, "usage-*"))
			if _, err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if after, _ := filepath.Glob(filepath.Join(dir, "usage-*")); !slices.Equal(before, after) {
				t.Errorf("the files were %v and are %v", before, after)
			}
		})
	}
}

func FuzzParseName(f *testing.F) {
	for _, name := range []string{"usage-19700101T000000Z-20310506T110000Z.csv", "usage-20310506T110000Z-20310506T110000Z.jsonl", "usage-20319906T110000Z-20310506T110000Z.csv", "usage.csv", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s, ok := parseName(name)
		if !ok {
			return
		}
		if !s.from.Before(s.to) || s.name(CSV) != name && s.name(JSONL) != name {
			t.Errorf("%s is read as %s", name, s.name(CSV))
		}
	})
}
