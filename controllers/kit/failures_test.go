// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestASubscriptionFailsWhileAnyPartOfItDoes(t *testing.T) {
	f := NewFailures()
	initech, globex := types.NamespacedName{Namespace: "acme", Name: "initech"}, types.NamespacedName{Namespace: "acme", Name: "globex"}
	for n, step := range []struct {
		part             string
		failing          bool
		changed, outcome bool
	}{
		{"initech-0", false, false, false},
		{"initech-0", true, true, true},
		{"initech-0", true, false, true},
		{"initech-1", true, false, true},
		{"initech-0", false, false, true},
		{"initech-1", false, true, false},
		{"initech-1", false, false, false},
	} {
		if changed := f.Set(initech, step.part, step.failing); changed != step.changed {
			t.Errorf("step %d: changed is %t", n, changed)
		}
		if f.Failing(initech) != step.outcome || f.Failing(globex) {
			t.Errorf("step %d: it fails for the one %t, for the other %t", n, f.Failing(initech), f.Failing(globex))
		}
		select {
		case e := <-f.Changes():
			if !step.changed || e.Object.GetName() != "initech" || e.Object.GetNamespace() != "acme" {
				t.Errorf("step %d: %s is told of", n, e.Object.GetName())
			}
		default:
			if step.changed {
				t.Errorf("step %d: nobody is told", n)
			}
		}
	}
	var none *Failures
	if none.Failing(initech) {
		t.Error("something fails of no list")
	}
}

func TestChangesThatNobodyReadsHoldUpNobody(t *testing.T) {
	f := NewFailures()
	for n := range 2 * pendingChanges {
		f.Set(types.NamespacedName{Name: fmt.Sprint(n)}, "part", true)
	}
	if !f.Failing(types.NamespacedName{Name: fmt.Sprint(2*pendingChanges - 1)}) {
		t.Error("the last one is not known")
	}
}
