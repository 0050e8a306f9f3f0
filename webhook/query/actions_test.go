// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

func TestActionsAreThoseOfTheContract(t *testing.T) {
	type row struct {
		Signers            []Signer
		Required, Optional []string
	}
	tokens := []string{"AdditionalTokens", "AdditionalTokens.1", "AdditionalTokens.2", "AdditionalTokens.3",
		"AdditionalTokens.4", "AdditionalTokens.5", "AdditionalTokens.6", "AdditionalTokens.7",
		"AdditionalTokens.8", "AdditionalTokens.9", "AdditionalTokens.10"}
	want := map[string]row{
		"ActivateHostedProduct":             {[]Signer{Vendor}, []string{"ActivationKey", "ProductToken"}, []string{"TokenExpiration"}},
		"ActivateDesktopProduct":            {nil, []string{"ActivationKey", "ProductToken"}, []string{"TokenExpiration"}},
		"VerifyProductSubscriptionByPid":    {[]Signer{Vendor}, []string{"PersistentIdentifier", "ProductCode"}, nil},
		"VerifyProductSubscriptionByTokens": {[]Signer{Customer, Vendor}, []string{"UserToken", "ProductToken"}, nil},
		"GetActiveSubscriptionsByPid":       {[]Signer{Vendor}, []string{"PersistentIdentifier"}, nil},
		"RefreshUserToken":                  {[]Signer{Customer, Vendor}, []string{"UserToken"}, tokens},
	}
	got := map[string]row{}
	for _, a := range Actions {
		r := row{Signers: a.Signers}
		for _, rule := range a.Parameters {
			if rule.Required {
				r.Required = append(r.Required, rule.Name)
			} else {
				r.Optional = append(r.Optional, rule.Name)
			}
		}
		got[a.Name] = r
		if a.IsSigned() != (len(r.Signers) > 0) || a.AllowsSigner("ServiceAccount") {
			t.Errorf("%s: IsSigned or AllowsSigner contradicts %v", a.Name, r.Signers)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Actions differ (-want +got):\n%s", diff)
	}
}

// The safety of signature version 1 rests on these properties of the tables.
func TestTablesSuitSignatureVersion1(t *testing.T) {
	for i, a := range Actions {
		for j, b := range Actions {
			if i != j && strings.HasPrefix(a.Name, b.Name) {
				t.Errorf("the name %s begins with %s, so a string could be of two actions", a.Name, b.Name)
			}
		}
		rules := a.SignedRules()
		if rules[0].Name != "Action" {
			t.Errorf("%s: the first signed name is %s, want Action", a.Name, rules[0].Name)
		}
		for k, rule := range rules {
			if rule.Name == Signature {
				t.Errorf("%s: Signature can't sign itself", a.Name)
			}
			if k > 0 && CompareFold(rules[k-1].Name, rule.Name) >= 0 {
				t.Errorf("%s: %s and %s are equal or out of order", a.Name, rules[k-1].Name, rule.Name)
			}
			if rule.Invalid == "" || rule.Required && rule.Missing == "" || rule.Form == "" {
				t.Errorf("%s: the rule of %s is incomplete", a.Name, rule.Name)
			}
			if rule.Required && rule.Accepts("") {
				t.Errorf("%s: %s is required but may be empty", a.Name, rule.Name)
			}
		}
		for _, own := range a.Parameters {
			for _, c := range common {
				if own.Name == c.Name {
					t.Errorf("%s: %s is both common and its own", a.Name, own.Name)
				}
			}
		}
	}
}

func TestRequestAction(t *testing.T) {
	for _, a := range Actions {
		got, err := (&Request{Parameters: []Parameter{{"Action", a.Name}}}).Action()
		if err != nil || got != a {
			t.Errorf("Action() = %v, %v, want %s", got, err, a.Name)
		}
	}
	for name, test := range map[string]struct {
		parameters []Parameter
		want       fault.Kind
	}{
		"absent":        {nil, fault.MissingAction},
		"empty":         {[]Parameter{{"Action", ""}}, fault.MissingAction},
		"unknown":       {[]Parameter{{"Action", "CreateQueue"}}, fault.UnknownAction},
		"in small caps": {[]Parameter{{"Action", "refreshusertoken"}}, fault.UnknownAction},
		"name in small": {[]Parameter{{"action", "RefreshUserToken"}}, fault.MissingAction},
	} {
		if _, err := (&Request{Parameters: test.parameters}).Action(); fault.KindOf(err) != test.want {
			t.Errorf("%s: Action() error = %v, want %s", name, err, test.want)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	for version, known := range map[string]bool{
		"2008-04-28": true, "2007-12-01": true, "2007-06-05": true, "": true,
		"2006-04-01": false, "2008-04-28 ": false, "2008": false,
	} {
		err := (&Request{Parameters: []Parameter{{"Version", version}}}).CheckVersion()
		if known != (err == nil) || !known && fault.KindOf(err) != fault.UnknownVersion {
			t.Errorf("CheckVersion(%q) = %v, want known %t", version, err, known)
		}
	}
	if err := (&Request{}).CheckVersion(); err != nil {
		t.Errorf("CheckVersion() without a version = %v", err)
	}
}

func TestCheckParameters(t *testing.T) {
	key := Parameter{"ActivationKey", "ADMAY7DVLJTWHJ76MMBMQEXAMPLE"}
	product := Parameter{"ProductToken", "{ProductToken}YLFRL3e4lOHTgGSQa8BO+/A="}
	user := Parameter{"UserToken", "{UserToken}AAAHVXNlclRrbgfOpSykBAXO7g/zG"}
	pid := Parameter{"PersistentIdentifier", "PMNGLKRRYHLOXDQKEMKLEXAMPLE"}
	code := Parameter{"ProductCode", "774F4FF8"}
	tests := map[string]struct {
		action     string
		parameters []Parameter
		want       fault.Kind // empty: accepted
	}{
		"hosted, complete":                     {"ActivateHostedProduct", []Parameter{key, product}, ""},
		"hosted, with an expiration":           {"ActivateHostedProduct", []Parameter{key, product, {"TokenExpiration", "P365D"}}, ""},
		"hosted, with an empty expiration":     {"ActivateHostedProduct", []Parameter{key, product, {"TokenExpiration", ""}}, ""},
		"hosted, with a bad expiration":        {"ActivateHostedProduct", []Parameter{key, product, {"TokenExpiration", "1h"}}, fault.InvalidParameter},
		"hosted, without a key":                {"ActivateHostedProduct", []Parameter{product}, fault.MissingParameter},
		"hosted, with an empty key":            {"ActivateHostedProduct", []Parameter{{"ActivationKey", ""}, product}, fault.MissingParameter},
		"hosted, with a malformed key":         {"ActivateHostedProduct", []Parameter{{"ActivationKey", "a-b"}, product}, fault.ActivationKeyInvalid},
		"hosted, with a key that is too long":  {"ActivateHostedProduct", []Parameter{{"ActivationKey", strings.Repeat("A", 65)}, product}, fault.ActivationKeyInvalid},
		"hosted, without a product token":      {"ActivateHostedProduct", []Parameter{key}, fault.MissingParameter},
		"hosted, with a bare product token":    {"ActivateHostedProduct", []Parameter{key, {"ProductToken", "AAAA"}}, fault.ProductTokenInvalid},
		"hosted, with an empty product token":  {"ActivateHostedProduct", []Parameter{key, {"ProductToken", "{ProductToken}"}}, fault.ProductTokenInvalid},
		"hosted, with padding inside a token":  {"ActivateHostedProduct", []Parameter{key, {"ProductToken", "{ProductToken}AA=A"}}, fault.ProductTokenInvalid},
		"hosted, with only padding":            {"ActivateHostedProduct", []Parameter{key, {"ProductToken", "{ProductToken}=="}}, fault.ProductTokenInvalid},
		"hosted, with much padding":            {"ActivateHostedProduct", []Parameter{key, {"ProductToken", "{ProductToken}A==="}}, fault.ProductTokenInvalid},
		"desktop, with dummy credentials":      {"ActivateDesktopProduct", []Parameter{key, product, {"AWSAccessKeyId", "x"}, {"Timestamp", "y"}}, ""},
		"an unknown parameter is ignored":      {"ActivateDesktopProduct", []Parameter{key, product, {"Foo", "x"}}, ""},
		"by PID, complete":                     {"VerifyProductSubscriptionByPid", []Parameter{pid, code}, ""},
		"by PID, without a PID":                {"VerifyProductSubscriptionByPid", []Parameter{code}, fault.MissingPID},
		"by PID, with a malformed PID":         {"VerifyProductSubscriptionByPid", []Parameter{{"PersistentIdentifier", "p"}, code}, fault.PIDInvalid},
		"by PID, without a product code":       {"VerifyProductSubscriptionByPid", []Parameter{pid}, fault.MissingProductToken},
		"by PID, with a malformed code":        {"VerifyProductSubscriptionByPid", []Parameter{pid, {"ProductCode", "7-7"}}, fault.ProductTokenInvalid},
		"by tokens, complete":                  {"VerifyProductSubscriptionByTokens", []Parameter{user, product}, ""},
		"by tokens, without a user token":      {"VerifyProductSubscriptionByTokens", []Parameter{product}, fault.InvalidParameter},
		"by tokens, with a bad user token":     {"VerifyProductSubscriptionByTokens", []Parameter{{"UserToken", "x"}, product}, fault.InvalidParameter},
		"by tokens, without a product token":   {"VerifyProductSubscriptionByTokens", []Parameter{user}, fault.InvalidParameter},
		"by tokens, with tokens interchanged":  {"VerifyProductSubscriptionByTokens", []Parameter{user, {"ProductToken", user.Value}}, fault.ProductTokenInvalid},
		"active, complete":                     {"GetActiveSubscriptionsByPid", []Parameter{pid}, ""},
		"active, without a PID":                {"GetActiveSubscriptionsByPid", nil, fault.MissingPID},
		"refresh, complete":                    {"RefreshUserToken", []Parameter{user, {"AdditionalTokens.10", product.Value}, {"AdditionalTokens", user.Value}}, ""},
		"refresh, without a user token":        {"RefreshUserToken", nil, fault.MissingUserToken},
		"refresh, with a bad user token":       {"RefreshUserToken", []Parameter{{"UserToken", "x"}}, fault.UserTokenInvalid},
		"refresh, with a bad additional token": {"RefreshUserToken", []Parameter{user, {"AdditionalTokens.2", "x"}}, fault.ProductTokenInvalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := actionsByName[test.action].CheckParameters(&Request{Parameters: test.parameters})
			if (err == nil) != (test.want == "") || err != nil && fault.KindOf(err) != test.want {
				t.Errorf("CheckParameters() = %v, want the kind %q", err, test.want)
			}
		})
	}
}

func TestAccessors(t *testing.T) {
	from := time.Date(2008, time.May, 19, 12, 0, 0, 0, time.UTC)
	r := &Request{Parameters: []Parameter{
		{"AdditionalTokens.10", "j"}, {"AdditionalTokens.2", "b"}, {"AdditionalTokens.11", "no"},
		{"AdditionalTokens.3", ""}, {"AdditionalTokens", "zero"}, {"TokenExpiration", "60"},
	}}
	if diff := cmp.Diff([]string{"zero", "b", "j"}, r.AdditionalTokens()); diff != "" {
		t.Errorf("AdditionalTokens() differs (-want +got):\n%s", diff)
	}
	if d, ok, err := r.TokenExpiration(from); d != time.Minute || !ok || err != nil {
		t.Errorf("TokenExpiration() = %v, %t, %v, want a minute", d, ok, err)
	}
	if d, ok, err := (&Request{}).TokenExpiration(from); d != 0 || ok || err != nil {
		t.Errorf("TokenExpiration() of none = %v, %t, %v", d, ok, err)
	}
	bad := &Request{Parameters: []Parameter{{"TokenExpiration", "x"}}}
	if _, ok, err := bad.TokenExpiration(from); ok || fault.KindOf(err) != fault.InvalidParameter {
		t.Errorf("TokenExpiration() of a bad one = %t, %v", ok, err)
	}
}
