// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestKindOf(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want Kind
	}{
		"a fault":                     {New(Throttled, "Try again later."), Throttled},
		"a fault with a cause":        {Wrap(errors.New("no connection"), Unavailable, "Try again later."), Unavailable},
		"a wrapped fault":             {fmt.Errorf("find the key: %w", New(PIDInvalid, "No.")), PIDInvalid},
		"the outer of two faults":     {Wrap(New(Throttled, "No."), Unavailable, "No."), Unavailable},
		"a fault among joined errors": {errors.Join(errors.New("other"), New(AccessDenied, "No.")), AccessDenied},
		"an error that is no fault":   {errors.New("no connection"), Internal},
		"a context that ended":        {context.Canceled, Internal},
		"no error":                    {nil, Internal},
	} {
		t.Run(name, func(t *testing.T) {
			if got := KindOf(test.err); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheCauseIsForTheLogOnly(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1:6443: refused")
	err := Wrap(cause, Unavailable, "The state of %q can't be read. Try again later.", "initech")
	if want := `The state of "initech" can't be read. Try again later.`; err.Detail != want {
		t.Errorf("the detail is %q, want %q", err.Detail, want)
	}
	if want := `Unavailable: The state of "initech" can't be read. Try again later.: dial tcp 10.0.0.1:6443: refused`; err.Error() != want {
		t.Errorf("the text is %q, want %q", err.Error(), want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not in the chain")
	}
	plain := New(Unavailable, "Try again later.")
	if want := "Unavailable: Try again later."; plain.Error() != want || plain.Unwrap() != nil {
		t.Errorf("without a cause the text is %q and the cause %v", plain.Error(), plain.Unwrap())
	}
}
