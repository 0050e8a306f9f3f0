// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"hash"
	"slices"
	"strings"

	"github.com/license-operator/license-operator/webhook/query"
)

// version2 signs verb, host, path and the sorted, escaped query string with
// HMAC-SHA256 or HMAC-SHA1. It has one meaning only.
type version2 struct {
	newHash func() hash.Hash
}

// matches tries the Host header as received and, if it has a port, without the
// port: real clients connect to a port of their own and sign without it. A
// mismatch costs the same whether the key is known or not.
func (v version2) matches(in *Input, secret, signature string) bool {
	if equalMAC(v.newHash, secret, stringToSign2(in.Method, in.Host, in.Path, in.Parameters), signature) {
		return true
	}
	bare := withoutPort(in.Host)
	return bare != in.Host &&
		equalMAC(v.newHash, secret, stringToSign2(in.Method, bare, in.Path, in.Parameters), signature)
}

func (version2) checkNames(*Input) error { return nil }

func (version2) checkMeaning(*Input) error { return nil }

// stringToSign2 is verb, host, path and all parameters but Signature, escaped
// and in the order of their names' bytes.
func stringToSign2(method, host, path string, parameters []query.Parameter) []byte {
	if path == "" {
		path = "/"
	}
	sorted := make([]query.Parameter, 0, query.MaxParameters)
	size := 0
	for _, p := range parameters {
		if p.Name != query.Signature {
			sorted = append(sorted, p)
			size += len(p.Name) + len(p.Value) + 2
		}
	}
	slices.SortFunc(sorted, func(x, y query.Parameter) int { return strings.Compare(x.Name, y.Name) })
	b := make([]byte, 0, len(method)+len(host)+len(path)+3+size+size/4)
	b = append(b, method...)
	b = append(b, '\n')
	b = append(b, strings.ToLower(host)...)
	b = append(b, '\n')
	b = append(b, path...)
	b = append(b, '\n')
	for i, p := range sorted {
		if i > 0 {
			b = append(b, '&')
		}
		b = query.AppendEscaped(b, p.Name)
		b = append(b, '=')
		b = query.AppendEscaped(b, p.Value)
	}
	return b
}

// withoutPort cuts the port off a Host header. An IPv6 address is in brackets.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.IndexByte(host[colon:], ']') >= 0 {
		return host
	}
	return host[:colon]
}
