// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

func kindV4(v *Verifier, r *http.Request, now time.Time) fault.Kind {
	_, err := v.VerifyV4(context.Background(), r, []byte(v4Body), "aws-marketplace", now)
	if err == nil {
		return ""
	}
	return fault.KindOf(err)
}

func TestBoundsOfTimeV4(t *testing.T) {
	r := signedV4(t, nil)
	for off, want := range map[time.Duration]fault.Kind{
		-5 * time.Minute: "", 5 * time.Minute: "", 0: "",
		-5*time.Minute - time.Second: fault.InvalidSignature, 5*time.Minute + time.Second: fault.InvalidSignature,
	} {
		if got := kindV4(newVerifierV4(), r, v4Now.Add(off)); got != want {
			t.Errorf("%s off: %q, want %q", off, got, want)
		}
	}
	dated := newRequestV4(t, "https://ls.example.com/")
	dated.Header.Set("Date", "20261122T024454Z")
	s := scope{"20261122", "x", "aws-marketplace", "aws4_request"}
	header, err := authorizationV4(dated, []byte(v4Body), testID, v4Secret, &s, "20261122T024454Z", "content-type;date;host;x-amz-target")
	if err != nil {
		t.Fatal(err)
	}
	dated.Header.Set("Authorization", header)
	dated.Header.Set("Host", "ls.example.com")
	if got := kindV4(newVerifierV4(), received(t, dated), v4Now); got != "" {
		t.Errorf("a Date header in place of X-Amz-Date: %q, want accepted", got)
	}
}

func TestTheKeyFinderV4(t *testing.T) {
	cause := errors.New("cause")
	_, err := NewVerifier(failing{cause}).VerifyV4(context.Background(), signedV4(t, nil), []byte(v4Body), "aws-marketplace", v4Now)
	if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, cause) {
		t.Errorf("an error of the finder gives %v, want Unavailable with its cause", err)
	}
	empty := keys{testID: Key{Principal: v4Principal}}
	for _, secret := range []string{"", dummySecret} {
		r := newRequestV4(t, "https://ls.example.com/")
		if err := SignV4(r, []byte(v4Body), testID, secret, "", "x", "aws-marketplace", v4Now); err != nil {
			t.Fatal(err)
		}
		for _, keys := range []KeyFinder{empty, keys{}} {
			if got := kindV4(NewVerifier(keys), received(t, r), v4Now); got != fault.UnknownAccessKey {
				t.Errorf("a key without a secret gives %q, want UnknownAccessKey", got)
			}
		}
	}
}

func TestSessionsV4(t *testing.T) {
	r := newRequestV4(t, "https://ls.example.com/")
	if err := SignV4(r, []byte(v4Body), testID, v4Secret, v4SessionToken, "x", "aws-marketplace", v4Now); err != nil {
		t.Fatal(err)
	}
	r = received(t, r)
	v := newVerifierV4()
	if got := kindV4(v, r, v4Now); got != "" {
		t.Errorf("temporary credentials: %q, want accepted", got)
	}
	v.Sessions = sessions{expired: true}
	if got := kindV4(v, r, v4Now); got != fault.CredentialsExpired {
		t.Errorf("expired credentials: %q, want CredentialsExpired", got)
	}
	v.Sessions = nil
	if got := kindV4(v, r, v4Now); got != fault.UnknownAccessKey {
		t.Errorf("without sessions: %q, want UnknownAccessKey", got)
	}
	v.Sessions = sessions{}
	r.Header.Set("X-Amz-Security-Token", "sess+/")
	if got := kindV4(v, r, v4Now); got != fault.UnknownAccessKey {
		t.Errorf("another token: %q, want UnknownAccessKey", got)
	}
}

