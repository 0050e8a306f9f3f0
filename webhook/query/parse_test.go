// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

// received builds the request that net/http hands to a handler.
func received(method, rawQuery string) *http.Request {
	return &http.Request{
		Method: method,
		Host:   "ls.example.com:8443",
		URL:    &url.URL{Path: "/", RawQuery: rawQuery},
		Header: http.Header{},
	}
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		method, query, contentType, body string
		want                             []Parameter
		wantKind                         fault.Kind
	}{
		"a GET has its parameters in the URL": {
			method: "GET", query: "Action=A&Version=2008-04-28",
			want: []Parameter{{"Action", "A"}, {"Version", "2008-04-28"}},
		},
		"a POST has the union of URL and form": {
			method: "POST", query: "Action=A", body: "Version=2008-04-28&X=%41",
			contentType: "application/x-www-form-urlencoded; charset=UTF-8",
			want:        []Parameter{{"Action", "A"}, {"Version", "2008-04-28"}, {"X", "A"}},
		},
		"a POST without a content type is a form": {
			method: "POST", body: "Action=A", want: []Parameter{{"Action", "A"}},
		},
		"a POST without a body may have any content type": {
			method: "POST", query: "Action=A", contentType: "text/plain", want: []Parameter{{"Action", "A"}},
		},
		"a POST of another content type is refused": {
			method: "POST", body: "Action=A", contentType: "text/plain", wantKind: fault.Malformed,
		},
		"a POST with a content type that is none is refused": {
			method: "POST", body: "Action=A", contentType: "/;;", wantKind: fault.Malformed,
		},
		"a GET's body has no meaning": {
			method: "GET", query: "Action=A", body: "Action=B", want: []Parameter{{"Action", "A"}},
		},
		"a name in URL and form is refused": {
			method: "POST", query: "Action=A", body: "Action=A", wantKind: fault.ConflictingParameter,
		},
		"a name twice in the URL is refused": {
			method: "GET", query: "A=1&A=2", wantKind: fault.ConflictingParameter,
		},
		"two names that differ in case are refused": {
			method: "GET", query: "UserToken=1&usertoken=2", wantKind: fault.ConflictingParameter,
		},
		"an escaped name is the same name": {
			method: "GET", query: "A=1&%41=2", wantKind: fault.ConflictingParameter,
		},
		"other methods are refused": {method: "PUT", query: "Action=A", wantKind: fault.UnsupportedMethod},
		"HEAD is refused":           {method: "HEAD", query: "Action=A", wantKind: fault.UnsupportedMethod},
		"raw braces, slashes, pluses and equals signs of a token survive": {
			method: "GET", query: "UserToken={UserToken}AA+/b==&ProductToken={ProductToken}x+y",
			want: []Parameter{{"UserToken", "{UserToken}AA+/b=="}, {"ProductToken", "{ProductToken}x+y"}},
		},
		"a plus in numbered tokens, signature and dates survives": {
			method: "GET", query: "AdditionalTokens=a+b&AdditionalTokens.3=c+d&Signature=e+f=&Timestamp=2008-05-19T12:00:00+00:00&Expires=1+2",
			want: []Parameter{{"AdditionalTokens", "a+b"}, {"AdditionalTokens.3", "c+d"}, {"Signature", "e+f="},
				{"Timestamp", "2008-05-19T12:00:00+00:00"}, {"Expires", "1+2"}},
		},
		"a plus elsewhere is a space":              {method: "GET", query: "X=a+b%20c", want: []Parameter{{"X", "a b c"}}},
		"a parameter without a value is empty":     {method: "GET", query: "A&B=", want: []Parameter{{"A", ""}, {"B", ""}}},
		"empty pairs are skipped":                  {method: "GET", query: "&A=1&&B=2&", want: []Parameter{{"A", "1"}, {"B", "2"}}},
		"a request without parameters parses":      {method: "GET", want: []Parameter{}},
		"an empty name is refused":                 {method: "GET", query: "=1", wantKind: fault.Malformed},
		"a semicolon is refused":                   {method: "GET", query: "A=1;B=2", wantKind: fault.Malformed},
		"an escaped semicolon is a character":      {method: "GET", query: "A=1%3B", want: []Parameter{{"A", "1;"}}},
		"a bad escape in a value is refused":       {method: "GET", query: "A=%4", wantKind: fault.Malformed},
		"a bad escape in a name is refused":        {method: "GET", query: "%zz=1", wantKind: fault.Malformed},
		"a value that is not UTF-8 is refused":     {method: "GET", query: "A=%ff", wantKind: fault.Malformed},
		"a name that is not UTF-8 is refused":      {method: "GET", query: "%ff=A", wantKind: fault.Malformed},
		"a NUL in a name is refused":               {method: "GET", query: "A%00=1", wantKind: fault.Malformed},
		"a line break in a name is refused":        {method: "GET", query: "A%0A=1", wantKind: fault.Malformed},
		"the longest name is accepted":             {method: "GET", query: strings.Repeat("n", 128), want: []Parameter{{strings.Repeat("n", 128), ""}}},
		"a longer name is refused":                 {method: "GET", query: strings.Repeat("n", 129), wantKind: fault.InvalidParameter},
		"the longest value is accepted":            {method: "GET", query: "A=" + strings.Repeat("%41", 8192), want: []Parameter{{"A", strings.Repeat("A", 8192)}}},
		"a longer value is refused":                {method: "GET", query: "A=" + strings.Repeat("v", 8193), wantKind: fault.InvalidParameter},
		"more parameters than allowed are refused": {method: "POST", query: manyPairs(0, 40), body: manyPairs(40, 65), wantKind: fault.InvalidParameter},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := received(test.method, test.query)
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			got, err := Parse(r, []byte(test.body))
			if test.wantKind != "" {
				if err == nil || fault.KindOf(err) != test.wantKind {
					t.Fatalf("Parse() error = %v, want the kind %s", err, test.wantKind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := &Request{Method: test.method, Host: "ls.example.com:8443", Path: "/", Parameters: test.want}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Parse() differs (-want +got):\n%s", diff)
			}
		})
	}
}

func manyPairs(from, to int) string {
	var pairs []string
	for i := from; i < to; i++ {
		pairs = append(pairs, "p"+strconv.Itoa(i)+"=v")
	}
	return strings.Join(pairs, "&")
}

func TestParseAcceptsTheGreatestNumberOfParameters(t *testing.T) {
	r, err := Parse(received("GET", manyPairs(0, MaxParameters)), nil)
	if err != nil || len(r.Parameters) != MaxParameters {
		t.Fatalf("Parse() = %v, %v, want %d parameters", r, err, MaxParameters)
	}
}

func TestParseKeepsThePathAsReceived(t *testing.T) {
	for raw, want := range map[string]string{
		"https://h":           "/",
		"https://h/":          "/",
		"https://h/a%2fb/c":   "/a%2fb/c",
		"https://h/%41/~x?q=": "/%41/~x",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(&http.Request{Method: "GET", URL: u}, nil)
		if err != nil || got.Path != want {
			t.Errorf("Parse(%s).Path = %v, %v, want %s", raw, got, err, want)
		}
	}
}

func TestErrorsNeverRepeatValues(t *testing.T) {
	for _, raw := range []string{
		"UserToken=canary&UserToken=canary", "UserToken=canary%4", "UserToken=canary%ff",
		"UserToken=canary" + strings.Repeat("x", MaxValueBytes), "UserToken=canary;",
	} {
		if _, err := Parse(received("GET", raw), nil); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Parse() error = %v, want one without the value", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("GET", "Action=A&UserToken={UserToken}AA+/b==", "")
	f.Add("POST", "Action=A", "Version=2008-04-28&X=%41+%20")
	f.Add("POST", "&&=;", "%zz")
	f.Fuzz(func(t *testing.T, method, rawQuery, body string) {
		got, err := Parse(received(method, rawQuery), []byte(body))
		if err != nil {
			if kind := fault.KindOf(err); kind == fault.Internal {
				t.Fatalf("Parse() error = %v, want a fault", err)
			}
			return
		}
		if len(got.Parameters) > MaxParameters {
			t.Fatalf("Parse() = %d parameters", len(got.Parameters))
		}
		for i, p := range got.Parameters {
			if p.Name == "" || len(p.Name) > MaxNameBytes || len(p.Value) > MaxValueBytes {
				t.Fatalf("parameter %q is out of bounds", p.Name)
			}
			for _, q := range got.Parameters[:i] {
				if strings.EqualFold(p.Name, q.Name) {
					t.Fatalf("parameter %q comes twice", p.Name)
				}
			}
		}
		again, err := Parse(received("GET", Encode(got.Parameters)), nil)
		if err != nil {
			t.Fatalf("what Encode wrote does not parse: %v", err)
		}
		if diff := cmp.Diff(got.Parameters, again.Parameters); diff != "" {
			t.Fatalf("Parse(Encode()) differs:\n%s", diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	r := received("GET", "Action=VerifyProductSubscriptionByPid&PersistentIdentifier=PMNGLKRRYHLOXDQKEMKLEXAMPLE"+
		"&ProductCode=774F4FF8&Version=2008-04-28&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Timestamp=2008-05-19T12%3A00%3A00Z"+
		"&Signature=Dqlp3Sd6ljTUA9Uf6SGtEExwUQEEXAMPLE%3D&SignatureVersion=2&SignatureMethod=HmacSHA256")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(r, nil); err != nil {
			b.Fatal(err)
		}
	}
}
