// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"strings"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// wireClaims is the payload of a licence token. First comes what License
// Manager's own tokens say, in their words; then the registered claims of RFC
// 7519; then the licence, in the words of GetLicense with a lower-case initial.
type wireClaims struct {
	LicenceARN          string               `json:"licenseArn"`
	ConsumptionToken    string               `json:"licenseConsumptionToken"`
	EntitlementsAllowed []AllowedEntitlement `json:"entitlementsAllowed"`
	NodeID              string               `json:"nodeId,omitempty"`
	IssuedAt            string               `json:"issuedAt"`
	Expiration          string               `json:"expiration,omitempty"`
	CheckoutMetadata    map[string]string    `json:"checkoutMetadata,omitempty"`

	Issuer         string `json:"iss"`
	Subject        string `json:"sub"`
	ID             string `json:"jti"`
	IssueTime      int64  `json:"iat"`
	ExpirationTime int64  `json:"exp,omitempty"`

	CheckoutType  string            `json:"checkoutType"`
	ProductSKU    string            `json:"productSKU"`
	ProductCode   string            `json:"productCode"`
	ProductName   string            `json:"productName,omitempty"`
	Beneficiary   string            `json:"beneficiary,omitempty"`
	IssuerDetails wireIssuer        `json:"issuer"`
	Validity      wireRange         `json:"validity"`
	Entitlements  []wireEntitlement `json:"entitlements,omitempty"`
	Consumption   wireConsumption   `json:"consumptionConfiguration"`
}

type wireIssuer struct {
	Name           string `json:"name,omitempty"`
	KeyFingerprint string `json:"keyFingerprint"`
}

type wireRange struct {
	Begin string `json:"begin,omitempty"`
	End   string `json:"end,omitempty"`
}

type wireEntitlement struct {
	Name         string        `json:"name"`
	Unit         v1alpha1.Unit `json:"unit"`
	Value        string        `json:"value,omitempty"`
	MaxCount     *int64        `json:"maxCount,omitempty"`
	Overage      bool          `json:"overage"`
	AllowCheckIn bool          `json:"allowCheckIn"`
}

type wireConsumption struct {
	RenewType   v1alpha1.Renewal `json:"renewType"`
	Provisional *wireProvisional `json:"provisionalConfiguration,omitempty"`
	Borrow      *wireBorrow      `json:"borrowConfiguration,omitempty"`
}

type wireProvisional struct {
	Minutes int32 `json:"maxTimeToLiveInMinutes"`
}

type wireBorrow struct {
	EarlyCheckIn bool  `json:"allowEarlyCheckIn"`
	Minutes      int32 `json:"maxTimeToLiveInMinutes"`
}

func (c *LicenceClaims) wire() *wireClaims {
	out := &wireClaims{
		LicenceARN: c.LicenceARN, ConsumptionToken: c.ConsumptionToken,
		EntitlementsAllowed: c.EntitlementsAllowed, NodeID: c.NodeID,
		IssuedAt: isoTime(c.IssueTime), Expiration: isoTime(c.ExpirationTime),
		CheckoutMetadata: c.CheckoutMetadata,

		Issuer: c.KeyFingerprint, Subject: c.Customer, ID: c.CheckoutID, IssueTime: c.IssueTime.Unix(),

		CheckoutType: strings.ToUpper(string(c.CheckoutType)),
		ProductSKU:   c.Terms.ProductSKU, ProductCode: c.Terms.ProductCode, ProductName: c.Terms.ProductName,
		Beneficiary:   c.Terms.Beneficiary,
		IssuerDetails: wireIssuer{Name: c.Terms.IssuerName, KeyFingerprint: c.KeyFingerprint},
		Validity:      wireRange{Begin: isoTime(c.Terms.Begin), End: isoTime(c.Terms.End)},
		Consumption:   wireConsumption{RenewType: c.Terms.Renewal},
	}
	if out.EntitlementsAllowed == nil {
		out.EntitlementsAllowed = []AllowedEntitlement{}
	}
	if !c.ExpirationTime.IsZero() {
		out.ExpirationTime = c.ExpirationTime.Unix()
	}
	if out.Consumption.RenewType == "" {
		out.Consumption.RenewType = v1alpha1.RenewalNone
	}
	if minutes := c.Terms.ProvisionalMinutes; minutes > 0 {
		out.Consumption.Provisional = &wireProvisional{Minutes: minutes}
	}
	if minutes := c.Terms.BorrowMinutes; minutes > 0 {
		out.Consumption.Borrow = &wireBorrow{EarlyCheckIn: c.Terms.EarlyCheckIn != v1alpha1.Forbidden, Minutes: minutes}
	}
	if len(c.Terms.Entitlements) > 0 {
		out.Entitlements = make([]wireEntitlement, len(c.Terms.Entitlements))
	}
	for n := range c.Terms.Entitlements {
		e := &c.Terms.Entitlements[n]
		out.Entitlements[n] = wireEntitlement{
			Name: e.Name, Unit: e.Unit, Value: e.Value, MaxCount: e.MaxCount,
			Overage: e.Overage == v1alpha1.Allowed, AllowCheckIn: e.CheckIn != v1alpha1.Forbidden,
		}
	}
	return out
}

// isoTime is "" for the zero time.
func isoTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
