// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expect

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
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
