// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
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
	Enum     []string
	Pattern  string
	Min, Max *int
}

func readModel(t *testing.T) *model {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "license-manager.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := &model{}
	if err := json.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	if len(m.Operations) != 8 || len(m.Refused) != 54 || len(m.Shapes) < 60 {
		t.Fatalf("the model has %d operations, %d refused ones, %d shapes", len(m.Operations), len(m.Refused), len(m.Shapes))
	}
	return m
}

var kindNames = map[kind]string{
	stringKind: "string", boolKind: "boolean", integerKind: "integer", listKind: "list", structureKind: "structure",
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
	bound := func(n int) *int { return &n }
	if v.minLength > 0 {
		got.Min = bound(v.minLength)
	}
	if v.maxLength > 0 && !v.ours {
		got.Max = bound(v.maxLength)
	}
	if v.ranged {
		got.Min, got.Max = bound(int(v.min)), bound(int(v.max))
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
	m := readModel(t)
	if got := LicenseManager; got.Name != m.Metadata.TargetPrefix || got.SigningName != m.Metadata.SigningName ||
		contentType != "application/x-amz-json-"+m.Metadata.JSONVersion {
		t.Errorf("the service is %s, signed for as %s, want %v", got.Name, got.SigningName, m.Metadata)
	}
	for _, s := range services {
		if serviceOf(s.Name+".Any") != s {
			t.Errorf("the service %s is not found", s.Name)
		}
	}
	for target, op := range Targets {
		if target != op.Service.Name+"."+op.Name {
			t.Errorf("%s is %s of %s", target, op.Name, op.Service.Name)
		}
		if _, served := m.Operations[op.Name]; served != (op.Kubectl == "") || served == slices.Contains(m.Refused, op.Name) {
			t.Errorf("%s: the model's copy says %v", target, served)
		}
	}
	if got, want := len(licenseManagerOperations), len(m.Operations)+len(m.Refused); got != want || len(Targets) != want {
		t.Errorf("%d operations and %d targets, want %d", got, len(Targets), want)
	}
	for name, op := range m.Operations {
		t.Run(name, func(t *testing.T) {
			got := Targets["AWSLicenseManager."+name]
			m.compare(t, "input", &value{name: op.Input, kind: structureKind, members: got.input})
			m.compare(t, "output", &value{name: op.Output, kind: structureKind, members: got.output})
		})
	}
}

// eachValue calls f for every value of a structure and of what is in it.
func (s *structure) eachValue(at string, f func(at string, v *value)) {
	for i := range s.fields {
		at := at + s.fields[i].lower
		v := s.fields[i].value
		f(at, v)
		for v.kind == listKind {
			v, at = v.item, at+".1.member"
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
			if v.ours {
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
