// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

var start = time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC)

func TestRetryTellsWaitingFromSurprises(t *testing.T) {
	products := schema.GroupResource{Group: "license-operator.dev", Resource: "products"}
	surprise := errors.New("no connection")
	for name, test := range map[string]struct {
		err    error
		result reconcile.Result
		want   error
	}{
		"the cache lags behind":                   {ErrLagging, reconcile.Result{RequeueAfter: conflictPause}, nil},
		"a conflict means that the cache lags":    {apierrors.NewConflict(products, "a", surprise), reconcile.Result{RequeueAfter: conflictPause}, nil},
		"a wrapped conflict is one too":           {fmt.Errorf("patch: %w", apierrors.NewConflict(products, "a", surprise)), reconcile.Result{RequeueAfter: conflictPause}, nil},
		"an object that is gone needs nothing":    {apierrors.NewNotFound(products, "a"), reconcile.Result{}, nil},
		"anything else is a surprise":             {surprise, reconcile.Result{}, surprise},
		"a write that is forbidden is a surprise": {apierrors.NewForbidden(products, "a", surprise), reconcile.Result{}, apierrors.NewForbidden(products, "a", surprise)},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Retry(test.err)
			if result != test.result {
				t.Errorf("the result is %v, want %v", result, test.result)
			}
			if fmt.Sprint(err) != fmt.Sprint(test.want) {
				t.Errorf("the error is %v, want %v", err, test.want)
			}
		})
	}
}

func TestSetReportsChangesOfStatusAndReasonOnly(t *testing.T) {
	clk := clocktesting.NewFakePassiveClock(start)
	k := &Kit{Clock: clk}
	p := builder.Product("render-farm").With(func(p *v1alpha1.Product) { p.Generation = 3 }).Build()
	transition := start
	for n, step := range []struct {
		status          metav1.ConditionStatus
		reason, message string
		changed, moves  bool
	}{
		{metav1.ConditionTrue, "Ready", "One", true, true},
		{metav1.ConditionTrue, "Ready", "One", false, false},
		{metav1.ConditionTrue, "Ready", "Two", false, false},
		{metav1.ConditionTrue, "Other", "Two", true, false},
		{metav1.ConditionFalse, "Other", "Two", true, true},
		{metav1.ConditionUnknown, "Other", "Two", true, true},
	} {
		clk.SetTime(start.Add(time.Duration(n) * time.Minute))
		if step.moves {
			transition = clk.Now()
		}
		if changed := k.Set(p, &p.Status.Conditions, Condition("Ready", step.status, step.reason, step.message)); changed != step.changed {
			t.Errorf("step %d: changed is %t, want %t", n, changed, step.changed)
		}
		want := []metav1.Condition{{Type: "Ready", Status: step.status, Reason: step.reason, Message: step.message,
			ObservedGeneration: 3, LastTransitionTime: metav1.NewTime(transition)}}
		if diff := cmp.Diff(want, p.Status.Conditions); diff != "" {
			t.Errorf("step %d: conditions (-want +got):\n%s", n, diff)
		}
	}
}

func TestBoolIsAConditionsStatus(t *testing.T) {
	if Bool(true) != metav1.ConditionTrue || Bool(false) != metav1.ConditionFalse {
		t.Errorf("true is %s and false %s", Bool(true), Bool(false))
	}
}

func TestNotesOfEventsFitTheAPIServer(t *testing.T) {
	for name, test := range map[string]struct{ note, want string }{
		"a short one is told as it is":      {"100 % of `spec.code` %s", "100 % of `spec.code` %s"},
		"one that just fits too":            {strings.Repeat("a", 1024), strings.Repeat("a", 1024)},
		"a longer one is cut":               {strings.Repeat("a", 1025), strings.Repeat("a", 1021) + "..."},
		"one is not cut within a character": {"a" + strings.Repeat("é", 512), "a" + strings.Repeat("é", 510) + "..."},
		"one is cut between two characters": {strings.Repeat("é", 513), strings.Repeat("é", 510) + "..."},
		"nothing is nothing":                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			k := &Kit{Recorder: recorder}
			k.Emit(builder.Product("render-farm").Build(),
				[]Event{{Type: corev1.EventTypeNormal, Reason: "Ready", Action: "Publish", Note: test.note}})
			note := strings.TrimPrefix(<-recorder.Events, "Normal Ready ")
			if diff := cmp.Diff(test.want, note); diff != "" {
				t.Errorf("note (-want +got):\n%s", diff)
			}
			if !utf8.ValidString(note) || len(note) > 1024 {
				t.Errorf("the note has %d bytes: %q", len(note), note)
			}
		})
	}
}
