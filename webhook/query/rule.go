// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import "github.com/license-operator/license-operator/internal/fault"

// The names of the parameters. They are case-sensitive.
const (
	ActionParameter      = "Action"
	ActivationKey        = "ActivationKey"
	AdditionalTokens     = "AdditionalTokens"
	AWSAccessKeyID       = "AWSAccessKeyId"
	Expires              = "Expires"
	PersistentIdentifier = "PersistentIdentifier"
	ProductCode          = "ProductCode"
	ProductToken         = "ProductToken"
	Signature            = "Signature"
	SignatureMethod      = "SignatureMethod"
	SignatureVersion     = "SignatureVersion"
	Timestamp            = "Timestamp"
	TokenExpiration      = "TokenExpiration"
	UserToken            = "UserToken"
	Version              = "Version"
)

// Rule says what one parameter of an action must be.
type Rule struct {
	// Name is the parameter's name.
	Name string
	// Required parameters must be there and not be empty.
	Required bool
	// Missing and Invalid are the kinds of fault in the contract's words.
	Missing, Invalid fault.Kind
	// Form completes the sentence "it must be …".
	Form string
	// Accepts reports whether the value has that form. What it refuses is
	// never acted upon, which is what makes signature version 1 safe.
	Accepts func(value string) bool
}

// Check returns nil if a value obeys the rule. An absent parameter's value is
// "" with present false.
func (r *Rule) Check(value string, present bool) error {
	switch {
	case value == "" && r.Required:
		return fault.New(r.Missing, "The request is missing the required parameter `%s`.", r.Name)
	case present && !r.Accepts(value):
		return fault.New(r.Invalid, "The parameter `%s` is invalid or malformed: it must be %s.", r.Name, r.Form)
	}
	return nil
}

// common holds the rules of the parameters that every signed action has. They
// serve signature version 1 only; other steps judge these parameters
// themselves. Signature itself is not signed and has no rule.
var common = []Rule{
	{Name: ActionParameter, Required: true, Missing: fault.MissingAction, Invalid: fault.UnknownAction,
		Form: "the name of an action", Accepts: isActionName},
	{Name: AWSAccessKeyID, Required: true, Missing: fault.MissingAuthentication, Invalid: fault.InvalidParameter,
		Form: "16 to 128 letters and digits", Accepts: isAccessKeyID},
	{Name: SignatureVersion, Required: true, Missing: fault.InvalidParameter, Invalid: fault.InvalidParameter,
		Form: "1", Accepts: oneOf("1")},
	{Name: SignatureMethod, Invalid: fault.InvalidParameter,
		Form: "HmacSHA256 or HmacSHA1", Accepts: oneOf("HmacSHA256", "HmacSHA1")},
	{Name: Timestamp, Invalid: fault.InvalidParameter,
		Form: "a date such as 2008-05-19T12:00:00Z", Accepts: isTime},
	{Name: Expires, Invalid: fault.InvalidParameter,
		Form: "a date such as 2008-05-19T12:00:00Z", Accepts: isTime},
	{Name: Version, Invalid: fault.UnknownVersion,
		Form: "an API version such as 2008-04-28", Accepts: orEmpty(isVersion)},
}

func activationKey() Rule {
	return Rule{Name: ActivationKey, Required: true, Missing: fault.MissingParameter, Invalid: fault.ActivationKeyInvalid,
		Form: "1 to 64 upper-case letters and digits", Accepts: isActivationKey}
}

func persistentIdentifier() Rule {
	return Rule{Name: PersistentIdentifier, Required: true, Missing: fault.MissingPID, Invalid: fault.PIDInvalid,
		Form: "1 to 128 upper-case letters and digits", Accepts: isPersistentIdentity}
}

// productCode answers with the product token's codes: the contract has none
// for a product code.
func productCode() Rule {
	return Rule{Name: ProductCode, Required: true, Missing: fault.MissingProductToken, Invalid: fault.ProductTokenInvalid,
		Form: "1 to 64 letters and digits", Accepts: isProductCode}
}

func productToken(missing fault.Kind) Rule {
	return Rule{Name: ProductToken, Required: true, Missing: missing, Invalid: fault.ProductTokenInvalid,
		Form: "the literal {ProductToken} and base64 characters", Accepts: isProductToken}
}

func userToken(missing, invalid fault.Kind) Rule {
	return Rule{Name: UserToken, Required: true, Missing: missing, Invalid: invalid,
		Form: "the literal {UserToken} and base64 characters", Accepts: isUserToken}
}

func tokenExpiration() Rule {
	return Rule{Name: TokenExpiration, Invalid: fault.InvalidParameter,
		Form: "an xsd:duration such as P365D or a number of seconds, more than 0 and at most 100 years", Accepts: orEmpty(isDuration)}
}

func additionalTokens(name string) Rule {
	return Rule{Name: name, Invalid: fault.ProductTokenInvalid,
		Form: "a product token or a user token", Accepts: orEmpty(isAnyToken)}
}
