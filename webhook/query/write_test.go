// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"encoding/xml"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/golden"
)

const requestID = "cb919c0a-9bce-4afe-9b48-9bdf2412bb67"

// checkBody compares a body with testdata/name.xml, byte for byte but for the
// line break that ends the file.
func checkBody(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Check(t, name+".xml", string(got)+"\n")
	if err := xml.Unmarshal(got, new(struct{ XMLName xml.Name })); err != nil {
		t.Errorf("the body is not XML: %v", err)
	}
}

func checkHeaders(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":   "text/xml; charset=utf-8",
		"Content-Length": strconv.Itoa(w.Body.Len()),
		"Cache-Control":  "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestWriteResult(t *testing.T) {
	user := "{UserToken}AAAHVXNlclRrbgfOpSykBAXO7g/zG+w=="
	for name, result := range map[string]Result{
		"ActivateHostedProduct":               &ActivateHostedProductResult{UserToken: user, PersistentIdentifier: "PMNGLKRRYHLOXDQKEMKLEXAMPLE"},
		"ActivateDesktopProduct":              &ActivateDesktopProductResult{UserToken: user, AWSAccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		"VerifyProductSubscriptionByPid":      &VerifyProductSubscriptionByPidResult{Subscribed: true},
		"VerifyProductSubscriptionByTokens":   &VerifyProductSubscriptionByTokensResult{Subscribed: false},
		"GetActiveSubscriptionsByPid":         &GetActiveSubscriptionsByPidResult{ProductCodes: []string{"774F4FF8", "8AC3D1F0"}},
		"GetActiveSubscriptionsByPid of none": &GetActiveSubscriptionsByPidResult{},
		"RefreshUserToken":                    &RefreshUserTokenResult{UserToken: user},
		"RefreshUserToken with escapes":       &RefreshUserTokenResult{UserToken: "<&>\"'\n\x00é\u2028"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := WriteResult(w, requestID, result); err != nil {
				t.Fatal(err)
			}
			if w.Code != http.StatusOK {
				t.Errorf("status = %d, want 200", w.Code)
			}
			checkHeaders(t, w)
			checkBody(t, "result_"+strings.ReplaceAll(name, " ", "_"), w.Body.Bytes())
			if action, _, _ := strings.Cut(name, " "); actionsByName[action] == nil || result.name() != action {
				t.Errorf("the result's name is %s, want %s", result.name(), action)
			}
		})
	}
}

// allKinds reads the kinds from the source, so that none can be forgotten.
func allKinds(t *testing.T) []fault.Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "internal", "fault", "fault.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []fault.Kind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Kind" {
			for _, value := range spec.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, fault.Kind(text))
			}
		}
		return false
	})
	if len(kinds) < 29 {
		t.Fatalf("found only the kinds %v", kinds)
	}
	return kinds
}

func TestEveryKindHasAnErrorOfTheContract(t *testing.T) {
	kinds := allKinds(t)
	if len(failures) != len(kinds) {
		t.Errorf("the table has %d rows for %d kinds", len(failures), len(kinds))
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			row, ok := failures[kind]
			if !ok {
				t.Fatal("the table has no row")
			}
			wantType, retry := "Sender", ""
			if row.Status >= 500 {
				wantType = "Receiver"
			}
			if row.Status == http.StatusServiceUnavailable {
				retry = "1"
			}
			w := httptest.NewRecorder()
			// A wrapped fault's cause must stay inside.
			err := fmt.Errorf("outer canary: %w", fault.Wrap(errors.New("cause canary"), kind, "The detail of %s & <more>.", kind))
			if err := WriteError(w, requestID, err); err != nil {
				t.Fatal(err)
			}
			if w.Code != row.Status || row.Type != wantType {
				t.Errorf("status = %d, type = %s, want %d, %s", w.Code, row.Type, row.Status, wantType)
			}
			if got := w.Header().Get("Retry-After"); got != retry {
				t.Errorf("Retry-After = %q, want %q", got, retry)
			}
			if strings.Contains(w.Body.String(), "canary") {
				t.Errorf("the body tells of the inside: %s", w.Body)
			}
			checkHeaders(t, w)
			checkBody(t, "error_"+string(kind), w.Body.Bytes())
		})
	}
}

// The statuses are written down once more: a retrying client depends on them.
func TestStatusOfErrors(t *testing.T) {
	special := map[fault.Kind]int{
		fault.RequestTooLarge: 413,
		fault.Throttled:       503, fault.Unavailable: 503, fault.Internal: 500,
		fault.MissingAuthentication: 403, fault.UnknownAccessKey: 403, fault.SignatureMismatch: 403, fault.AccessDenied: 403,
		fault.MissingPID: 403, fault.MissingProductToken: 403, fault.MissingUserToken: 403,
		fault.ActivationKeyExpired: 403, fault.ActivationKeyMismatch: 403, fault.ActivationKeyInvalid: 403,
		fault.ProductTokenInvalid: 403, fault.UserTokenInvalid: 403, fault.PIDInvalid: 403,
	}
	for _, kind := range allKinds(t) {
		want := special[kind]
		if want == 0 {
			want = 400
		}
		if got := FailureOf(fault.New(kind, "x")).Status; got != want {
			t.Errorf("the status of %s is %d, want %d", kind, got, want)
		}
	}
}

func TestAnErrorThatIsNoFaultIsInternal(t *testing.T) {
	want := Failure{Code: "InternalError", Status: 500, Type: "Receiver", Message: internalMessage}
	for name, err := range map[string]error{
		"any error":         errors.New("canary"),
		"an internal fault": fault.New(fault.Internal, "canary"),
		"an unknown kind":   fault.New("Canary", "canary"),
		"no error":          nil,
	} {
		if diff := cmp.Diff(want, FailureOf(err)); diff != "" {
			t.Errorf("%s: FailureOf() differs (-want +got):\n%s", name, diff)
		}
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkWriteResult(b *testing.B) {
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteResult(w, requestID, &VerifyProductSubscriptionByPidResult{Subscribed: true}); err != nil {
			b.Fatal(err)
		}
	}
}