// Only what has signed a request is remembered, and a new secret needs a new
// signature at once.
func TestSigningKeysAreRemembered(t *testing.T) {
	v := newVerifierV4()
	accepted := signedV4(t, nil)
	forged := signedV4(t, nil)
	forged.Header.Set("Authorization", strings.Replace(forged.Header.Get("Authorization"), "eu-west-1", "eu-west-2", 1))
	unknown := signedV4(t, nil)
	unknown.Header.Set("Authorization", strings.Replace(unknown.Header.Get("Authorization"), testID, "AKIAUNKNOWN", 1))
	if kindV4(v, forged, v4Now) != fault.SignatureMismatch || kindV4(v, unknown, v4Now) != fault.UnknownAccessKey {
		t.Fatal("a forged request is not refused as such")
	}
	if n := v.signingKeys.cache.Len(); n != 0 {
		t.Errorf("%d signing keys are remembered before anything was signed, want 0", n)
	}
	for range 3 {
		if got := kindV4(v, accepted, v4Now); got != "" {
			t.Fatalf("refused as %q", got)
		}
	}
	if n := v.signingKeys.cache.Len(); n != 1 {
		t.Errorf("%d signing keys are remembered, want 1", n)
	}
	v.Keys = keys{testID: {Principal: v4Principal, Secret: "another"}}
	if got := kindV4(v, accepted, v4Now); got != fault.SignatureMismatch {
		t.Errorf("the old secret after a rotation: %q, want SignatureMismatch", got)
	}
	v.Keys = keys{}
	if got := kindV4(v, accepted, v4Now); got != fault.UnknownAccessKey {
		t.Errorf("a key that is gone: %q, want UnknownAccessKey", got)
	}
}

func BenchmarkVerifyV4(b *testing.B) {
	raw := capturedRequests(b)[0]
	r, body, err := parseRaw(raw)
	if err != nil {
		b.Fatal(err)
	}
	remembering, forgetting := newVerifierV4(), newVerifierV4()
	forgetting.signingKeys = nil
	unknown, mismatch := newVerifierV4(), newVerifierV4()
	unknown.Keys = keys{}
	mismatch.Keys = keys{testID: {Principal: v4Principal, Secret: "another"}}
	for name, bench := range map[string]struct {
		verifier *Verifier
		accepted bool
	}{"remembered": {remembering, true}, "derived": {forgetting, true}, "unknown": {unknown, false}, "mismatch": {mismatch, false}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.verifier.VerifyV4(context.Background(), r, body, "license-manager", v4Now); (err == nil) != bench.accepted {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, raw := range capturedRequests(f) {
		r, _, err := parseRaw(raw)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Header.Get("Authorization"))
	}
	f.Add("AWS4-HMAC-SHA256")
	f.Add("AWS4-HMAC-SHA256 ,,=,Credential=////,SignedHeaders=;,Signature==")
	v := newVerifierV4()
	f.Fuzz(func(t *testing.T, header string) {
		a, err := parseAuthorization(header)
		if err == nil {
			// What was read, written again, is read as the same.
			again := a.algorithm
			separator := " "
			for _, part := range [][2]string{{"Credential", a.credential}, {"SignedHeaders", a.signedHeaders}, {"Signature", a.signature}} {
				if part[1] != "" {
					again += separator + part[0] + "=" + part[1]
					separator = ", "
				}
			}
			if b, err := parseAuthorization(again); err != nil || a != b && strings.Trim(again, " ") == again {
				t.Errorf("%q is read as %+v, and that as %+v, %v", header, a, b, err)
			}
		}
		r := signedV4(t, nil)
		genuine := r.Header.Get("Authorization")
		r.Header.Set("Authorization", header)
		_, err = v.VerifyV4(context.Background(), r, []byte(v4Body), "aws-marketplace", v4Now)
		if err == nil {
			if want, _ := parseAuthorization(genuine); a.signature != want.signature || a.credential != want.credential || a.signedHeaders != want.signedHeaders {
				t.Errorf("%q is accepted, want %q only", header, genuine)
			}
			return
		}
		if f, ok := errors.AsType[*fault.Error](err); !ok || len(f.Detail) > 1000 {
			t.Errorf("refused with %v, want a fault of bounded length", err)
		}
	})
}
