// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

// assets is the directory with kubectl; finding it takes a while.
var assets = sync.OnceValues(func() (string, error) { return env.Assets(context.Background()) })

// kubectl runs the real kubectl as the cluster's admin and returns what it
// prints.
func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	dir, err := assets()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--kubeconfig", env.Kubeconfig(t, cluster.Admin), "--cache-dir", t.TempDir()}, args...)
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "kubectl"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args[4:], " "), err, stderr.String())
	}
	return stdout.String()
}

// table is what kubectl get prints, by cells. Columns are at least three
// blanks apart; the age, which comes last and differs, is cut off.
func table(t *testing.T, printed string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(printed) {
		var row []string
		for cell := range strings.SplitSeq(strings.TrimSpace(line), "   ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				row = append(row, cell)
			}
		}
		rows = append(rows, row[:len(row)-1])
	}
	return rows
}

func TestKubectlShowsTheColumnsThatTheDocumentsPromise(t *testing.T) {
	namespace := cluster.Namespace(t)
	yes := func(conditionType, reason string) []metav1.Condition {
		return []metav1.Condition{builder.Condition(conditionType, metav1.ConditionTrue, reason)}
	}
	end := ptr.To(metav1.NewTime(noon))
	createWithStatus(t, product().InNamespace(namespace).Build(), func(p *v1alpha1.Product) {
		p.Status = v1alpha1.ProductStatus{Code: "774F4FF8", SKU: "ACME-RENDER",
			KeyFingerprint: "aws:1:acme:issuer-fingerprint", Conditions: yes("Ready", "Ready")}
	})
	createWithStatus(t, subscription().EndingAt(noon).InNamespace(namespace).Build(), func(s *v1alpha1.Subscription) {
		s.Status = v1alpha1.SubscriptionStatus{CustomerIdentifier: "cust-42", Seats: "3/25",
			PersistentIdentifier: "PEXAMPLE", Conditions: yes("Subscribed", "Active")}
	})
	createWithStatus(t, activation().InNamespace(namespace).Build(), func(a *v1alpha1.Activation) {
		a.Status = v1alpha1.ActivationStatus{ExpirationTime: end,
			Conditions: append(yes("Issued", "Issued"), yes("Redeemed", "Redeemed")...)}
	})
	createWithStatus(t, checkout().HeldByPod("worker-0").InNamespace(namespace).Build(), func(c *v1alpha1.LicenseCheckout) {
		c.Status = v1alpha1.LicenseCheckoutStatus{ExpirationTime: end, QueuePosition: ptr.To[int32](2),
			Conditions: yes("Granted", "Granted")}
	})
	createWithStatus(t, customerKey().InNamespace(namespace).Build(), func(k *v1alpha1.AccessKey) {
		k.Status = v1alpha1.AccessKeyStatus{AccessKeyID: "AKIA1", Conditions: yes("Ready", "Ready")}
	})
	if err := cluster.Client.Create(t.Context(), ledger().AtSequence(7).ClosedFor(1).InNamespace(namespace).Build()); err != nil {
		t.Fatal(err)
	}

	if err := cluster.Client.Create(t.Context(), usage().InNamespace(namespace).Build()); err != nil {
		t.Fatal(err)
	}

	const at = "2030-06-01T12:00:00Z"
	for shortName, want := range map[string][][]string{
		"lprod": {{"NAME", "CODE", "SKU", "READY", "REASON"},
			{"render-farm", "774F4FF8", "ACME-RENDER", "True", "Ready"}},
		"lsub": {{"NAME", "PRODUCT", "CUSTOMER", "SUBSCRIBED", "REASON", "SEATS", "END"},
			{"initech", "render-farm", "cust-42", "True", "Active", "3/25", at}},
		"lact": {{"NAME", "SUBSCRIPTION", "TYPE", "ISSUED", "REASON", "REDEEMED", "EXPIRES"},
			{"initech-first", "initech", "ActivationKey", "True", "Issued", "True", at}},
		"lco": {{"NAME", "SUBSCRIPTION", "TYPE", "GRANTED", "REASON", "QUEUE", "EXPIRES"},
			{"worker-0", "initech", "Provisional", "True", "Granted", "2", at}},
		"lkey": {{"NAME", "TYPE", "SUBSCRIPTION", "ID", "READY", "REASON"},
			{"initech-key", "Customer", "initech", "AKIA1", "True", "Ready"}},
		"lledger": {{"NAME", "SUBSCRIPTION", "BLOCK", "SUCCESSOR", "SEQUENCE"},
			{"initech-0", "initech", "0", "1", "7"}},
		"lusage": {{"NAME", "PRODUCT", "CUSTOMER", "DIMENSION", "HOUR", "QUANTITY"},
			{"usage-1", "render-farm", "cust-42", "render-minutes", at, "3"}},
	} {
		t.Run("kubectl get "+shortName, func(t *testing.T) {
			got := table(t, kubectl(t, "", "get", shortName, "-n", namespace))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	for shortName, want := range map[string]string{
		"lprod": "aws:1:acme:issuer-fingerprint", "lsub": "PEXAMPLE", "lco": "worker-0",
	} {
		t.Run("kubectl get -o wide "+shortName, func(t *testing.T) {
			row := table(t, kubectl(t, "", "get", shortName, "-n", namespace, "-o", "wide"))[1]
			if !strings.Contains(strings.Join(row[1:], " "), want) {
				t.Errorf("no %s in %v", want, row)
			}
		})
	}

	t.Run("kubectl get licensing -A lists all", func(t *testing.T) {
		printed := kubectl(t, "", "get", "licensing", "-A", "-o", "name")
		for _, name := range []string{
			"product.license-operator.dev/render-farm", "subscription.license-operator.dev/initech",
			"activation.license-operator.dev/initech-first", "licensecheckout.license-operator.dev/worker-0",
			"accesskey.license-operator.dev/initech-key", "seatledger.license-operator.dev/initech-0",
			"usagerecord.license-operator.dev/usage-1",
		} {
			if !strings.Contains(printed, name+"\n") {
				t.Errorf("no %s in\n%s", name, printed)
			}
		}
	})

	t.Run("kubectl explain tells what a field is", func(t *testing.T) {
		printed := kubectl(t, "", "explain", "subscriptions.license-operator.dev.spec.gracePeriodSeconds")
		if !strings.Contains(printed, "after endTime in which the customer stays") {
			t.Errorf("it prints\n%s", printed)
		}
	})
}
