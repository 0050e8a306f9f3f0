// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

func TestTheOperatorMayDoExactlyWhatTheGeneratedRoleSays(t *testing.T) {
	generated := roles(t, readConfig(t, "rbac", "role.yaml"))
	if len(generated) != 2 {
		t.Fatalf("%d roles in role.yaml, want 2", len(generated))
	}
	for name, objects := range map[string][]object{"chart": template(t), "config": kustomize(t)} {
		t.Run(name, func(t *testing.T) {
			rendered := roles(t, objects)
			for role, want := range generated {
				got := rendered[role]
				if got == nil {
					t.Fatalf("no %s", role)
				}
				if diff := cmp.Diff(want.Rules, got.Rules); diff != "" {
					t.Errorf("rules of %s (-generated +rendered):\n%s", role, diff)
				}
				if got.AggregationRule != nil {
					t.Errorf("%s grows by aggregation", role)
				}
			}
		})
	}
}

func TestNoRoleHasAForbiddenRule(t *testing.T) {
	for name, objects := range map[string][]object{
		"chart": template(t), "chart with everything changed": template(t, everything...), "config": kustomize(t),
	} {
		t.Run(name, func(t *testing.T) {
			rendered := roles(t, objects)
			if len(rendered) != 4 {
				t.Errorf("%d roles, want the operator's 2 and the users' 2", len(rendered))
			}
			for role, r := range rendered {
				kind, _, _ := strings.Cut(role, " ")
				for _, rule := range r.Rules {
					for _, fault := range forbidden(kind == "ClusterRole", rule) {
						t.Errorf("%s: %s", role, fault)
					}
				}
			}
		})
	}
}

func TestTheListOfForbiddenRulesFindsEach(t *testing.T) {
	core := func(resource string, verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{resource}, Verbs: verbs}
	}
	for name, test := range map[string]struct {
		wide bool
		rule rbacv1.PolicyRule
		bad  bool
	}{
		"reading Secrets everywhere":        {true, core("secrets", "get"), true},
		"listing Secrets everywhere":        {true, core("secrets", "create", "list"), true},
		"watching Secrets everywhere":       {true, core("secrets", "watch"), true},
		"reading Secrets at home":           {false, core("secrets", "get", "list", "watch"), false},
		"writing Secrets everywhere":        {true, core("secrets", "create", "patch"), false},
		"deleting Secrets at home":          {false, core("secrets", "delete"), true},
		"deleting many Secrets at home":     {false, core("secrets", "deletecollection"), true},
		"all verbs":                         {false, core("configmaps", "*"), true},
		"all resources":                     {false, core("*", "get"), true},
		"all subresources":                  {false, core("*/status", "get"), true},
		"all groups":                        {false, rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"x"}, Verbs: []string{"get"}}, true},
		"a path of the API server":          {true, rbacv1.PolicyRule{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}, true},
		"impersonation":                     {true, core("users", "impersonate"), true},
		"escalation":                        {true, rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles"}, Verbs: []string{"escalate"}}, true},
		"binding":                           {true, rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles"}, Verbs: []string{"bind"}}, true},
		"reading roles":                     {true, rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles"}, Verbs: []string{"get"}}, true},
		"a shell in a pod":                  {true, core("pods/exec", "create"), true},
		"a token of another account":        {true, core("serviceaccounts/token", "create"), true},
		"making pods":                       {false, core("pods", "create"), true},
		"watching pods":                     {true, core("pods", "get", "list", "watch"), false},
		"making workloads":                  {false, rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"patch"}}, true},
		"writing namespaces":                {true, core("namespaces", "patch"), true},
		"asking who a token belongs to":     {true, rbacv1.PolicyRule{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}}, false},
		"approving certificates":            {true, rbacv1.PolicyRule{APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests/approval"}, Verbs: []string{"update"}}, true},
		"changing admission":                {true, rbacv1.PolicyRule{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"validatingwebhookconfigurations"}, Verbs: []string{"get"}}, true},
		"changing definitions":              {true, rbacv1.PolicyRule{APIGroups: []string{"apiextensions.k8s.io"}, Resources: []string{"customresourcedefinitions"}, Verbs: []string{"update"}}, true},
		"configuration in other namespaces": {true, core("configmaps", "get"), true},
		"leases in other namespaces":        {true, rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"update"}}, true},
		"the operator's own kinds":          {true, rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"seatledgers"}, Verbs: []string{"create", "update"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if faults := forbidden(test.wide, test.rule); (len(faults) > 0) != test.bad {
				t.Errorf("faults are %q", faults)
			}
		})
	}
}

