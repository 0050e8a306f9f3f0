// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"golang.org/x/sync/semaphore"

	"github.com/license-operator/license-operator/internal/fault"
)

// maxLargeBodies is how many bytes the bodies above maxBody that are in hand at
// once may have in all.
const maxLargeBodies = 64 << 20

// readBody reads a body of at most so many bytes.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > most {
		// Said before a client that asks first (Expect: 100-continue) sends it.
		return nil, tooLarge(most)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	return body, bodyFault(err, most)
}

func tooLarge(most int64) error {
	return fault.New(fault.RequestTooLarge, "The body is larger than %d bytes.", most)
}

// bodyFault is what an error of reading a body means; nil for none.
func bodyFault(err error, most int64) error {
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return tooLarge(most)
	}
	if err != nil {
		return fault.Wrap(err, fault.Malformed, "The body could not be read completely.")
	}
	return nil
}

// largeBodies bounds the memory that bodies above maxBody take. They come before
// anybody has proved who they are: the signature covers them.
type largeBodies struct{ free *semaphore.Weighted }

func newLargeBodies(all int64) *largeBodies { return &largeBodies{semaphore.NewWeighted(all)} }

func nothing() {}

// read reads a body of at most so many bytes. For one above maxBody admit is
// asked first, and its share of the memory taken, without waiting for it: the
// fault is Throttled if there is none left. The share is held until release is
// called, which is never nil without an error. A body whose length is not told
// has the share of the longest, from when it turns out to be a large one.
func (l *largeBodies) read(w http.ResponseWriter, r *http.Request, most int64, admit func() error) (body []byte, release func(), err error) {
	share := r.ContentLength
	if share > most || share >= 0 && share <= maxBody || most <= maxBody || r.Body == nil {
		body, err = readBody(w, r, most)
		return body, nothing, err
	}
	source := http.MaxBytesReader(w, r.Body, most)
	var start []byte
	if share < 0 {
		start, err = io.ReadAll(io.LimitReader(source, maxBody+1))
		if err != nil || len(start) <= maxBody {
			return start, nothing, bodyFault(err, most)
		}
		share = most
	}
	if err := admit(); err != nil {
		return nil, nil, err
	}
	if !l.free.TryAcquire(share) {
		return nil, nil, fault.New(fault.Throttled, "Too many large requests are in hand. Try again later, or with a body of at most %d bytes.", maxBody)
	}
	// The buffer never grows: ReadFrom wants MinRead of room to see the end.
	whole := bytes.NewBuffer(make([]byte, 0, share+bytes.MinRead))
	_, _ = whole.Write(start)
	if _, err := whole.ReadFrom(source); err != nil {
		l.free.Release(share)
		return nil, nil, bodyFault(err, most)
	}
	return whole.Bytes(), func() { l.free.Release(share) }, nil
}
