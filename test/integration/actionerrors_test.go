// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"

	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

func parameterFailures(s *shop) map[string]failure {
	hosted, desktop := wire.Hosted(s.Key, s.key, s.farm.Token), wire.Desktop(s.key, s.farm.Token)
	byPid, byTokens := wire.ByPid(s.Key, s.pid, s.farm.Code), wire.ByTokens(s.customer, s.userToken, s.farm.Token)
	table := map[string]failure{
		"hosted: no activation key":                   {hosted.Without(query.ActivationKey), 400, "MissingParameter"},
		"hosted: no product token":                    {hosted.Without(query.ProductToken), 400, "MissingParameter"},
		"desktop: no activation key":                  {desktop.Without(query.ActivationKey), 400, "MissingParameter"},
		"desktop: an empty activation key":            {desktop.With(query.ActivationKey, ""), 400, "MissingParameter"},
		"desktop: no product token":                   {desktop.Without(query.ProductToken), 400, "MissingParameter"},
		"by PID: no PID":                              {byPid.Without(query.PersistentIdentifier), 403, "MissingPersistentIdentifier"},
		"by PID: no product code":                     {byPid.Without(query.ProductCode), 403, "MissingProductToken"},
		"by tokens: no user token":                    {byTokens.Without(query.UserToken), 400, "InvalidParameterValue"},
		"by tokens: no product token":                 {byTokens.Without(query.ProductToken), 400, "InvalidParameterValue"},
		"active: no PID":                              {wire.Active(s.Key, ""), 403, "MissingPersistentIdentifier"},
		"refresh: no user token":                      {wire.Refresh(s.customer, ""), 403, "MissingUserToken"},
		"hosted: an activation key in lower case":     {hosted.With(query.ActivationKey, strings.ToLower(s.key)), 403, "InvalidActivationKey"},
		"hosted: a product token without its literal": {hosted.With(query.ProductToken, strings.TrimPrefix(s.farm.Token, "{ProductToken}")), 403, "InvalidProductToken"},
	}
	for _, duration := range []string{"0", "-5", "PT0S", "P", "PT", "1h", "P1S", "PT1Y", "one year", "P101Y", "3600.5",
		"99999999999999999999", "P-1D", "pt3600s", "PT3600"} {
		table["a TokenExpiration of "+duration] = failure{desktop.With(query.TokenExpiration, duration), 400, "InvalidParameterValue"}
	}
	return table
}

func activationFailures(s *shop, x *strangers) map[string]failure {
	hosted, desktop := wire.Hosted(s.Key, s.key, s.farm.Token), wire.Desktop(s.key, s.farm.Token)
	tampered := tamper(s.farm.Token)
	return map[string]failure{
		"hosted: a product token with a changed byte":      {hosted.With(query.ProductToken, tampered), 403, "InvalidProductToken"},
		"hosted: a truncated product token":                {hosted.With(query.ProductToken, s.farm.Token[:100]), 403, "InvalidProductToken"},
		"hosted: a made-up product token":                  {hosted.With(query.ProductToken, madeUpProduct), 403, "InvalidProductToken"},
		"hosted: a user token as the product token":        {hosted.With(query.ProductToken, s.userToken), 403, "InvalidProductToken"},
		"hosted: a user token dressed as a product token":  {hosted.With(query.ProductToken, strings.Replace(s.userToken, "{UserToken}", "{ProductToken}", 1)), 403, "InvalidProductToken"},
		"hosted: another vendor's product token":           {hosted.With(query.ProductToken, x.other.farm.Token), 403, "InvalidProductToken"},
		"hosted: another vendor's activation key":          {hosted.With(query.ActivationKey, x.other.key), 403, "InvalidActivationKey"},
		"hosted: another vendor's key and token":           {wire.Hosted(s.Key, x.other.key, x.other.farm.Token), 403, "InvalidProductToken"},
		"hosted: signed by another vendor":                 {hosted.By(x.other.Key), 403, "InvalidProductToken"},
		"hosted: the token of the vendor's other product":  {hosted.With(query.ProductToken, s.studio.Token), 403, "IncorrectActivationKey"},
		"hosted: an expired activation key":                {hosted.With(query.ActivationKey, x.expiredKey), 403, "ExpiredActivationKey"},
		"hosted: a revoked activation key":                 {hosted.With(query.ActivationKey, x.revokedKey), 403, "InvalidActivationKey"},
		"hosted: a key whose Subscription is gone":         {hosted.With(query.ActivationKey, x.orphanKey), 403, "InvalidActivationKey"},
		"hosted: a registration token as the key":          {hosted.With(query.ActivationKey, x.registration), 403, "InvalidActivationKey"},
		"hosted: a made-up activation key":                 {hosted.With(query.ActivationKey, madeUpKey), 403, "InvalidActivationKey"},
		"hosted: an activation key with another letter":    {hosted.With(query.ActivationKey, tamper(s.key)), 403, "InvalidActivationKey"},
		"desktop: a product token with a changed byte":     {desktop.With(query.ProductToken, tampered), 403, "InvalidProductToken"},
		"desktop: a made-up product token":                 {desktop.With(query.ProductToken, madeUpProduct), 403, "InvalidProductToken"},
		"desktop: the token of the vendor's other product": {desktop.With(query.ProductToken, s.studio.Token), 403, "IncorrectActivationKey"},
		"desktop: another vendor's product token":          {desktop.With(query.ProductToken, x.other.farm.Token), 403, "IncorrectActivationKey"},
		"desktop: another vendor's activation key":         {desktop.With(query.ActivationKey, x.other.key), 403, "IncorrectActivationKey"},
		"desktop: an expired activation key":               {desktop.With(query.ActivationKey, x.expiredKey), 403, "ExpiredActivationKey"},
		"desktop: a revoked activation key":                {desktop.With(query.ActivationKey, x.revokedKey), 403, "InvalidActivationKey"},
		"desktop: a made-up activation key":                {desktop.With(query.ActivationKey, madeUpKey), 403, "InvalidActivationKey"},
		"desktop: a PID as the activation key":             {desktop.With(query.ActivationKey, madeUpPID), 403, "InvalidActivationKey"},
	}
}

