// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/license-operator/license-operator/internal/seats"
)

// memory is what a leader remembers from pass to pass and another one may do
// without: it saves writes that change nothing.
type memory struct {
	mu   sync.Mutex
	keys map[seats.Key]*recall
}

// recall is what is remembered of one Subscription.
type recall struct {
	// positions is when the places in the queue were written last. Only the pass
	// itself uses it.
	positions time.Time

	mu      sync.Mutex
	objects map[types.UID]*remembered
}

type remembered struct {
	secret *written
	// refused says that it has been refused once and for all: the cache may not
	// show that yet.
	refused bool
}

// written is what was last written into a Secret.
type written struct {
	stamp string
	// held says that the token was to be in it.
	held bool
	at   time.Time
	// obstacle is why nothing was written; nil if it was.
	obstacle *metav1.Condition
}

// of is what is remembered of a Subscription that has these requests; all else
// is forgotten.
func (m *memory) of(key seats.Key, requests []*request) *recall {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := m.keys[key]
	if len(requests) == 0 {
		delete(m.keys, key)
		return &recall{}
	}
	if is == nil {
		if m.keys == nil {
			m.keys = map[seats.Key]*recall{}
		}
		is = &recall{}
		m.keys[key] = is
	}
	kept := make(map[types.UID]*remembered, len(requests))
	for _, r := range requests {
		if o := is.objects[r.obj.UID]; o != nil {
			kept[r.obj.UID] = o
		}
	}
	is.objects = kept
	return is
}

func (r *recall) object(uid types.UID) *remembered {
	o := r.objects[uid]
	if o == nil {
		o = &remembered{}
		r.objects[uid] = o
	}
	return o
}

func (r *recall) written(uid types.UID) (written, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.objects[uid]; o != nil && o.secret != nil {
		return *o.secret, true
	}
	return written{}, false
}

func (r *recall) wrote(uid types.UID, w written) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.object(uid).secret = &w
}

func (r *recall) refused(uid types.UID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.objects[uid]
	return o != nil && o.refused
}

func (r *recall) refuse(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.object(uid).refused = true
}
