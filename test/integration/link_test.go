// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/test/env"
)

var errLost = errors.New("the connection was cut")

// link is a replica's connection to the API server. What it does not disturb it
// passes on.
type link struct {
	mu sync.Mutex
	// thaw is closed when watches go on; nil while they do.
	thaw chan struct{}
	// verb and done say which request fails once: before or after it was done.
	verb  string
	done  bool
	count int
	// through counts the requests that were passed on.
	through map[string]int
	// down makes every request for the operator's own resources fail that is
	// no watch.
	down bool
}

// wrap returns a configuration that goes through the link.
func (l *link) wrap(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) { return l.roundTrip(next, r) })
	})
	return cfg
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// freeze keeps back everything that watches tell from now on. What the API
// server is asked is still answered.
func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.thaw == nil {
		l.thaw = make(chan struct{})
	}
}

// melt lets the watches go on.
func (l *link) melt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.thaw != nil {
		close(l.thaw)
		l.thaw = nil
	}
}

// lose makes the next request of a kind fail, for example "PATCH
// /activations/status": after it was done or before.
func (l *link) lose(verb string, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verb, l.done = verb, done
}

// lost is how many requests have failed.
func (l *link) lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// passed is how many requests of a kind were passed on.
func (l *link) passed(verb string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.through[verb]
}

// cut makes every request for the operator's own resources fail that is no
// watch, or lets them pass again.
func (l *link) cut(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

func (l *link) roundTrip(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("watch") != "" {
		resp, err := next.RoundTrip(r)
		if err == nil {
			resp.Body = &frozen{ReadCloser: resp.Body, link: l, done: r.Context().Done()}
		}
		return resp, err
	}
	l.mu.Lock()
	verb := verbOf(r)
	down, hit := l.down && verb != "", l.verb != "" && verb == l.verb
	if hit {
		l.verb = ""
	}
	if hit || down {
		l.count++
	} else {
		if l.through == nil {
			l.through = map[string]int{}
		}
		l.through[verb]++
	}
	done := l.done && !down
	l.mu.Unlock()
	if !hit && !down {
		return next.RoundTrip(r)
	}
	if done {
		resp, err := next.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	return nil, errLost
}

// verbOf says what a request does to the operator's own resources, in the words
// of lose; "" if nothing.
func verbOf(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for i, part := range parts {
		switch part {
		case "accesskeys", "activations", "subscriptions", "products":
			rest := parts[i+1:]
			switch {
			case len(rest) == 2:
				return r.Method + " /" + part + "/" + rest[1]
			case len(rest) == 0 && r.Method == http.MethodGet:
				return "LIST /" + part
			}
			return r.Method + " /" + part
		}
	}
	return ""
}

// frozen is the body of a watch, which nobody reads on from while the link is
// frozen.
type frozen struct {
	io.ReadCloser
	link *link
	done <-chan struct{}
}

// Read implements io.Reader.
func (f *frozen) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.link.mu.Lock()
	thaw := f.link.thaw
	f.link.mu.Unlock()
	if thaw != nil {
		select {
		case <-thaw:
		case <-f.done:
		}
	}
	return n, err
}

// hold takes the Lease that replicas contend for, so that one with leader
// election only serves the endpoint.
func hold(t *testing.T) {
	t.Helper()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: env.OperatorNamespace, Name: "license-operator"},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       ptr.To("the test"),
			LeaseDurationSeconds: ptr.To[int32](3600),
			AcquireTime:          &metav1.MicroTime{Time: time.Now()},
			RenewTime:            &metav1.MicroTime{Time: time.Now()},
		},
	}
	if err := cluster.Client.Create(t.Context(), lease); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