func verificationFailures(s *shop, x *strangers) map[string]failure {
	byPid := wire.ByPid(s.Key, s.pid, s.farm.Code)
	return map[string]failure{
		"by PID: a made-up PID":               {byPid.With(query.PersistentIdentifier, madeUpPID), 403, "InvalidPersistentIdentifier"},
		"by PID: a PID with another letter":   {byPid.With(query.PersistentIdentifier, tamper(s.pid)), 403, "InvalidPersistentIdentifier"},
		"by PID: a short PID":                 {byPid.With(query.PersistentIdentifier, "P"), 403, "InvalidPersistentIdentifier"},
		"by PID: another vendor's PID":        {byPid.With(query.PersistentIdentifier, x.other.pid), 403, "InvalidPersistentIdentifier"},
		"by PID: signed by another vendor":    {byPid.By(x.other.Key), 403, "InvalidPersistentIdentifier"},
		"by PID: a code that nobody has":      {byPid.With(query.ProductCode, "FFFFFFFF"), 403, "InvalidProductToken"},
		"by PID: a code in lower case":        {byPid.With(query.ProductCode, "774f4ff8"), 403, "InvalidProductToken"},
		"by PID: a code that is none":         {byPid.With(query.ProductCode, "../774F4FF8"), 403, "InvalidProductToken"},
		"active: a made-up PID":               {wire.Active(s.Key, madeUpPID), 403, "InvalidPersistentIdentifier"},
		"active: another vendor's PID":        {wire.Active(s.Key, x.other.pid), 403, "InvalidPersistentIdentifier"},
		"active: signed by another vendor":    {wire.Active(x.other.Key, s.pid), 403, "InvalidPersistentIdentifier"},
		"active: a PID that asks for a field": {wire.Active(s.Key, s.pid+",metadata.name=x"), 403, "InvalidPersistentIdentifier"},
	}
}

func tokenFailures(s *shop, x *strangers) map[string]failure {
	table := map[string]failure{
		"by tokens: the token of the vendor's other product":     {wire.ByTokens(s.customer, s.userToken, s.studio.Token), 403, "InvalidProductToken"},
		"by tokens: another vendor's product token":              {wire.ByTokens(s.customer, s.userToken, x.other.farm.Token), 403, "InvalidProductToken"},
		"by tokens: a product token with a changed byte":         {wire.ByTokens(s.customer, s.userToken, tamper(s.farm.Token)), 403, "InvalidProductToken"},
		"by tokens: a vendor with another vendor's tokens":       {wire.ByTokens(s.Key, x.other.userToken, x.other.farm.Token), 403, "InvalidProductToken"},
		"refresh: an additional token of the other product":      {wire.Refresh(s.customer, s.userToken, query.AdditionalTokens+".1", s.studio.Token), 403, "InvalidProductToken"},
		"refresh: an additional token of another vendor":         {wire.Refresh(s.customer, s.userToken, query.AdditionalTokens, x.other.farm.Token), 403, "InvalidProductToken"},
		"refresh: an additional token that is none":              {wire.Refresh(s.customer, s.userToken, query.AdditionalTokens+".10", "x"), 403, "InvalidProductToken"},
		"refresh: a customer with the token of another customer": {wire.Refresh(x.second, s.userToken), 403, "InvalidUserToken"},
	}
	// One customer's pair and token work as a unit.
	for name, bad := range map[string]struct {
		signer *auth.Signer
		token  string
	}{
		"a user token with a changed byte":                {s.customer, tamper(s.userToken)},
		"a truncated user token":                          {s.customer, s.userToken[:200]},
		"a made-up user token":                            {s.customer, madeUpUser},
		"a product token dressed as a user token":         {s.customer, strings.Replace(s.farm.Token, "{ProductToken}", "{UserToken}", 1)},
		"an expired user token":                           {s.customer, x.expiredToken},
		"an expired user token shown by the vendor":       {s.Key, x.expiredToken},
		"the user token of another customer":              {s.customer, x.secondToken},
		"the same customer's token for the other product": {s.customer, x.studioToken},
		"the user token of another vendor's customer":     {s.customer, x.other.userToken},
		"another vendor's customer with this one's token": {x.other.customer, s.userToken},
		"a vendor with the token of another's customer":   {s.Key, x.other.userToken},
	} {
		table["by tokens: "+name] = failure{wire.ByTokens(bad.signer, bad.token, productTokenFor(bad.signer, s, x)), 400, "InvalidParameterValue"}
		table["refresh: "+name] = failure{wire.Refresh(bad.signer, bad.token), 403, "InvalidUserToken"}
	}
	return table
}

// productTokenFor is a product token that is right for the signer.
func productTokenFor(signer *auth.Signer, s *shop, x *strangers) string {
	if signer == x.other.customer {
		return x.other.farm.Token
	}
	return s.farm.Token
}

// tamper changes one character in the middle to another of the same kind.
func tamper(s string) string {
	b := []byte(s)
	for i := len(b) / 2; i < len(b); i++ {
		if b[i] >= 'A' && b[i] < 'Z' {
			b[i]++
			return string(b)
		}
	}
	panic("nothing to change")
}
