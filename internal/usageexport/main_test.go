// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usageexport

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/test/env"
)

// childVariable makes this binary the process that a test kills: it exports into
// the directory that is its value and stands still after the first page.
const childVariable = "USAGE_EXPORT_CHILD"

var cluster *env.Env

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := standStill(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	env.Main(m, func(e *env.Env) { cluster = e })
}

// standStill exports in the child.
func standStill(dir string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	c, err := client.New(cfg, client.Options{Scheme: env.NewScheme()})
	if err != nil {
		return err
	}
	e := &Export{Client: &stopping{Reader: c}, Now: func() time.Time { return time.Now().Add(time.Hour) },
		Namespace: os.Getenv("USAGE_EXPORT_NAMESPACE"), Format: CSV, Directory: dir, Settle: MinSettle}
	_, err = e.Run(context.Background())
	return err
}

// stopping reads no second page.
type stopping struct {
	client.Reader
}

// List implements client.Reader.
func (s *stopping) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	if o.Continue != "" {
		fmt.Println("standing still")
		select {}
	}
	return s.Reader.List(ctx, list, opts...)
}

// exported are the ids in all files of a directory, in the order of the files.
func exported(t testing.TB, dir string) []string {
	t.Helper()
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
		if strings.HasSuffix(file, ".csv") {
			rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
			if err != nil || len(rows) == 0 || rows[0][0] != Columns[0] {
				t.Fatalf("%s: %v: %v", file, err, rows)
			}
			for _, row := range rows[1:] {
				ids = append(ids, row[2])
			}
			continue
		}
		for decoder := json.NewDecoder(bytes.NewReader(raw)); decoder.More(); {
			var l line
			if err := decoder.Decode(&l); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, l.Name)
		}
	}
	return ids
}
