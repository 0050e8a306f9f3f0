// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package usageexport writes UsageRecords into files for whoever bills. Each run
// writes one new file with what was recorded since the newest one, so that each
// record is in one file, once, whatever happens between and during the runs.
package usageexport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
)

const (
	// DefaultSettle is how long ago a record must have been made to be exported.
	DefaultSettle = 5 * time.Minute
	// MinSettle is the least: the API server sets the time of creation first and
	// may take a minute to write (its --request-timeout).
	MinSettle = time.Minute

	// PageSize is how many records are read at once.
	PageSize = 500
	// passes is how often it is tried to read all of them.
	passes = 5
)

// Export is one run.
type Export struct {
	// Client asks the API server.
	Client client.Reader
	// Now is the API server's time, by its last answer: clocks that differ would
	// leave records out.
	Now func() time.Time
	// Namespace whose records are exported; "" for all.
	Namespace string
	Format    Format
	// Directory of the files.
	Directory string
	// Settle is how long ago a record must have been made.
	Settle time.Duration
	// WriteEmpty says to write a file even if nothing was recorded.
	WriteEmpty bool
}

// Result is what a run has done.
type Result struct {
	// File is the path of the new file; "" if there was nothing to write.
	File string
	// From and To are the times of creation of its records: From is in it, To is
	// not.
	From, To time.Time
	Records  int
}

// Run exports. Errors leave no file behind, and the next run begins where this
// one did.
func (e *Export) Run(ctx context.Context) (Result, error) {
	if e.Settle < MinSettle {
		return Result{}, fmt.Errorf("the settle time must be at least %s: a record may be seen only so long after its time of creation", MinSettle)
	}
	if _, err := newRecordWriter(e.Format, io.Discard); err != nil {
		return Result{}, err
	}
	dir, err := openDirectory(e.Directory)
	if err != nil {
		return Result{}, err
	}
	defer dir.close()
	from, err := dir.end()
	if err != nil {
		return Result{}, err
	}
	now, err := e.serverTime(ctx)
	if err != nil {
		return Result{}, err
	}
	if from.After(now) {
		return Result{}, fmt.Errorf("the newest file ends at %s, which is in the future of the API server; is the directory another cluster's?", from.Format(time.RFC3339))
	}
	// Only now: a run that may not read must not claim the directory.
	if err := dir.claim(scope{e.Namespace}); err != nil {
		return Result{}, err
	}
	s := span{from, now.Add(-e.Settle).UTC().Truncate(time.Second)}
	result := Result{From: s.from, To: s.to}
	if !s.from.Before(s.to) {
		return result, nil
	}
	name := s.name(e.Format)
	err = dir.write(name, func(f *os.File) error {
		if result.Records, err = e.fill(ctx, f, s); err != nil {
			return err
		}
		if result.Records == 0 && !e.WriteEmpty {
			return errEmpty
		}
		return nil
	})
	if errors.Is(err, errEmpty) {
		return result, nil
	}
	result.File = filepath.Join(e.Directory, name)
	return result, err
}

// errEmpty ends a file that is not wanted.
var errEmpty = errors.New("nothing was recorded")

// serverTime is the API server's time. It also finds out whether the records may
// be read.
func (e *Export) serverTime(ctx context.Context) (time.Time, error) {
	if err := e.Client.List(ctx, &v1alpha1.UsageRecordList{}, client.InNamespace(e.Namespace), client.Limit(1)); err != nil {
		return time.Time{}, fmt.Errorf("list the UsageRecords: %w", err)
	}
	now := e.Now()
	if now.IsZero() {
		return now, errors.New("the API server's answers have no Date")
	}
	return now, nil
}

// fill writes the records of a span, and again from the beginning where the API
// server has lost the state that the pages are of.
func (e *Export) fill(ctx context.Context, f *os.File, s span) (records int, err error) {
	for range passes {
		if err := rewind(f); err != nil {
			return 0, err
		}
		records, err = e.pass(ctx, f, s)
		if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("list the UsageRecords: %w", err)
	}
	return records, err
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return errors.Join(err, f.Truncate(0))
}

// pass reads all records, in pages, and writes those of the span.
func (e *Export) pass(ctx context.Context, f *os.File, s span) (records int, err error) {
	buffer := bufio.NewWriter(f)
	w, err := newRecordWriter(e.Format, buffer)
	if err != nil {
		return 0, err
	}
	next := ""
	for {
		list := &v1alpha1.UsageRecordList{}
		err := e.Client.List(ctx, list, client.InNamespace(e.Namespace), client.Limit(PageSize), client.Continue(next))
		// The records of the span were all there before the first page.
		if again := store.ContinueAfter(err); again != "" {
			next = again
			continue
		}
		if err != nil {
			return 0, err
		}
		for i := range list.Items {
			r := &list.Items[i]
			if made := r.CreationTimestamp.Time; made.Before(s.from) || !made.Before(s.to) {
				continue
			}
			if err := w.write(r); err != nil {
				return 0, err
			}
			records++
		}
		if next = list.Continue; next == "" {
			return records, errors.Join(w.flush(), buffer.Flush())
		}
	}
}
