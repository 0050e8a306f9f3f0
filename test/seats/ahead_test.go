// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"testing"

	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/inprocess"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// ahead is the log of the replica in this process.
var ahead = &inprocess.Log{}

// aheadOf starts a third replica, in this process, with a clock that the test
// steps. It never leads: those that it is beside do.
func aheadOf(t *testing.T) (*replica, *inprocess.Clock) {
	t.Helper()
	clk := inprocess.NewClock()
	t.Cleanup(clk.Flow())
	ahead.TakeAll()
	op, err := inprocess.Start(cluster.Operator, ahead, clk, func(o *options.Options) {
		o.LeaderElect, o.MetricsAddress, o.MaxClockSkew = true, "0", 0
	})
	if err != nil {
		t.Fatalf("the replica in this process: %v", err)
	}
	t.Cleanup(func() {
		if err := op.Stop(); err != nil {
			t.Errorf("the replica in this process ended with %v", err)
		}
	})
	return &replica{name: "the one ahead", url: "https://" + op.Address, now: clk.Now,
		http: clientOf(wire.Trust(t, cluster.Client), clk.Now)}, clk
}
