// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usageexport

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/license-operator/license-operator/test/env"
)

// page is docs/billing.md.
func page(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(env.Root(), "docs", "billing.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The manifests of the page are applied as they are, and what they allow is
// enough to export.
func TestTheCronJobOfThePageMayExport(t *testing.T) {
	block := regexp.MustCompile("(?s)\n```yaml\n(.*?)```\n").FindStringSubmatch(page(t))
	if block == nil {
		t.Fatal("the page has no manifests")
	}
	namespace := cluster.Namespace(t)
	strict := client.WithFieldValidation(cluster.Client, "Strict")
	for text := range strings.SplitSeq(block[1], "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "namespace: acme", "namespace: "+namespace)), &o.Object); err != nil {
			t.Fatal(err)
		}
		if err := strict.Create(t.Context(), o); err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "usage-export"}}
	token := &authenticationv1.TokenRequest{}
	if err := cluster.Client.SubResource("token").Create(t.Context(), account, token); err != nil {
		t.Fatal(err)
	}
	cfg := rest.AnonymousClientConfig(cluster.Admin)
	cfg.BearerToken = token.Status.Token
	c, err := client.New(cfg, client.Options{Scheme: cluster.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	latest := create(t, namespace, "usage-1")
	e := exportOf(namespace, t.TempDir(), latest.Add(time.Second))
	e.Client = c
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		result, err := e.Run(t.Context())
		if err == nil && result.Records == 1 {
			break
		}
		if time.Since(start) > 10*time.Second { // RBAC takes a moment to be known.
			t.Fatalf("%+v %v", result, err)
		}
	}
	e.Namespace, e.Directory = "", t.TempDir()
	if _, err := e.Run(t.Context()); err == nil {
		t.Error("the Role of one namespace is enough for all")
	}
}

func TestThePageTellsTheColumns(t *testing.T) {
	text := page(t)
	_, section, _ := strings.Cut(text, "\n## Columns\n")
	section, _, _ = strings.Cut(section, "\n## ")
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(row[1], ",") {
			told[strings.Trim(name, " `")] = true
		}
	}
	for _, column := range Columns {
		if !told[column] {
			t.Errorf("the page does not tell of %s", column)
		}
		delete(told, column)
	}
	if len(told) > 0 {
		t.Errorf("the page tells of %v, which there are not", told)
	}
}
