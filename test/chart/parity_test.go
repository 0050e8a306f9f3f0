// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/license-operator/license-operator/test/env"
)

func TestTheChartAndConfigSayTheSame(t *testing.T) {
	fromChart, fromConfig := byID(t, template(t)), byID(t, kustomize(t))
	// Helm makes the namespace itself, if asked to.
	delete(fromConfig, "Namespace /"+env.OperatorNamespace)
	for name, want := range fromConfig {
		got := fromChart[name]
		if got == nil {
			t.Errorf("the chart lacks %s", name)
			continue
		}
		if diff := cmp.Diff(text(t, plain(want.Object)), text(t, plain(got.Object))); diff != "" {
			t.Errorf("%s (-config +chart):\n%s", name, diff)
		}
	}
	for name := range fromChart {
		if fromConfig[name] == nil {
			t.Errorf("config lacks %s", name)
		}
	}
}

// text is v as YAML: lines make short differences.
func text(t testing.TB, v any) string {
	t.Helper()
	out, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// plain removes from everything in v the labels that say how it was installed,
// and Helm's policy.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		removed := false
		for key, value := range v {
			name, suffix, _ := strings.Cut(key, "/")
			if name == "helm.sh" || name == "app.kubernetes.io" && suffix != "component" {
				delete(v, key)
				removed = true
				continue
			}
			v[key] = plain(value)
			if m, ok := v[key].(map[string]any); ok && m == nil {
				delete(v, key)
			}
		}
		if removed && len(v) == 0 {
			return map[string]any(nil)
		}
		return v
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

func TestTheDefinitionsAreThoseThatWereGenerated(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(env.Root(), "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	for name, objects := range map[string][]object{"chart": template(t), "config": kustomize(t)} {
		t.Run(name, func(t *testing.T) {
			rendered := byID(t, ofKind(objects, "CustomResourceDefinition"))
			if len(rendered) != len(files) {
				t.Errorf("%d definitions, want %d", len(rendered), len(files))
			}
			for _, file := range files {
				for _, want := range readConfig(t, "crd", "bases", filepath.Base(file)) {
					got := rendered[id(want)]
					if got == nil {
						t.Errorf("no %s", id(want))
						continue
					}
					if diff := cmp.Diff(text(t, want.Object["spec"]), text(t, got.Object["spec"])); diff != "" {
						t.Errorf("%s (-generated +rendered); \"make generate\" brings them in step:\n%s", id(want), diff)
					}
					if keep := got.GetAnnotations()["helm.sh/resource-policy"]; name == "chart" && keep != "keep" {
						t.Errorf("%s would be deleted by Helm: resource-policy is %q", id(want), keep)
					}
				}
			}
		})
	}
}

func TestTheDeploymentStaysUpThroughAnUpgrade(t *testing.T) {
	for name, objects := range map[string][]object{"chart": template(t), "config": kustomize(t)} {
		t.Run(name, func(t *testing.T) {
			d := deployment(t, objects)
			rolling := d.Spec.Strategy.RollingUpdate
			if *d.Spec.Replicas < 2 || rolling == nil || rolling.MaxUnavailable.String() != "0" {
				t.Errorf("replicas or strategy let the endpoint go away: %+v", d.Spec)
			}
			pod := d.Spec.Template.Spec
			if len(pod.TopologySpreadConstraints) != 2 {
				t.Errorf("%d topology spread constraints, want 2", len(pod.TopologySpreadConstraints))
			}
			for _, c := range pod.TopologySpreadConstraints {
				if c.WhenUnsatisfiable != corev1.ScheduleAnyway {
					t.Errorf("a cluster of one node could not run it: %+v", c)
				}
				if diff := cmp.Diff(d.Spec.Selector, c.LabelSelector); diff != "" {
					t.Errorf("spread over %s counts other pods (-selector +constraint):\n%s", c.TopologyKey, diff)
				}
			}
			index := byID(t, objects)
			for _, service := range []string{"license-operator", "license-operator-metrics"} {
				s := &corev1.Service{}
				convert(t, index["Service "+env.OperatorNamespace+"/"+service], s)
				if diff := cmp.Diff(d.Spec.Selector.MatchLabels, s.Spec.Selector); diff != "" {
					t.Errorf("Service %s selects other pods (-Deployment +Service):\n%s", service, diff)
				}
			}
			for key, value := range d.Spec.Selector.MatchLabels {
				if got := d.Spec.Template.Labels[key]; got != value {
					t.Errorf("the pods' label %s is %q, selected is %q", key, got, value)
				}
			}
		})
	}
}
