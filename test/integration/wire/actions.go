// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

// version is the API version that all these calls name.
const version = "2008-04-28"

// action makes a call of an action. Pairs are names and values in turns.
func action(name string, signer *auth.Signer, pairs ...string) Call {
	parameters := P(append([]string{query.ActionParameter, name, query.Version, version}, pairs...)...)
	return Call{Parameters: parameters, Signer: signer}
}

// Hosted calls ActivateHostedProduct.
func Hosted(vendor *auth.Signer, key, token string, more ...string) Call {
	return action("ActivateHostedProduct", vendor,
		append([]string{query.ActivationKey, key, query.ProductToken, token}, more...)...)
}

// Desktop calls ActivateDesktopProduct.
func Desktop(key, token string, more ...string) Call {
	return action("ActivateDesktopProduct", nil,
		append([]string{query.ActivationKey, key, query.ProductToken, token}, more...)...)
}

// ByPid calls VerifyProductSubscriptionByPid.
func ByPid(vendor *auth.Signer, pid, code string, more ...string) Call {
	return action("VerifyProductSubscriptionByPid", vendor,
		append([]string{query.PersistentIdentifier, pid, query.ProductCode, code}, more...)...)
}

// ByTokens calls VerifyProductSubscriptionByTokens.
func ByTokens(signer *auth.Signer, userToken, productToken string, more ...string) Call {
	return action("VerifyProductSubscriptionByTokens", signer,
		append([]string{query.UserToken, userToken, query.ProductToken, productToken}, more...)...)
}

// Active calls GetActiveSubscriptionsByPid.
func Active(vendor *auth.Signer, pid string, more ...string) Call {
	return action("GetActiveSubscriptionsByPid", vendor, append([]string{query.PersistentIdentifier, pid}, more...)...)
}

// Refresh calls RefreshUserToken.
func Refresh(signer *auth.Signer, userToken string, more ...string) Call {
	return action("RefreshUserToken", signer, append([]string{query.UserToken, userToken}, more...)...)
}

// Posted returns the call as a POST.
func (c Call) Posted() Call {
	c.Method = "POST"
	return c
}

// By returns the call signed by somebody else.
func (c Call) By(signer *auth.Signer) Call {
	c.Signer = signer
	return c
}

// Without returns the call without a parameter.
func (c Call) Without(name string) Call {
	var kept []query.Parameter
	for _, p := range c.Parameters {
		if p.Name != name {
			kept = append(kept, p)
		}
	}
	c.Parameters = kept
	return c
}

// With returns the call with a parameter set to another value, or added.
func (c Call) With(name, value string) Call {
	c = c.Without(name)
	c.Parameters = append(c.Parameters, query.Parameter{Name: name, Value: value})
	return c
}

// Tampered returns the call with a signed parameter changed afterwards.
func (c Call) Tampered(name, value string) Call {
	c.Tamper = func(parameters []query.Parameter) []query.Parameter {
		var changed []query.Parameter
		for _, p := range parameters {
			if p.Name != name {
				changed = append(changed, p)
			}
		}
		return append(changed, query.Parameter{Name: name, Value: value})
	}
	return c
}
