// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

// allKinds reads the kinds from the source, so that none can be forgotten.
func allKinds(t *testing.T) []fault.Kind {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "internal", "fault", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []fault.Kind
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				spec := spec.(*ast.ValueSpec)
				if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != "Kind" {
					t.Fatalf("%s: the constant %s is no Kind", name, spec.Names[0])
				}
				for _, value := range spec.Values {
					text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					kinds = append(kinds, fault.Kind(text))
				}
			}
		}
	}
	if len(kinds) < 39 {
		t.Fatalf("found only the kinds %v", kinds)
	}
	return kinds
}

// frontDoorCodes are the errors that no API model has.
var frontDoorCodes = []string{
	"ExpiredTokenException", "IncompleteSignatureException", "InvalidSignatureException", "MissingAuthenticationTokenException",
	"SerializationException", "UnknownOperationException", "UnrecognizedClientException",
}

func TestEveryKindHasAnError(t *testing.T) {
	m := readModel(t)
	kinds := allKinds(t)
	if got := len(LicenseManager.failures); got != len(kinds) {
		t.Errorf("the table has %d rows for %d kinds", got, len(kinds))
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			row, ok := LicenseManager.failures[kind]
			if !ok {
				t.Fatal("the table has no row")
			}
			known, modelled := m.Errors[row.Code]
			if modelled == slices.Contains(frontDoorCodes, row.Code) {
				t.Errorf("%s: in the model is %v", row.Code, modelled)
			}
			wantStatus := 400
			if known.Fault {
				wantStatus = 500
			}
			retry := ""
			if kind == fault.Throttled || kind == fault.Unavailable {
				retry = "1"
			}
			w := httptest.NewRecorder()
			// A wrapped fault's cause must stay inside.
			err := fmt.Errorf("outer canary: %w", fault.Wrap(errors.New("cause canary"), kind, "The detail of %s & <\"more\">.", kind))
			code, lost := WriteError(w, LicenseManager, err)
			if code != row.Code || lost != nil || w.Code != wantStatus || row.Status != wantStatus {
				t.Errorf("WriteError() = %s, %v, status %d, want %s, %d", code, lost, w.Code, row.Code, wantStatus)
			}
			checkHeaders(t, w.Header(), w.Body.Len(), map[string]string{"X-Amzn-Errortype": row.Code, "Retry-After": retry})
			var body map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"__type": row.Code, "Message": fmt.Sprintf("The detail of %s & <\"more\">.", kind)}
			if kind == fault.Internal {
				want["Message"] = internalMessage
			}
			if diff := cmp.Diff(want, body); diff != "" {
				t.Errorf("another body (-want +got):\n%s", diff)
			}
			if modelled && !slices.Contains(known.Members, "Message") {
				t.Errorf("%s has the members %v", code, known.Members)
			}
			golden(t, "error_"+string(kind), w.Body.Bytes())
		})
	}
}

// The codes are written down once more: clients depend on them.
func TestCodesOfErrors(t *testing.T) {
	special := map[fault.Kind]string{
		fault.TLSRequired: "AccessDeniedException", fault.UnsupportedMethod: "UnknownOperationException",
		fault.URITooLong: "ValidationException", fault.RequestTooLarge: "ValidationException",
		fault.Malformed: "SerializationException", fault.Throttled: "RateLimitExceededException",
		fault.MissingAction: "UnknownOperationException", fault.UnknownAction: "UnknownOperationException", fault.UnknownVersion: "UnknownOperationException",
		fault.MissingAuthentication: "MissingAuthenticationTokenException", fault.IncompleteSignature: "IncompleteSignatureException",
		fault.InvalidSignature: "InvalidSignatureException", fault.SignatureMismatch: "InvalidSignatureException", fault.RequestExpired: "InvalidSignatureException",
		fault.UnknownAccessKey: "UnrecognizedClientException", fault.CredentialsExpired: "ExpiredTokenException",
		fault.AccessDenied: "AccessDeniedException", fault.Validation: "ValidationException",
		fault.NotEntitled: "NoEntitlementsAllowedException", fault.NoCapacity: "NoEntitlementsAllowedException",
		fault.CheckoutNotFound: "ResourceNotFoundException", fault.Conflict: "ConflictException",
		fault.BorrowNotAllowed: "EntitlementNotAllowedException", fault.UnsupportedSignatureMethod: "UnsupportedDigitalSignatureMethodException",
		fault.Unavailable: "ServerInternalException", fault.Internal: "ServerInternalException",
	}
	for _, kind := range allKinds(t) {
		want := special[kind]
		if want == "" {
			want = "InvalidParameterValueException"
		}
		if got := LicenseManager.FailureOf(fault.New(kind, "x")).Code; got != want {
			t.Errorf("the code of %s is %s, want %s", kind, got, want)
		}
	}
}

func TestErrorsOfNoService(t *testing.T) {
	for kind, want := range map[fault.Kind]string{
		fault.UnknownAction: `{"__type":"UnknownOperationException","message":"Say <what>."}`,
		fault.Throttled:     `{"__type":"ThrottlingException","message":"Say <what>."}`,
		fault.Unavailable:   `{"__type":"InternalServiceErrorException","message":"Say <what>."}`,
		fault.Internal:      `{"__type":"InternalServiceErrorException","message":"` + internalMessage + `"}`,
		fault.NoCapacity:    `{"__type":"InternalServiceErrorException","message":"` + internalMessage + `"}`,
	} {
		w := httptest.NewRecorder()
		if _, err := WriteError(w, Unknown, fault.New(kind, "Say <what>.")); err != nil {
			t.Fatal(err)
		}
		if got := w.Body.String(); got != want {
			t.Errorf("%s is %s, want %s", kind, got, want)
		}
	}
}

func TestAnErrorThatIsNoFaultIsInternal(t *testing.T) {
	want := Failure{Code: "ServerInternalException", Status: 500, Message: internalMessage}
	for name, err := range map[string]error{
		"any error":         errors.New("canary"),
		"an internal fault": fault.New(fault.Internal, "canary"),
		"an unknown kind":   fault.New("Canary", "canary"),
		"no error":          nil,
	} {
		if diff := cmp.Diff(want, LicenseManager.FailureOf(err)); diff != "" {
			t.Errorf("%s: FailureOf() differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatIsUnavailableSaysTryAgain(t *testing.T) {
	want := Failure{Code: "ServerInternalException", Status: 500, Message: unavailableMessage, RetryAfterSeconds: 1}
	if diff := cmp.Diff(want, LicenseManager.FailureOf(fault.New(fault.Unavailable, ""))); diff != "" {
		t.Errorf("FailureOf() differs (-want +got):\n%s", diff)
	}
}
