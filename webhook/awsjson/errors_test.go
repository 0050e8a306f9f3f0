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
	"github.com/license-operator/license-operator/test/golden"
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
	"IncompleteSignatureException", "InvalidSignatureException", "MissingAuthenticationTokenException",
	"SerializationException", "UnknownOperationException", "UnrecognizedClientException",
}

// unmodelled are the errors that a service's API model has not.
var unmodelled = map[*Service][]string{
	LicenseManager: append(slices.Clone(frontDoorCodes), "ExpiredTokenException"),
	MarketplaceMetering: append(slices.Clone(frontDoorCodes),
		"AccessDeniedException", "ValidationException", "DryRunOperation", "UnauthorizedException"),
	MarketplaceEntitlement: append(slices.Clone(frontDoorCodes),
		"ExpiredTokenException", "AccessDeniedException", "ValidationException"),
}

// neverAnswered are the errors of an API model for which there is no cause here.
var neverAnswered = map[*Service][]string{
	LicenseManager: {"AuthorizationException", "FailedDependencyException", "FilterLimitExceededException", "InvalidResourceStateException",
		"LicenseUsageException", "RedirectException", "ResourceLimitExceededException"},
	MarketplaceMetering: {"DisabledApiException", "InvalidEndpointRegionException", "InvalidRegionException", "PlatformNotSupportedException"},
}

func TestEveryKindHasAnError(t *testing.T) {
	kinds := allKinds(t)
	for _, service := range services {
		m := readModel(t, service)
		if got := len(service.failures); got != len(kinds) {
			t.Errorf("the table of %s has %d rows for %d kinds", service.Name, got, len(kinds))
		}
		codes := map[string]bool{}
		lines := &strings.Builder{}
		for _, kind := range kinds {
			t.Run(service.Name+" "+string(kind), func(t *testing.T) {
				row, ok := service.failures[kind]
				if !ok {
					t.Fatal("the table has no row")
				}
				codes[row.Code] = true
				known, modelled := m.Errors[row.Code]
				if modelled == slices.Contains(unmodelled[service], row.Code) {
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
				code, lost := WriteError(w, service, err)
				if code != row.Code || lost != nil || w.Code != wantStatus || row.Status != wantStatus {
					t.Errorf("WriteError() = %s, %v, status %d, want %s, %d", code, lost, w.Code, row.Code, wantStatus)
				}
				checkHeaders(t, w.Header(), w.Body.Len(), map[string]string{"X-Amzn-Errortype": row.Code, "Retry-After": retry})
				var body map[string]string
				if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
					t.Fatal(err)
				}
				want := map[string]string{"__type": row.Code, service.message: fmt.Sprintf("The detail of %s & <\"more\">.", kind)}
				if kind == fault.Internal {
					want[service.message] = internalMessage
				}
				if diff := cmp.Diff(want, body); diff != "" {
					t.Errorf("another body (-want +got):\n%s", diff)
				}
				if modelled && !slices.Contains(known.Members, service.message) {
					t.Errorf("%s has the members %v", code, known.Members)
				}
				fmt.Fprintf(lines, "%s %d %s\n", kind, w.Code, w.Body)
				if service == LicenseManager && kind == fault.Internal {
					checkBody(t, "error_Internal", w.Body.Bytes())
				}
			})
		}
		golden.Check(t, "errors_"+service.Name+".txt", lines.String())
		for code := range m.Errors {
			if never := slices.Contains(neverAnswered[service], code); codes[code] == never {
				t.Errorf("%s: answered is %v", code, codes[code])
			}
		}
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

// So are those of the marketplace's services.
func TestCodesOfErrorsOfTheMarketplace(t *testing.T) {
	special := map[fault.Kind]string{
		fault.RegistrationTokenInvalid: "InvalidTokenException", fault.RegistrationTokenExpired: "ExpiredTokenException",
		fault.ProductCodeInvalid: "InvalidProductCodeException", fault.DimensionInvalid: "InvalidUsageDimensionException",
		fault.CustomerInvalid: "InvalidCustomerIdentifierException", fault.LicenseInvalid: "InvalidLicenseException",
		fault.TagInvalid: "InvalidTagException", fault.AllocationsInvalid: "InvalidUsageAllocationsException",
		fault.TimestampOutOfBounds: "TimestampOutOfBoundsException", fault.DuplicateUsage: "DuplicateRequestException",
		fault.IdempotencyConflict: "IdempotencyConflictException", fault.CustomerNotEntitled: "CustomerNotEntitledException",
		fault.PublicKeyVersionInvalid: "InvalidPublicKeyVersionException",
		fault.DryRunAllowed:           "DryRunOperation", fault.DryRunDenied: "UnauthorizedException",
	}
	for _, kind := range allKinds(t) {
		metering, entitlement := Unknown.FailureOf(fault.New(kind, "x")).Code, Unknown.FailureOf(fault.New(kind, "x")).Code
		if _, common := frontDoorFailures[kind]; !common {
			metering, entitlement = "ValidationException", "InvalidParameterException"
			if special[kind] != "" {
				metering = special[kind]
			}
		}
		if got := MarketplaceMetering.FailureOf(fault.New(kind, "x")).Code; got != metering {
			t.Errorf("the code of %s is %s, want %s", kind, got, metering)
		}
		if got := MarketplaceEntitlement.FailureOf(fault.New(kind, "x")).Code; got != entitlement {
			t.Errorf("the code of %s is %s, want %s", kind, got, entitlement)
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
