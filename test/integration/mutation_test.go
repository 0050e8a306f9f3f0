// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/query"
)

// TestASignedRequestWithAnyByteChangedIsRefused changes one byte after another
// of a whole query string, as it goes over the wire.
func TestASignedRequestWithAnyByteChangedIsRefused(t *testing.T) {
	s := newShop(t)
	host := strings.TrimPrefix(call().URL, "https://")
	for style, as := range styles {
		t.Run(style, func(t *testing.T) {
			signed, err := as(s.Key).Sign(http.MethodGet, host, "/", wire.ByPid(nil, s.pid, s.farm.Code).Parameters, now.Now())
			if err != nil {
				t.Fatal(err)
			}
			raw := query.Encode(signed)
			if got := call().OK(t, wire.Call{Raw: raw}).Text("Subscribed"); got != "true" {
				t.Fatalf("unchanged, Subscribed is %q", got)
			}
			for i := range raw {
				for _, flip := range []byte{0x01, 0x04} {
					changed := []byte(raw)
					if changed[i] ^= flip; changed[i] == '#' {
						continue // Not sent: it begins a fragment.
					}
					a, err := call().Try(t.Context(), wire.Call{Raw: string(changed)})
					switch {
					case err != nil && strings.Contains(err.Error(), "invalid"):
						// The HTTP library sends no such URL.
					case err != nil:
						t.Fatalf("byte %d as %q: %v", i, changed[i], err)
					case a.Status < 400 || a.Status >= 500:
						t.Errorf("byte %d of %q changed to %q is answered %d", i, raw, changed[i], a.Status)
					}
				}
			}
		})
	}
}

// TestAVersion1SignatureFitsOneRequestOnly moves the borders between names and
// values, which version 1 does not sign.
func TestAVersion1SignatureFitsOneRequestOnly(t *testing.T) {
	s := newShop(t)
	host := strings.TrimPrefix(call().URL, "https://")
	signer := wire.SignedAs(s.Key, "1", "")
	signed, err := signer.Sign(http.MethodGet, host, "/", wire.ByPid(nil, s.pid, s.farm.Code).Parameters, now.Now())
	if err != nil {
		t.Fatal(err)
	}
	call().OK(t, wire.Call{Parameters: signed})
	at := func(name string) int {
		for i, p := range signed {
			if p.Name == name {
				return i
			}
		}
		t.Fatalf("no %s", name)
		return 0
	}
	var moved []wire.Call
	for _, p := range signed {
		if p.Name == query.Signature {
			continue
		}
		// Each border one to the left and one to the right.
		left, right := append(wire.P(), signed...), append(wire.P(), signed...)
		i := at(p.Name)
		left[i].Name, left[i].Value = p.Name[:len(p.Name)-1], p.Name[len(p.Name)-1:]+p.Value
		right[i].Name, right[i].Value = p.Name+p.Value[:1], p.Value[1:]
		moved = append(moved, wire.Call{Parameters: left}, wire.Call{Parameters: right})
		// The whole parameter inside the value of the one before it.
		for j, q := range signed {
			if i == j || q.Name == query.Signature {
				continue
			}
			swallowed := append(wire.P(), signed...)
			swallowed[j].Value += p.Name + p.Value
			moved = append(moved, wire.Call{Parameters: append(swallowed[:i:i], swallowed[i+1:]...)})
		}
	}
	for _, c := range moved {
		if a := call().Do(t, c); a.Status == http.StatusOK {
			t.Errorf("accepted with the borders moved: %v", c.Parameters)
		}
	}
	t.Logf("%d requests with borders moved", len(moved))
}
