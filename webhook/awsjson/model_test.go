// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// model is what testdata/reduce.jq makes of an API model.
type model struct {
	Metadata struct {
		JSONVersion, SigningName, TargetPrefix string
	}
	Operations map[string]struct {
		Input, Output string
		Errors        []string
	}
	Refused []string
	Errors  map[string]struct {
		Members []string
		Fault   bool
	}
	Shapes map[string]modelShape
}

type modelShape struct {
	Type     string
	Members  map[string]string
	Required []string
	Member   string
	// Key and Value are for maps.
	Key, Value string
	Enum       []string
	Pattern    string
	Min, Max   *int
}

// apis are the API models, with how much there is in each.
var apis = []struct {
	service                 *Service
	file                    string
	operations              []*Operation
	served, refused, shapes int
}{
	{LicenseManager, "license-manager", licenseManagerOperations, 8, 54, 61},
	{MarketplaceMetering, "marketplace-metering", meteringOperations, 4, 0, 33},
	{MarketplaceEntitlement, "marketplace-entitlement", entitlementOperations, 1, 0, 17},
}

// readModel reads the model of a service.
func readModel(t *testing.T, s *Service) *model {
	t.Helper()
	i := slices.Index(services, s)
	text, err := os.ReadFile(filepath.Join("testdata", apis[i].file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	m := &model{}
	if err := json.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	if len(m.Operations) != apis[i].served || len(m.Refused) != apis[i].refused || len(m.Shapes) != apis[i].shapes {
		t.Fatalf("the model has %d operations, %d refused ones, %d shapes", len(m.Operations), len(m.Refused), len(m.Shapes))
	}
	for name, s := range m.Shapes {
		if (s.Type == "string" || s.Type == "list") && s.Min != nil && *s.Min == 0 {
			s.Min = nil // Which is no bound.
			m.Shapes[name] = s
		}
	}
	return m
}

var kindNames = map[kind]string{
	stringKind: "string", boolKind: "boolean", integerKind: "integer", doubleKind: "double", timestampKind: "timestamp",
	listKind: "list", mapKind: "map", structureKind: "structure",
}

// compare holds a value of the code against a shape of the model.
func (m *model) compare(t *testing.T, at string, v *value) {
	t.Helper()
	want, ok := m.Shapes[v.name]
	if !ok {
		t.Fatalf("%s: the model has no shape %q", at, v.name)
	}
	kindName := kindNames[v.kind]
	if v.kind == integerKind && v.bits == 64 {
		kindName = "long"
	}
	got := modelShape{Type: kindName, Enum: v.enum, Pattern: v.pattern, Member: v.element}
	if v.kind == mapKind {
		got.Member, got.Key, got.Value = "", v.key, v.element
	}
	bound := func(n int) *int { return &n }
	if v.minLength > 0 {
		got.Min = bound(v.minLength)
	}
	if v.maxLength > 0 && !v.ours {
		got.Max = bound(v.maxLength)
	}
	if v.ranged {
		got.Min = bound(int(v.min))
		if !v.ours {
			got.Max = bound(int(v.max))
		}
	}
	if (v.pattern == "") != (v.matches == nil) {
		t.Errorf("%s: the pattern is %q, but has a function: %v", at, v.pattern, v.matches != nil)
	}
	switch v.kind {
	case listKind:
		if v.item.name != want.Member {
			t.Errorf("%s: its items are %s, want %s", at, v.item.name, want.Member)
		}
		m.compare(t, at+"[]", v.item)
	case mapKind:
		if diff := cmp.Diff(m.Shapes[v.key].Enum, v.keys); diff != "" {
			t.Errorf("%s: the keys are not the model's (-model +code):\n%s", at, diff)
		}
		m.compare(t, at+"{}", v.item)
	case structureKind:
		got.Members = map[string]string{}
		for i := range v.members.fields {
			f := &v.members.fields[i]
			got.Members[f.name] = f.value.name
			if f.required {
				got.Required = append(got.Required, f.name)
			}
			m.compare(t, at+"."+f.name, f.value)
		}
		slices.Sort(got.Required)
		slices.Sort(want.Required)
	}
	if diff := cmp.Diff(want, got); diff != "" && (len(want.Members) > 0 || len(got.Members) > 0 || v.kind != structureKind) {
		t.Errorf("%s: the shape %s is not the model's (-model +code):\n%s", at, v.name, diff)
	}
}

func TestTheOperationsAreTheModels(t *testing.T) {
	all := 0
	for i, api := range apis {
		if services[i] != api.service || serviceOf(api.service.Name+".Any") != api.service {
			t.Fatalf("the service %s is not found", api.service.Name)
		}
		all += len(api.operations)
		m := readModel(t, api.service)
		if got := api.service; got.Name != m.Metadata.TargetPrefix || got.SigningName != m.Metadata.SigningName ||
			contentType != "application/x-amz-json-"+m.Metadata.JSONVersion {
			t.Errorf("the service is %s, signed for as %s, want %v", got.Name, got.SigningName, m.Metadata)
		}
		if got, want := len(api.operations), len(m.Operations)+len(m.Refused); got != want {
			t.Errorf("%s has %d operations, want %d", api.service.Name, got, want)
		}
		for _, op := range api.operations {
			if Targets[api.service.Name+"."+op.Name] != op || op.Service != api.service {
				t.Errorf("%s of %s has another target", op.Name, op.Service.Name)
			}
			if _, served := m.Operations[op.Name]; served != (op.Kubectl == "") || served == slices.Contains(m.Refused, op.Name) {
				t.Errorf("%s: the model's copy says %v", op.Name, served)
			}
		}
		for name, op := range m.Operations {
			t.Run(name, func(t *testing.T) {
				got := Targets[api.service.Name+"."+name]
				m.compare(t, "input", &value{name: op.Input, kind: structureKind, members: got.input})
				m.compare(t, "output", &value{name: op.Output, kind: structureKind, members: got.output})
			})
		}
	}
	if len(services) != len(apis) || len(Targets) != all {
		t.Errorf("%d services with %d targets, want %d with %d", len(services), len(Targets), len(apis), all)
	}
}

// The bounds of bodies, written down once more.
func TestBodiesAreBounded(t *testing.T) {
	for s, want := range map[*Service]int64{LicenseManager: 64 << 10, MarketplaceMetering: 1 << 20, MarketplaceEntitlement: 64 << 10, Unknown: 64 << 10} {
		if s.MaxBody != want {
			t.Errorf("a body of %s has at most %d bytes, want %d", s.Name, s.MaxBody, want)
		}
	}
}

// eachValue calls f for every value of a structure and of what is in it.
func (s *structure) eachValue(at string, f func(at string, v *value)) {
	for i := range s.fields {
		at := at + s.fields[i].lower
		v := s.fields[i].value
		f(at, v)
		for v.kind == listKind || v.kind == mapKind {
			if at += ".1.member"; v.kind == mapKind {
				at = strings.TrimSuffix(at, ".1.member") + ".KEY.member"
			}
			v = v.item
			f(at, v)
		}
		if v.kind == structureKind {
			v.members.eachValue(at+".", f)
		}
	}
}

// The bounds that the model lacks, written down once more.
func TestEveryTextAndListOfARequestIsBounded(t *testing.T) {
	want := map[string]int{
		"CheckoutLicense.productSKU":                            256,
		"CheckoutLicense.keyFingerprint":                        512,
		"CheckoutLicense.entitlements":                          64,
		"CheckoutLicense.entitlements.1.member.name":            128,
		"CheckoutLicense.entitlements.1.member.value":           256,
		"CheckoutLicense.beneficiary":                           512,
		"CheckoutLicense.nodeId":                                256,
		"CheckInLicense.licenseConsumptionToken":                4096,
		"CheckInLicense.beneficiary":                            512,
		"ExtendLicenseConsumption.licenseConsumptionToken":      4096,
		"CheckoutBorrowLicense.entitlements":                    64,
		"CheckoutBorrowLicense.entitlements.1.member.name":      128,
		"CheckoutBorrowLicense.entitlements.1.member.value":     256,
		"CheckoutBorrowLicense.nodeId":                          256,
		"CheckoutBorrowLicense.checkoutMetadata":                64,
		"CheckoutBorrowLicense.checkoutMetadata.1.member.name":  256,
		"CheckoutBorrowLicense.checkoutMetadata.1.member.value": 1024,
		"GetLicense.version":                                    128,
	}
	maps.Copy(want, map[string]int{
		"ResolveCustomer.registrationToken":                4096,
		"BatchMeterUsage.usageRecords.1.member.licenseArn": 2048,
		"GetEntitlements.nextToken":                        4096,
		"GetEntitlements.filter.KEY.member":                100,
		"GetEntitlements.filter.KEY.member.1.member":       2048,
	})
	for _, list := range []string{"ListLicenses", "ListReceivedLicenses"} {
		want[list+".licenseArns"] = 100
		want[list+".filters"] = 10
		want[list+".filters.1.member.name"] = 128
		want[list+".filters.1.member.values"] = 100
		want[list+".filters.1.member.values.1.member"] = 1024
		want[list+".nextToken"] = 4096
	}
	got := map[string]int{}
	for _, op := range Targets {
		op.input.eachValue(op.Name+".", func(at string, v *value) {
			if v.ours && v.kind != integerKind {
				got[at] = v.maxLength
			}
			if (v.kind == stringKind || v.kind == listKind) && v.maxLength == 0 && v.enum == nil {
				t.Errorf("%s has no bound", at)
			}
			if v.kind == integerKind && !v.ranged {
				t.Errorf("%s has no range", at)
			}
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the bounds of ours differ (-want +got):\n%s", diff)
	}
}
