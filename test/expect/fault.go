// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expect

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Faults disturbs writes: each hook is given the write to do, or not to do, and
// its result is the caller's. A nil hook lets everything through.
type Faults struct {
	// Apply is asked for server-side applies, except for dry runs.
	Apply func(do func() error) error
	// PatchStatus is asked for patches of a status.
	PatchStatus func(do func() error) error
}

// Disturbed returns a client with these faults.
func Disturbed(c client.Client, faults Faults) client.Client {
	return &disturbed{Client: c, faults: faults}
}

type disturbed struct {
	client.Client
	faults Faults
}

// Apply implements client.Writer.
func (d *disturbed) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	do := func() error { return d.Client.Apply(ctx, obj, opts...) }
	var o client.ApplyOptions
	o.ApplyOptions(opts)
	if d.faults.Apply == nil || len(o.DryRun) > 0 {
		return do()
	}
	return d.faults.Apply(do)
}

// Status implements client.StatusClient.
func (d *disturbed) Status() client.SubResourceWriter {
	return &disturbedStatus{d.Client.Status(), d.faults}
}

type disturbedStatus struct {
	client.SubResourceWriter
	faults Faults
}

// Patch implements client.SubResourceWriter.
func (d *disturbedStatus) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	do := func() error { return d.SubResourceWriter.Patch(ctx, obj, patch, opts...) }
	if d.faults.PatchStatus == nil {
		return do()
	}
	return d.faults.PatchStatus(do)
}

// ErrLost is the answer to a write that got lost on its way.
var ErrLost = errors.New("no connection")

// Crash lets every write fail from some write on: what comes after a crash of
// the operator never happens.
type Crash struct {
	// From is the first write that is lost, counted from 1.
	From int
	// Done says that the first lost write was done, only its answer is lost.
	Done bool

	writes int
}

// Faults are those of the crash. All writes that they disturb are counted
// together.
func (c *Crash) Faults() Faults { return Faults{Apply: c.write, PatchStatus: c.write} }

func (c *Crash) write(do func() error) error {
	switch c.writes++; {
	case c.writes < c.From:
		return do()
	case c.writes == c.From && c.Done:
		if err := do(); err != nil {
			return err
		}
	}
	return ErrLost
}

// EmptyCache is a cache that has seen nothing yet.
type EmptyCache struct{ client.Reader }

// Get implements client.Reader.
func (EmptyCache) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

// List implements client.Reader.
func (EmptyCache) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }
