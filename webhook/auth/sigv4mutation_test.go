// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

// mutantsV4 calls yield with every change of one byte of raw, and where it was.
func mutantsV4(raw string, yield func(at int, mutant string)) {
	for i := range len(raw) {
		before, c, after := raw[:i], raw[i], raw[i+1:]
		for _, other := range []byte{c ^ 1, c ^ 0x20, c ^ 0x80, ' ', '\t', '\n', ';', ',', '/', '=', '%', '0'} {
			if other != c {
				yield(i, before+string([]byte{other})+after)
			}
		}
		yield(i, before+after)                // deleted
		yield(i, before+raw[i:i+1]+raw[i:])   // doubled
		yield(i, before+" "+raw[i:])          // a blank before it
		yield(i, before+"\nX-Amz-A:"+raw[i:]) // a header before it
		if i > 0 {
			yield(i, raw[:i-1]+string([]byte{c, raw[i-1]})+after) // exchanged
		}
	}
}

// placeIn names the part of a raw request that a byte is in: the request line,
// a header by its name, or the body.
func placeIn(raw string, at int) string {
	headers := strings.Index(raw, "\n\n") + 1
	if at > headers {
		return "body"
	}
	start := strings.LastIndexByte(raw[:at], '\n') + 1
	line, _, _ := strings.Cut(raw[start:], "\n")
	name, _, isHeader := strings.Cut(line, ": ")
	version := strings.Index(line, "HTTP/")
	switch {
	case isHeader:
		return strings.ToLower(name)
	case version >= 0 && at-start > version:
		return "version of HTTP"
	default:
		return "request line"
	}
}

// meaning is all of a request that may matter.
type meaning struct {
	Method, Path, Query, Host, Body string
	Headers                         map[string][]string
	Authorization                   authorization
}

func meaningOf(t *testing.T, raw, signed string) meaning {
	t.Helper()
	r, body, err := parseRaw(raw)
	if err != nil {
		t.Fatal(err)
	}
	m := meaning{r.Method, r.URL.Path, r.URL.RawQuery, r.Host, string(body), map[string][]string{}, authorization{}}
	for name, values := range r.Header {
		if contains(signed, name) || strings.HasPrefix(name, "X-Amz-") || name == "Content-Type" {
			for _, v := range values {
				m.Headers[name] = append(m.Headers[name], strings.Join(strings.Fields(v), " "))
			}
		}
	}
	if m.Authorization, err = parseAuthorization(r.Header.Get("Authorization")); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMutationsAreRefusedV4 changes captured requests in every byte. What is
// still accepted must mean the same.
func TestMutationsAreRefusedV4(t *testing.T) {
	// Where a byte may change: headers that the client doesn't sign and nobody
	// reads; the spelling of an unsigned length; what comes after the body;
	// and, anywhere, the case of a header's name and the blanks around or in
	// its value.
	harmless := map[string]bool{
		"version of HTTP": true, "user-agent": true, "accept-encoding": true, "accept": true, "connection": true,
	}
	v := newVerifierV4()
	for i, raw := range capturedRequests(t) {
		t.Run("captured request "+strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			r, _, err := parseRaw(raw)
			if err != nil {
				t.Fatal(err)
			}
			a, err := parseAuthorization(r.Header.Get("Authorization"))
			if err != nil {
				t.Fatal(err)
			}
			want := meaningOf(t, raw, a.signedHeaders)
			tried, same := 0, 0
			mutantsV4(raw, func(at int, mutant string) {
				tried++
				if _, err := verifyRaw(v, mutant); err != nil {
					return
				}
				same++
				if diff := gocmp.Diff(want, meaningOf(t, mutant, a.signedHeaders), gocmp.AllowUnexported(authorization{}, scope{})); diff != "" {
					t.Fatalf("accepted, and means something else (-want +got):\n%s\n%s", diff, mutant)
				}
				place := placeIn(raw, at)
				unsigned := harmless[place] ||
					(strings.HasPrefix(place, "amz-sdk-") || place == "content-length") && !contains(a.signedHeaders, place)
				if !unsigned && !strings.HasPrefix(mutant, raw) && !sameButBlanksAndCase(raw, mutant) {
					t.Errorf("accepted with a change in the %s:\n%s", place, mutant)
				}
			})
			if want := 16 * len(raw); tried < want || same == 0 || same > tried/2 {
				t.Errorf("%d of %d mutants were accepted, want at least %d mutants", same, tried, want)
			}
		})
	}
}

// sameButBlanksAndCase reports whether two raw requests differ only in the case
// of headers' names, in blanks around or in their values, and in the order of
// the headers.
func sameButBlanksAndCase(x, y string) bool {
	return slices.Equal(normal(x), normal(y))
}

func normal(raw string) []string {
	head, body, _ := strings.Cut(raw, "\n\n")
	lines := strings.Split(head, "\n")
	for i, line := range lines {
		if name, value, ok := strings.Cut(line, ":"); ok && i > 0 {
			value = strings.ReplaceAll(strings.Join(strings.Fields(value), " "), " ,", ",")
			lines[i] = strings.ToLower(name) + ":" + strings.ReplaceAll(value, ", ", ",")
		}
	}
	return append(lines, body)
}

// Every header that matters is refused when it comes a second time, with the
// same value or another, whatever the case of its name.
func TestDuplicatesAreRefusedV4(t *testing.T) {
	v := newVerifierV4()
	for i, raw := range capturedRequests(t) {
		head, rest, _ := strings.Cut(raw, "\n")
		r, _, err := parseRaw(raw)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parseAuthorization(r.Header.Get("Authorization"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(strings.Split(a.signedHeaders, ";"), "authorization") {
			value := r.Header.Get(name)
			for _, again := range []string{value, "other", ""} {
				for _, spelled := range []string{name, strings.ToUpper(name)} {
					line := spelled + ": " + again + "\n"
					for _, mutant := range []string{head + "\n" + line + rest, strings.Replace(raw, "\n\n", "\n"+line+"\n", 1)} {
						if name == "content-length" && again == value {
							continue // The server makes one of two that are equal.
						}
						if _, err := verifyRaw(v, mutant); err == nil {
							t.Errorf("captured request %d is accepted with one more %s", i, line)
						}
					}
				}
			}
		}
	}
}

// A signature moved to another request of the same caller is refused.
func TestSignaturesAreNotExchangeable(t *testing.T) {
	list := capturedRequests(t)
	for i, raw := range list {
		for j, other := range list {
			_, signature, _ := strings.Cut(raw, "Signature=")
			_, foreign, _ := strings.Cut(other, "Signature=")
			mutant := strings.Replace(raw, "Signature="+signature[:64], "Signature="+foreign[:64], 1)
			if _, err := verifyRaw(newVerifierV4(), mutant); i != j && fault.KindOf(err) != fault.SignatureMismatch {
				t.Errorf("request %d with the signature of %d: %v, want SignatureMismatch", i, j, err)
			}
		}
	}
}
