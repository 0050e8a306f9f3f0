// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

// KeySize is the length of an identity key and of a sealing key, in bytes.
const KeySize = 32

// maxScratch is the largest scratch buffer that a prf keeps for its next call,
// in bytes. It holds any token; a larger buffer is left to the collector.
const maxScratch = 16 << 10

// subKey derives the key of one purpose from a master key by HKDF-SHA256. No
// key serves two purposes, so an output of one purpose never passes as an
// output of another.
func subKey(master []byte, info string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, master, nil, info, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the sub-key %s: %w", info, err)
	}
	return key, nil
}

// prf is HMAC-SHA256 under one key, safe for concurrent use. Keyed states are
// pooled: setting up an HMAC costs more than hashing what is short.
type prf struct {
	pool sync.Pool
}

type prfState struct {
	mac     hash.Hash
	scratch []byte
	out     [sha256.Size]byte
}

// newPRF derives the sub-key for info from master and returns its prf.
func newPRF(master []byte, info string) (*prf, error) {
	key, err := subKey(master, info)
	if err != nil {
		return nil, err
	}
	return &prf{pool: sync.Pool{New: func() any {
		return &prfState{mac: hmac.New(sha256.New, key)}
	}}}, nil
}

// sum is the HMAC of the parts. Each part is preceded by its length as eight
// big-endian bytes, so two different lists of parts never hash the same input.
func (p *prf) sum(parts ...string) [sha256.Size]byte {
	s := p.pool.Get().(*prfState)
	s.scratch = s.scratch[:0]
	for _, part := range parts {
		s.scratch = binary.BigEndian.AppendUint64(s.scratch, uint64(len(part)))
		s.scratch = append(s.scratch, part...)
	}
	s.mac.Reset()
	s.mac.Write(s.scratch)
	s.mac.Sum(s.out[:0])
	out := s.out
	if cap(s.scratch) <= maxScratch {
		p.pool.Put(s)
	}
	return out
}
