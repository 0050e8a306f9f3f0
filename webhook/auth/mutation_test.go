// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"slices"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// replacements are the bytes that every byte of a request is replaced by,
// beside its neighbours in ASCII and its other case.
const replacements = "&=%+; /.{}A0az\x00\xff~"

// mutants calls yield with every change of one place in raw.
func mutants(raw string, yield func(mutant string)) {
	for i := range len(raw) {
		before, c, after := raw[:i], raw[i], raw[i+1:]
		for j := range len(replacements) {
			if replacements[j] != c {
				yield(before + replacements[j:j+1] + after)
			}
		}
		for _, other := range []byte{c ^ 1, c ^ 0x20, c ^ 0x80, c + 1, c - 1} {
			yield(before + string([]byte{other}) + after)
		}
		yield(before + after)                // deleted
		yield(before + raw[i:i+1] + raw[i:]) // duplicated
		yield(before + "&" + raw[i:])        // cut in two
		yield(before + "=" + raw[i:])        // name and value cut elsewhere
		yield(before + "%26" + raw[i:])      // an escaped separator
		yield(before + "&x=" + raw[i:])      // another parameter
		yield(before + "%00" + raw[i:])      // a NUL
		yield(before + "%0A" + raw[i:])      // a line break, which base64 decoders skip
		if i > 0 {
			yield(raw[:i-1] + string([]byte{c, raw[i-1]}) + after) // exchanged
		}
	}
	for _, more := range []string{
		"x=", "x=y", "=", "=x", "Action=RefreshUserToken", "Version=", "Version=2007-06-05", "TokenExpiration=", "TokenExpiration=PT1S",
		"AdditionalTokens=", "AdditionalTokens.3={UserToken}AAAA", "SignatureMethod=HmacSHA1", "SignatureMethod=", "Expires=2008-05-19T12:01:00Z",
		"Timestamp=2008-05-19T12:00:00Z", "Signature=AAAA", "signature=AAAA", "usertoken=x", "USERTOKEN=x", "AWSAccessKeyId=" + testID,
	} {
		yield(raw + "&" + more)
		yield(more + "&" + raw)
	}
}

// TestMutationsAreRefused changes genuine signed requests in every place. What
// is still accepted must mean the same: the same parameters with the same
// values, spelled differently.
func TestMutationsAreRefused(t *testing.T) {
	v := NewVerifier(testKeys)
	for signer, s := range signers {
		for name, list := range genuine {
			for _, method := range []string{"GET", "POST"} {
				t.Run(signer+", "+name+", "+method, func(t *testing.T) {
					t.Parallel()
					signed := sign(t, s, method, list)
					want := sorted(signed)
					half := len(signed) / 2
					query1, form := query.Encode(signed), ""
					if method == "POST" {
						query1, form = query.Encode(signed[:half]), rawEncode(signed[half:])
					}
					tried, same := 0, 0
					check := func(rawQuery, body string) {
						tried++
						r, _, err := serve(v, method, rawQuery, body)
						if err != nil {
							if fault.KindOf(err) == fault.Internal {
								t.Fatalf("refused with %v, want a fault", err)
							}
							return
						}
						same++
						if !slices.Equal(sorted(r.Parameters), want) {
							t.Fatalf("accepted with other parameters: %s | %s", rawQuery, body)
						}
					}
					mutants(query1, func(mutant string) { check(mutant, form) })
					mutants(form, func(mutant string) { check(query1, mutant) })
					if same == 0 || same > tried/20 {
						t.Errorf("%d of %d changes were accepted as equal: the test is not what it seems", same, tried)
					}
				})
			}
		}
	}
}

// TestTheSignatureIsNotMalleable tries every single character in every place
// of the signature, and other spellings of the same bytes.
func TestTheSignatureIsNotMalleable(t *testing.T) {
	v := NewVerifier(testKeys)
	for name, s := range signers {
		signed := sign(t, s, "GET", genuine["by PID"])
		in := Input{Parameters: signed}
		signature := in.get("Signature")
		var forged []string
		for i := range len(signature) {
			for c := range 256 {
				if byte(c) != signature[i] {
					forged = append(forged, signature[:i]+string([]byte{byte(c)})+signature[i+1:])
				}
			}
			forged = append(forged, signature[:i]+"\n"+signature[i:], signature[:i]+signature[i+1:])
		}
		forged = append(forged, strings.TrimRight(signature, "="), signature+"=", signature+"\n", signature+signature, " "+signature,
			strings.NewReplacer("+", "-", "/", "_").Replace(signature)+"\r")
		for _, f := range forged {
			if err := verify(v, with(signed, "Signature", f)); fault.KindOf(err) != fault.SignatureMismatch {
				t.Errorf("%s: the signature %q for %q: Verify() = %v, want SignatureMismatch", name, f, signature, err)
			}
		}
	}
}

// FuzzVerify accepts nothing but the genuine requests it starts from.
func FuzzVerify(f *testing.F) {
	v := NewVerifier(testKeys)
	var known [][]query.Parameter
	for _, s := range signers {
		for _, list := range genuine {
			get, post := sign(f, s, "GET", list), sign(f, s, "POST", list)
			known = append(known, sorted(get), sorted(post))
			f.Add(false, query.Encode(get), "")
			f.Add(true, rawEncode(post[:2]), query.Encode(post[2:]))
		}
	}
	f.Fuzz(func(t *testing.T, post bool, rawQuery, body string) {
		method := "GET"
		if post {
			method = "POST"
		}
		r, principal, err := serve(v, method, rawQuery, body)
		if err != nil {
			return
		}
		got := sorted(r.Parameters)
		if principal.AccessKeyID != testID || !slices.ContainsFunc(known, func(k []query.Parameter) bool { return slices.Equal(k, got) }) {
			t.Fatalf("accepted a request that nobody signed: %s | %s", rawQuery, body)
		}
	})
}
