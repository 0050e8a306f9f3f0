// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/env"
)

// outline is that of every page in docs/kinds.
var outline = []string{
	"## What it is",
	"## Example",
	"## What you set",
	"## What it tells",
	"## When you delete it",
	"## After a restore",
	"## With kubectl",
}

var (
	yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)```\n")
	heading   = regexp.MustCompile(`(?m)^## .*$`)
)

// page reads the page of a kind.
func page(t *testing.T, kind string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(env.Root(), "docs", "kinds", strings.ToLower(kind)+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// promises are the conditions and reasons that the pages explain.
var promises = map[string][]string{
	"Product": {v1alpha1.ConditionReady, v1alpha1.ConditionAccountUnique, v1alpha1.ReasonReady, v1alpha1.ReasonUnique,
		v1alpha1.ReasonDuplicateCode, v1alpha1.ReasonDuplicateSKU, v1alpha1.ReasonDuplicateAccount,
		v1alpha1.ReasonInvalidAccount, v1alpha1.ReasonSecretConflict},
	"Subscription": {v1alpha1.ConditionReady, v1alpha1.ConditionSubscribed, v1alpha1.ReasonReady,
		v1alpha1.ReasonActive, v1alpha1.ReasonInGracePeriod, v1alpha1.ReasonPaymentPending, v1alpha1.ReasonSuspended,
		v1alpha1.ReasonCancelled, v1alpha1.ReasonNotStarted, v1alpha1.ReasonExpired, v1alpha1.ReasonProductNotFound,
		v1alpha1.ReasonUnknownEntitlement, v1alpha1.ReasonSecretConflict, v1alpha1.ReasonSecretNotWritten,
		v1alpha1.ConditionUsageAccepted, v1alpha1.ReasonSubscribed, v1alpha1.ReasonUnsubscribePending,
		v1alpha1.ReasonUnsubscribed, v1alpha1.ReasonNeverSubscribed,
		v1alpha1.ConditionNotified, v1alpha1.ReasonDelivered, v1alpha1.ReasonDelivering,
		v1alpha1.ReasonDeliveryFailed, v1alpha1.ReasonDeliveryAbandoned},
	"Activation": {v1alpha1.ConditionIssued, v1alpha1.ConditionRedeemed, v1alpha1.ConditionExpired,
		v1alpha1.ReasonIssued, v1alpha1.ReasonIssuing, v1alpha1.ReasonRevoked, v1alpha1.ReasonWaitingForSubscription,
		v1alpha1.ReasonSubscriptionNotFound, v1alpha1.ReasonProductNotFound, v1alpha1.ReasonSecretConflict,
		v1alpha1.ReasonRedeemed, v1alpha1.ReasonNotRedeemed, v1alpha1.ReasonPending,
		v1alpha1.ReasonLifetimeOver, v1alpha1.ReasonWithinLifetime},
	"LicenseCheckout": {v1alpha1.ConditionGranted, v1alpha1.ConditionReleased, v1alpha1.ReasonGranted,
		v1alpha1.ReasonQueued, v1alpha1.ReasonNoCapacity, v1alpha1.ReasonNotEntitled, v1alpha1.ReasonNotSubscribed,
		v1alpha1.ReasonSubscriptionNotFound, v1alpha1.ReasonWaitingForHolder, v1alpha1.ReasonPending,
		v1alpha1.ReasonSecretConflict, v1alpha1.ReasonSecretNotWritten,
		v1alpha1.ReasonHeld, v1alpha1.ReasonNotGranted, v1alpha1.ReasonExpired, v1alpha1.ReasonHolderGone,
		v1alpha1.ReasonPeriodEnded, v1alpha1.ReasonDeleted, v1alpha1.ReasonRemoved},
	"AccessKey": {v1alpha1.ConditionReady, v1alpha1.ReasonReady, v1alpha1.ReasonInactive, v1alpha1.ReasonRevoked,
		v1alpha1.ReasonSubscriptionNotFound, v1alpha1.ReasonSecretConflict},
}

func TestThePagesExplainTheConditionsAndReasonsOfTheirKind(t *testing.T) {
	for kind, words := range promises {
		// A row begins with the condition, or with the status and the reason.
		text := page(t, kind)
		for _, word := range words {
			if !strings.Contains(text, "\n| "+word+" |") && !strings.Contains(text, ", `"+word+"` |") {
				t.Errorf("%s: no row of the table is about %s", kind, word)
			}
		}
	}
}

func TestEveryPageOfAKindHasTheOneOutline(t *testing.T) {
	for kind := range tables {
		t.Run(kind, func(t *testing.T) {
			text := page(t, kind)
			if !strings.HasPrefix(text, "# "+kind+"\n") {
				t.Errorf("it does not begin with the kind")
			}
			if diff := cmp.Diff(outline, heading.FindAllString(text, -1)); diff != "" {
				t.Errorf("headings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheExamplesOfThePagesAreAccepted(t *testing.T) {
	namespace := cluster.Namespace(t)
	strict := client.WithFieldValidation(cluster.Client, "Strict")
	for kind := range tables {
		t.Run(kind, func(t *testing.T) {
			blocks := yamlBlock.FindAllStringSubmatch(page(t, kind), -1)
			if len(blocks) == 0 {
				t.Fatal("the page has no example")
			}
			kinds := map[string]bool{}
			for _, block := range blocks {
				o := &unstructured.Unstructured{}
				if err := yaml.UnmarshalStrict([]byte(block[1]), &o.Object); err != nil {
					t.Fatal(err)
				}
				kinds[o.GetKind()] = true
				if o.GetNamespace() != "acme" {
					t.Errorf("%s %s is in namespace %q, not in that of the samples", o.GetKind(), o.GetName(), o.GetNamespace())
				}
				o.SetNamespace(namespace)
				if err := strict.Create(t.Context(), o, client.DryRunAll); err != nil {
					t.Error(err)
				}
			}
			if !kinds[kind] {
				t.Errorf("no example of the kind itself, only of %v", kinds)
			}
		})
	}
}

func TestThePagesNameEveryFieldOfTheirKind(t *testing.T) {
	for kind, schema := range schemas(t) {
		text := page(t, kind)
		visit("", schema, func(path string, _ *apiextensionsv1.JSONSchemaProps) {
			name := strings.TrimSuffix(path[strings.LastIndex(path, ".")+1:], "[]")
			switch {
			case !strings.Contains(path, "."), strings.Contains(path, "conditions[]."):
				return
			case !strings.Contains(text, name):
				t.Errorf("%s: the page does not name %s", kind, path)
			}
		})
	}
}
