// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/license-operator/license-operator/internal/fault"
)

const (
	targetHeader = "X-Amz-Target"
	contentType  = "application/x-amz-json-1.1"
)

// Service is an API that speaks AWS JSON 1.1.
type Service struct {
	// Name is what precedes the operation in X-Amz-Target.
	Name string
	// SigningName is the service in the scope of a signature.
	SigningName string
	// message is the member of an error's body that holds its text. Some
	// clients hand it on under this very name.
	message  string
	failures map[fault.Kind]Failure
	// shapes are the constraints of the API model.
	shapes map[string]shape
	// MaxBody is how large a body may be, in bytes.
	MaxBody int64
}

// ordinaryBody is the MaxBody of services whose requests are small.
const ordinaryBody = 64 << 10

// Operation is one operation of a service.
type Operation struct {
	// Service is the API that has it.
	Service *Service
	// Name is the API model's, for example CheckoutLicense.
	Name string
	// Kubectl says what to do instead, for an operation that the API model
	// has and this endpoint does not serve; "" for one that is served.
	Kubectl string

	input, output *structure
}

// LicenseManager is AWS License Manager, version 2018-08-01.
var LicenseManager = &Service{
	Name: "AWSLicenseManager", SigningName: "license-manager",
	message: "Message", failures: licenseManagerFailures, shapes: licenseManagerShapes, MaxBody: ordinaryBody,
}

// MarketplaceMetering is AWS Marketplace Metering, version 2016-01-14. A body
// of 1 MiB holds what one call of BatchMeterUsage may report.
var MarketplaceMetering = &Service{
	Name: "AWSMPMeteringService", SigningName: "aws-marketplace",
	message: "message", failures: meteringFailures, shapes: meteringShapes, MaxBody: 1 << 20,
}

// MarketplaceEntitlement is the AWS Marketplace Entitlement Service, version
// 2017-01-11.
var MarketplaceEntitlement = &Service{
	Name: "AWSMPEntitlementService", SigningName: "aws-marketplace",
	message: "message", failures: entitlementFailures, shapes: entitlementShapes, MaxBody: ordinaryBody,
}

// Unknown stands for the service of a request whose target names none that
// this endpoint has.
var Unknown = &Service{message: "message", failures: frontDoorFailures, MaxBody: ordinaryBody}

// services lists the services that have operations.
var services = []*Service{LicenseManager, MarketplaceMetering, MarketplaceEntitlement}

// Targets holds every operation of the services' API models, served or not, by
// what X-Amz-Target says, for example AWSLicenseManager.CheckoutLicense.
var Targets = targetsOf(licenseManagerOperations, meteringOperations, entitlementOperations)

func targetsOf(lists ...[]*Operation) map[string]*Operation {
	targets := map[string]*Operation{}
	for _, list := range lists {
		for _, op := range list {
			targets[op.Service.Name+"."+op.Name] = op
		}
	}
	return targets
}

// serve returns an operation that is served. In and Out are its request and
// its answer.
func serve[In, Out any](s *Service, name string) *Operation {
	return &Operation{Service: s, Name: name,
		input: structureOf(reflect.TypeFor[In](), s.shapes), output: structureOf(reflect.TypeFor[Out](), s.shapes)}
}

// withoutMembers is how the body of an operation is read that is not served.
var withoutMembers = structureOf(reflect.TypeFor[struct{}](), nil)

// refuse returns operations that are not served, with what to do instead.
func refuse(s *Service, kubectl string, names ...string) []*Operation {
	operations := make([]*Operation, 0, len(names))
	for _, name := range names {
		operations = append(operations, &Operation{Service: s, Name: name, Kubectl: kubectl,
			input: withoutMembers, output: withoutMembers})
	}
	return operations
}

// Route finds out what a request asks for. The service is never nil: an error
// of the request is to be written in its words. Faults: UnsupportedMethod,
// MissingAction, UnknownAction, and Malformed for another type of content. No
// fault repeats what the request says.
func Route(r *http.Request) (*Service, *Operation, error) {
	targets := r.Header.Values(targetHeader)
	if len(targets) == 0 {
		return Unknown, nil, fault.New(fault.MissingAction, "The header X-Amz-Target is missing.")
	}
	service := serviceOf(targets[0])
	op, known := Targets[targets[0]]
	switch {
	case len(targets) > 1:
		return service, nil, fault.New(fault.UnknownAction, "The header X-Amz-Target must be given only once.")
	case r.Method != http.MethodPost:
		return service, nil, fault.New(fault.UnsupportedMethod, "Only the HTTP method POST is supported.")
	case !known:
		return service, nil, fault.New(fault.UnknownAction, "The header X-Amz-Target names no operation of this endpoint.")
	case !isJSON(r.Header.Get("Content-Type")):
		return service, nil, fault.New(fault.Malformed, "The Content-Type must be %s.", contentType)
	}
	return service, op, nil
}

func serviceOf(target string) *Service {
	name, _, _ := strings.Cut(target, ".")
	for _, s := range services {
		if s.Name == name {
			return s
		}
	}
	return Unknown
}

// isJSON reports whether a content type is the protocol's.
func isJSON(given string) bool {
	if given == contentType {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(given)
	return err == nil && mediaType == contentType
}

// New returns an empty request of the operation, a pointer to its struct; for
// one that is not served, to a struct without members.
func (op *Operation) New() any { return reflect.New(op.input.goType).Interface() }

// Served returns nil for an operation that this endpoint serves, otherwise the
// fault AccessDenied that says what to do instead.
func (op *Operation) Served() error {
	if op.Kubectl == "" {
		return nil
	}
	return fault.New(fault.AccessDenied, "%s is not served here. %s", op.Name, op.Kubectl)
}

// Decode reads a body as the operation's request: one JSON object in UTF-8, at
// most MaxDepth deep, no name twice, names in their very case; null is nothing,
// unknown members are ignored. The caller bounds its size. The only fault is
// Malformed; what the values must be is for Input.Validate.
func (op *Operation) Decode(body []byte) (*Input, error) { return decode(op.input, body) }

// Check returns an error if an answer is none of the operation's, or breaks a
// constraint of the API model: then it is the fault Validation. It is for tests
// of handlers.
func (op *Operation) Check(result any) error {
	body, err := op.encode(result)
	if err != nil {
		return err
	}
	in, err := decode(op.output, body)
	if err != nil {
		return err
	}
	return in.Validate()
}