// forbidden says what of a rule no role of ours may ever have. A wide rule
// holds in every namespace.
func forbidden(wide bool, rule rbacv1.PolicyRule) []string {
	var faults []string
	if len(rule.NonResourceURLs) > 0 {
		faults = append(faults, "paths: "+strings.Join(rule.NonResourceURLs, " "))
	}
	for _, s := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs) {
		if strings.Contains(s, "*") {
			faults = append(faults, "wildcard "+s)
		}
	}
	for _, group := range rule.APIGroups {
		if slices.Contains([]string{rbacv1.GroupName, "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
			"certificates.k8s.io", "node.k8s.io", "policy"}, group) {
			faults = append(faults, "group "+group)
		}
		if slices.Contains([]string{"apps", "batch"}, group) && !readOnly(rule) {
			faults = append(faults, "writes in group "+group)
		}
	}
	for _, verb := range rule.Verbs {
		if slices.Contains([]string{"escalate", "bind", "impersonate", "approve", "sign"}, verb) {
			faults = append(faults, "verb "+verb)
		}
	}
	for _, resource := range rule.Resources {
		faults = append(faults, forbiddenResource(wide, resource, rule)...)
	}
	return faults
}

func forbiddenResource(wide bool, resource string, rule rbacv1.PolicyRule) []string {
	var faults []string
	deny := func(verbs ...string) {
		for _, verb := range rule.Verbs {
			if slices.Contains(verbs, verb) {
				faults = append(faults, verb+" "+resource)
			}
		}
	}
	switch resource {
	case "secrets":
		deny("delete", "deletecollection")
		if wide {
			deny("get", "list", "watch", "update")
		}
	case "configmaps", "leases":
		if wide {
			faults = append(faults, resource+" in all namespaces")
		}
	case "pods", "namespaces":
		if !readOnly(rule) {
			faults = append(faults, "writes "+resource)
		}
	case "nodes", "serviceaccounts", "persistentvolumes", "replicationcontrollers":
		faults = append(faults, resource)
	default:
		parent, _, sub := strings.Cut(resource, "/")
		if sub && slices.Contains([]string{"pods", "nodes", "services", "serviceaccounts", "namespaces"}, parent) {
			faults = append(faults, resource)
		}
	}
	return faults
}

func readOnly(rule rbacv1.PolicyRule) bool {
	return !slices.ContainsFunc(rule.Verbs, func(verb string) bool {
		return !slices.Contains([]string{"get", "list", "watch"}, verb)
	})
}

func TestUsersSeeLicencesAndNothingElse(t *testing.T) {
	kinds := []string{"accesskeys", "activations", "licensecheckouts", "products", "subscriptions"}
	read, write := []string{"get", "list", "watch"}, []string{"create", "delete", "deletecollection", "patch", "update"}
	const prefix = "rbac.authorization.k8s.io/aggregate-to-"
	for source, objects := range map[string][]object{"chart": template(t), "config": kustomize(t)} {
		rendered := roles(t, objects)
		for name, test := range map[string]struct{ kinds, verbs, aggregateTo []string }{
			"license-operator-view": {append([]string{"seatledgers"}, kinds...), read, []string{"view", "edit", "admin"}},
			"license-operator-edit": {kinds, append(write, read...), []string{"edit", "admin"}},
		} {
			t.Run(source+": "+name, func(t *testing.T) {
				r := rendered["ClusterRole "+name]
				if r == nil {
					t.Fatal("no such role")
				}
				slices.Sort(test.kinds)
				slices.Sort(test.verbs)
				want := []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: test.kinds, Verbs: test.verbs}}
				if diff := cmp.Diff(want, r.Rules); diff != "" {
					t.Errorf("rules (-want +got):\n%s", diff)
				}
				for _, role := range []string{"view", "edit", "admin"} {
					if got, want := r.Labels[prefix+role] == "true", slices.Contains(test.aggregateTo, role); got != want {
						t.Errorf("aggregated to %s: %t, want %t", role, got, want)
					}
				}
			})
		}
	}
}
