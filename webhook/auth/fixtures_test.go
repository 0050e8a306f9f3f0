// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

const (
	testID     = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "uV3F3YluFJax1cknvbcGwgjvx4QpvB+leU8dUj2o"
	testHost   = "ls.example.com:8443"
)

var testNow = time.Date(2008, time.May, 19, 12, 0, 0, 0, time.UTC)

// keys is a KeyFinder of fixed keys.
type keys map[string]Key

func (k keys) FindKey(_ context.Context, id string) (Key, bool, error) {
	key, ok := k[id]
	return key, ok, nil
}

var testKeys = keys{testID: {
	Principal: Principal{Kind: Vendor, Namespace: "acme", AccessKeyID: testID, KeyName: "main"},
	Secret:    testSecret,
}}

// parameters builds a list from names and values in turns.
func parameters(namesAndValues ...string) []query.Parameter {
	var list []query.Parameter
	for i := 0; i < len(namesAndValues); i += 2 {
		list = append(list, query.Parameter{Name: namesAndValues[i], Value: namesAndValues[i+1]})
	}
	return list
}

const (
	productTokenA = "{ProductToken}YLFRL3e4lOHTgGSQa8BOKA+/SignatureVers/ion1A=="
	userTokenA    = "{UserToken}AAAHVXNlclRrbgfOpSykBAXO7g/zG+UserTokenVersion2008w="
)

// genuine holds a request of each signed action, with and without what is
// optional.
var genuine = map[string][]query.Parameter{
	"hosted": parameters("Action", "ActivateHostedProduct", "ActivationKey", "ADMAY7DVLJTWHJ76MMBMQEXAMPLE",
		"ProductToken", productTokenA, "Version", "2008-04-28"),
	"hosted with expiration": parameters("Action", "ActivateHostedProduct", "ActivationKey", "ADMAY7DVLJTWHJ76MMBMQEXAMPLE",
		"ProductToken", productTokenA, "TokenExpiration", "PT3600S", "Version", "2007-12-01"),
	"hosted with seconds and an end": parameters("Action", "ActivateHostedProduct", "ActivationKey", "ADMAY7DVLJTWHJ76MMBMQEXAMPLE",
		"ProductToken", productTokenA, "TokenExpiration", "3600", "Expires", "2008-05-19T12:10:00"),
	"by PID": parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PMNGLKRRYHLOXDQKEMKLEXAMPLE",
		"ProductCode", "774F4FF8", "Version", "2008-04-28"),
	"by PID without a version": parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PMNGLKRRYHLOXDQKEMKLEXAMPLE",
		"ProductCode", "774F4FF8", "Timestamp", "2008-05-19T07:00:00.123-05:00"),
	"by tokens": parameters("Action", "VerifyProductSubscriptionByTokens", "ProductToken", productTokenA,
		"UserToken", userTokenA, "Version", "2008-04-28", "Expires", "2008-05-19T12:05:00+00:00"),
	"active": parameters("Action", "GetActiveSubscriptionsByPid", "PersistentIdentifier", "PMNGLKRRYHLOXDQKEMKLEXAMPLE",
		"Version", "2007-06-05"),
	"refresh": parameters("Action", "RefreshUserToken", "UserToken", userTokenA, "Version", "2008-04-28"),
	"refresh with tokens": parameters("Action", "RefreshUserToken", "UserToken", userTokenA,
		"AdditionalTokens", productTokenA, "AdditionalTokens.1", userTokenA, "AdditionalTokens.2", productTokenA,
		"AdditionalTokens.10", productTokenA),
	"refresh with an empty token": parameters("Action", "RefreshUserToken", "UserToken", userTokenA,
		"AdditionalTokens", "", "Version", "2008-04-28"),
}

// signers are the ways of signing that are on by default.
var signers = map[string]Signer{
	"version 1":             {testID, testSecret, "1", ""},
	"version 2 with SHA1":   {testID, testSecret, "2", HmacSHA1},
	"version 2 with SHA256": {testID, testSecret, "2", HmacSHA256},
}

func sign(t testing.TB, s Signer, method string, list []query.Parameter) []query.Parameter {
	t.Helper()
	signed, err := s.Sign(method, testHost, "/", list, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// serve takes a raw request through all steps up to the handler, as the
// endpoint does.
func serve(v *Verifier, method, rawQuery, body string) (*query.Request, *Principal, error) {
	raw := &http.Request{Method: method, Host: testHost, URL: &url.URL{Path: "/", RawQuery: rawQuery}, Header: http.Header{}}
	r, err := query.Parse(raw, []byte(body))
	if err != nil {
		return nil, nil, err
	}
	action, err := r.Action()
	if err != nil {
		return nil, nil, err
	}
	if err := r.CheckVersion(); err != nil {
		return nil, nil, err
	}
	if !action.IsSigned() {
		return nil, nil, fault.New(fault.AccessDenied, "These tests are about signed actions.")
	}
	principal, err := v.Verify(context.Background(), InputOf(r, action), testNow)
	if err != nil {
		return nil, nil, err
	}
	return r, principal, action.CheckParameters(r)
}

// verify takes a list of parameters through the verifier only.
func verify(v *Verifier, list []query.Parameter) error {
	r := &query.Request{Method: "GET", Host: testHost, Path: "/", Parameters: list}
	action, err := r.Action()
	if err != nil {
		return err
	}
	_, err = v.Verify(context.Background(), InputOf(r, action), testNow)
	return err
}

// sorted returns the parameters in the order of their names, to compare two
// lists as maps.
func sorted(list []query.Parameter) []query.Parameter {
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y query.Parameter) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// with returns the list with a parameter set, or removed if the value is
// "-".
func with(list []query.Parameter, name, value string) []query.Parameter {
	list = slices.DeleteFunc(slices.Clone(list), func(p query.Parameter) bool { return p.Name == name })
	if value != "-" {
		list = append(list, query.Parameter{Name: name, Value: value})
	}
	return list
}
