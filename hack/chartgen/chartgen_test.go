// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
)

const crd = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    tool/version: v1
  name: things.example.dev
spec:
  description: braces {{ and }} and {{}} and ` + "`ticks`" + `
  maximum: 9223372036854775807
`

const roles = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: license-operator
rules:
- verbs:
  - get
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: license-operator
  namespace: n
rules:
- verbs:
  - list
`

const userRoles = `# A comment.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: license-operator-view
rules:
- verbs:
  - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: license-operator-edit
  labels:
    a: b
rules:
- verbs:
  - patch
`

// render executes a template as Helm would, with a stand-in for the chart's
// own labels.
func render(t *testing.T, text, name string) string {
	t.Helper()
	var out bytes.Buffer
	tmpl := template.New("main")
	tmpl.Funcs(template.FuncMap{
		"include": func(string, any) string { return "label: x" },
		"nindent": func(_ int, s string) string { return "\n    " + s },
	})
	template.Must(tmpl.Parse(text))
	values := map[string]any{"Values": map[string]any{"crds": map[string]any{"install": true}}}
	if err := tmpl.ExecuteTemplate(&out, name, values); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGeneratedTemplatesRenderWhatTheManifestsSay(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"crd/bases", "rbac", "chart/templates"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "crd/bases/things.yaml"), crd)
	write(t, filepath.Join(dir, "rbac/role.yaml"), roles)
	write(t, filepath.Join(dir, "rbac/user_roles.yaml"), userRoles)
	if err := run([]string{"-config", dir, "-chart", filepath.Join(dir, "chart")}, t.Output()); err != nil {
		t.Fatal(err)
	}

	want := `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.dev
  annotations:
    helm.sh/resource-policy: keep
    tool/version: v1
  labels:
    label: x
spec:
  description: braces {{ and }} and {{}} and ` + "`ticks`" + `
  maximum: 9223372036854775807
`
	got := render(t, read(t, filepath.Join(dir, "chart/templates/crds.yaml")), "main")
	if diff := cmp.Diff(want, strings.TrimLeft(got, "\n")); diff != "" {
		t.Errorf("crds.yaml (-want +got):\n%s", diff)
	}
	rules := read(t, filepath.Join(dir, "chart/templates/_rules.tpl"))
	for name, verb := range map[string]string{
		"clusterRules": "get", "namespaceRules": "list", "viewRules": "watch", "editRules": "patch",
	} {
		if got, want := render(t, rules, "license-operator."+name), "- verbs:\n  - "+verb; got != want {
			t.Errorf("%s are %q, want %q", name, got, want)
		}
	}
}

func TestDefinitionsThatWouldLoseSomethingAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ manifest, want string }{
		"no spec":                          {"kind: CustomResourceDefinition\n", "no spec"},
		"two definitions":                  {crd + crd, "more than one document"},
		"a field that nobody reads":        {strings.Replace(crd, "\nspec:", "\nmore: x\nspec:", 1), `unknown field "more"`},
		"something else than a definition": {strings.Replace(crd, "CustomResourceDefinition", "Secret", 1), `kind "Secret"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := crdDocument(test.manifest)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestRolesThatWouldLoseSomethingAreRefused(t *testing.T) {
	second := roles[strings.LastIndex(roles, "---\n"):]
	for name, test := range map[string]struct{ manifest, want string }{
		"no rules":                     {"kind: Role\n", "without rules"},
		"a missing Role":               {strings.TrimSuffix(roles, second), "no Role/license-operator"},
		"a Role for another namespace": {roles + second, "more than one Role/license-operator"},
		"a role of another name":       {strings.Replace(roles, "name: license-operator", "name: x", 1), "ClusterRole/x has no place"},
		"a field that nobody reads":    {strings.Replace(roles, "\nrules:", "\naggregationRule: {}\nrules:", 1), `unknown field "aggregationRule"`},
	} {
		t.Run(name, func(t *testing.T) {
			file, users := filepath.Join(t.TempDir(), "role.yaml"), filepath.Join(t.TempDir(), "users.yaml")
			write(t, file, test.manifest)
			write(t, users, userRoles)
			_, err := ruleTemplate(file, users)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestArgumentsThatNobodyReadsAreRefused(t *testing.T) {
	if err := run([]string{"charts"}, t.Output()); err == nil {
		t.Error("no error for a stray argument")
	}
	if err := run([]string{"-config", t.TempDir()}, t.Output()); err == nil {
		t.Error("no error for a directory without definitions")
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
