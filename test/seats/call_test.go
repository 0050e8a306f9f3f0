// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// The names of the errors that the tests expect.
const (
	noEntitlements = "NoEntitlementsAllowedException"
	invalidValue   = "InvalidParameterValueException"
	notFound       = "ResourceNotFoundException"
)

const jsonType = "application/x-amz-json-1.1"

// answer is one of the endpoint, in form.
type answer struct {
	status int
	// code is the error's name; "" of a success.
	code string
	body []byte
}

// failures are the answers of status 500 or more that replicas which lived gave.
var failures struct {
	mu   sync.Mutex
	list []string
}

// call sends one request with signature version 4. The error is that of the
// connection, or says what is wrong with the answer's form.
func (v *vendor) call(ctx context.Context, r *replica, operation string, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("X-Amz-Target", "AWSLicenseManager."+operation)
	if err := auth.SignV4(req, body, v.Key.AccessKeyID, v.Key.SecretAccessKey, "", "us-east-1", "license-manager", r.now()); err != nil {
		return nil, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	if err := a.read(resp.Header); err != nil {
		return nil, fmt.Errorf("%s is answered %d out of form: %w: %s", operation, a.status, err, a.body)
	}
	if a.status >= http.StatusInternalServerError {
		failures.mu.Lock()
		failures.list = append(failures.list, fmt.Sprintf("%s answered %s with %d: %s", r.name, operation, a.status, a.body))
		failures.mu.Unlock()
	}
	return a, nil
}

// read holds an answer against what the contract says of all.
func (a *answer) read(h http.Header) error {
	if _, err := uuid.Parse(h.Get("x-amzn-RequestId")); err != nil {
		return fmt.Errorf("the request's id: %w", err)
	}
	if got := h.Get("Content-Type"); got != jsonType {
		return fmt.Errorf("the content type is %q", got)
	}
	var form struct {
		Type    *string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal(a.body, &form); err != nil {
		return err
	}
	if a.status == http.StatusOK {
		if form.Type != nil || h.Get("x-amzn-ErrorType") != "" {
			return fmt.Errorf("a success is named %v", form.Type)
		}
		return nil
	}
	if form.Type == nil || *form.Type == "" || form.Message == "" || *form.Type != h.Get("x-amzn-ErrorType") {
		return fmt.Errorf("the header names the error %q", h.Get("x-amzn-ErrorType"))
	}
	a.code = *form.Type
	return nil
}

// grant is what a checkout was answered.
type grant struct {
	LicenseConsumptionToken, SignedToken, IssuedAt, Expiration string
}

// String tells grants apart.
func (g *grant) String() string {
	if g == nil {
		return "nothing"
	}
	return fmt.Sprintf("a seat from %s to %s by …%s", g.IssuedAt, g.Expiration, g.LicenseConsumptionToken[len(g.LicenseConsumptionToken)-8:])
}

// same says whether two answers are one: the signed token is signed anew.
func (g *grant) same(other *grant) bool {
	return g.LicenseConsumptionToken == other.LicenseConsumptionToken && g.IssuedAt == other.IssuedAt && g.Expiration == other.Expiration
}

// granted reads a checkout's answer; nil if it was refused.
func (a *answer) granted() (*grant, error) {
	if a.status != http.StatusOK {
		return nil, nil
	}
	g := &grant{}
	if err := json.Unmarshal(a.body, g); err != nil {
		return nil, err
	}
	if g.LicenseConsumptionToken == "" || g.SignedToken == "" || g.IssuedAt == "" || g.Expiration == "" {
		return nil, fmt.Errorf("a checkout is answered %s", a.body)
	}
	canaries.Secret("consumption token", strings.TrimPrefix(g.LicenseConsumptionToken, "lct_"))
	for i, part := range strings.Split(g.SignedToken, ".") {
		if i > 0 { // The header is the same for all.
			canaries.Secret("signed token", part[len(part)/2:])
		}
	}
	return g, nil
}

// order is a checkout of one seat, under a ClientToken.
func (l *licence) order(clientToken string, change ...func(*awsjson.CheckoutLicenseRequest)) []byte {
	one := "1"
	in := &awsjson.CheckoutLicenseRequest{
		ProductSKU: sku, CheckoutType: awsjson.CheckoutTypeProvisional, KeyFingerprint: l.fingerprint,
		Entitlements: []awsjson.EntitlementData{{Name: "seats", Unit: "Count", Value: &one}},
		ClientToken:  clientToken, Beneficiary: &l.customer,
	}
	for _, c := range change {
		c(in)
	}
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	return body
}

// checkout asks a replica for one seat. A refusal is an answer without a grant;
// its code says why.
func (l *licence) checkout(ctx context.Context, r *replica, clientToken string) (*grant, string, error) {
	a, err := l.call(ctx, r, "CheckoutLicense", l.order(clientToken))
	if err != nil {
		return nil, "", err
	}
	if a.status >= http.StatusInternalServerError {
		return nil, a.code, fmt.Errorf("answered %d %s", a.status, a.body)
	}
	g, err := a.granted()
	return g, a.code, err
}

// checkIn gives a seat back, and returns the error's name.
func (v *vendor) checkIn(ctx context.Context, r *replica, g *grant) (string, error) {
	a, err := v.byToken(ctx, r, "CheckInLicense", g)
	return a.name(), err
}

// extension is what an ExtendLicenseConsumption was answered.
type extension struct{ Expiration string }

// extend asks for a seat to be held longer. A refusal is an answer without an
// extension; its code says why.
func (v *vendor) extend(ctx context.Context, r *replica, g *grant) (*extension, string, error) {
	a, err := v.byToken(ctx, r, "ExtendLicenseConsumption", g)
	if err != nil || a.status != http.StatusOK {
		return nil, a.name(), err
	}
	e := &extension{}
	return e, "", json.Unmarshal(a.body, e)
}

// name is the error's; "" of a success and of no answer.
func (a *answer) name() string {
	if a == nil {
		return ""
	}
	return a.code
}

func (v *vendor) byToken(ctx context.Context, r *replica, operation string, g *grant) (*answer, error) {
	body, err := json.Marshal(map[string]string{"LicenseConsumptionToken": g.LicenseConsumptionToken})
	if err != nil {
		return nil, err
	}
	return v.call(ctx, r, operation, body)
}

// must is a checkout that is granted.
func (l *licence) must(t *testing.T, r *replica, clientToken string) *grant {
	t.Helper()
	g, code, err := l.checkout(t.Context(), r, clientToken)
	if g == nil {
		t.Fatalf("%s: the checkout %s is answered %s %v", r.name, clientToken, code, err)
	}
	return g
}

// expect holds the name of an answer's error against what it must be.
func expect(t *testing.T, what string, want string, got string, err error) {
	t.Helper()
	if err != nil || got != want {
		t.Errorf("%s: answered %q %v, want %q", what, got, err, want)
	}
}
