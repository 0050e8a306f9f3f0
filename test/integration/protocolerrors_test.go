// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"time"

	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

func protocolFailures(s *shop) map[string]failure {
	good := wire.ByPid(s.Key, s.pid, s.farm.Code)
	long := strings.Repeat("x", 33<<10)
	return map[string]failure{
		"no parameter at all":                   {wire.Call{}, 400, "MissingAction"},
		"no action":                             {good.Without(query.ActionParameter), 400, "MissingAction"},
		"an empty action":                       {good.With(query.ActionParameter, ""), 400, "MissingAction"},
		"an unknown action":                     {good.With(query.ActionParameter, "DeleteEverything"), 400, "InvalidAction"},
		"an action in other case":               {good.With(query.ActionParameter, "verifyproductsubscriptionbypid"), 400, "InvalidAction"},
		"an unknown path":                       {wire.Call{Path: "/admin", Parameters: good.Parameters, Signer: s.Key}, 400, "InvalidAction"},
		"a path that climbs":                    {wire.Call{Path: "/../../etc/passwd", Parameters: good.Parameters}, 400, "InvalidAction"},
		"a version of the future":               {good.With(query.Version, "2030-01-01"), 400, "NoSuchVersion"},
		"an unknown version before credentials": {good.With(query.Version, "1.0").By(nil), 400, "NoSuchVersion"},
		"a PUT":                                 {verb(good, http.MethodPut), 400, "UnsupportedHttpVerb"},
		"a DELETE":                              {verb(good, http.MethodDelete), 400, "UnsupportedHttpVerb"},
		"an OPTIONS":                            {verb(good, http.MethodOptions), 400, "UnsupportedHttpVerb"},
		"a PATCH":                               {verb(good, http.MethodPatch), 400, "UnsupportedHttpVerb"},
		"a query with a broken escape":          {wire.Call{Raw: "Action=%zz"}, 400, "MalformedQueryString"},
		"a query that is cut in an escape":      {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid&Version=2008-04-28%2"}, 400, "MalformedQueryString"},
		"a query with a nameless parameter":     {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid&=1"}, 400, "MalformedQueryString"},
		"a query with a semicolon":              {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid;Version=2008-04-28"}, 400, "MalformedQueryString"},
		"a query that is not UTF-8":             {wire.Call{Raw: "Action=%ff%fe"}, 400, "MalformedQueryString"},
		"a name with a line break":              {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid&a%0ab=1"}, 400, "MalformedQueryString"},
		"a body that is JSON": {wire.Call{Method: http.MethodPost, Body: `{"Action":"GetActiveSubscriptionsByPid"}`,
			Header: map[string]string{"Content-Type": "application/json"}}, 400, "MalformedQueryString"},
		"a parameter that comes twice":                      {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid&Version=2008-04-28&Version=2007-12-01"}, 400, "ConflictingQueryParameter"},
		"a parameter in two spellings":                      {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid&action=ActivateDesktopProduct"}, 400, "ConflictingQueryParameter"},
		"a key where a name should be, twice":               {wire.Call{Raw: "Action=ActivateDesktopProduct&" + s.key + "=1&" + s.key + "=2"}, 400, "ConflictingQueryParameter"},
		"a key as the name of what version 1 doesn't know":  {good.By(wire.SignedAs(s.Key, "1", "")).With(s.key, "1"), 400, "InvalidParameterValue"},
		"a key as the name of a value with a broken escape": {wire.Call{Raw: "Action=ActivateDesktopProduct&" + s.key + "=%zz"}, 400, "MalformedQueryString"},
		"a parameter in the URL and in the body": {wire.Call{Method: http.MethodPost, Raw: "Action=GetActiveSubscriptionsByPid",
			Body: "Action=ActivateDesktopProduct"}, 400, "ConflictingQueryParameter"},
		"200 parameters":           {wire.Call{Raw: "Action=GetActiveSubscriptionsByPid" + numbered(200)}, 400, "InvalidParameterValue"},
		"a URL that is too long":   {wire.Call{Raw: "Action=" + long}, 400, "URITooLong"},
		"a value that is too long": {wire.Call{Method: http.MethodPost, Raw: "Action=GetActiveSubscriptionsByPid&PersistentIdentifier=" + long}, 400, "InvalidParameterValue"},
		"a body of 10 MB":          {wire.Call{Method: http.MethodPost, Body: strings.Repeat("x", 10<<20)}, http.StatusRequestEntityTooLarge, "URITooLong"},
		"a header of 100 KB":       {wire.Call{Parameters: good.Parameters, Header: map[string]string{"X-Junk": strings.Repeat("x", 100<<10)}}, http.StatusRequestEntityTooLarge, "URITooLong"},
	}
}

func verb(c wire.Call, method string) wire.Call {
	c.Method = method
	return c
}

// numbered is so many parameters that no action knows.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("&p" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "=1")
	}
	return b.String()
}

func signatureFailures(s *shop, x *strangers) map[string]failure {
	good := wire.ByPid(s.Key, s.pid, s.farm.Code)
	date := func(d time.Duration) string { return now.Now().Add(d).UTC().Format("2006-01-02T15:04:05Z") }
	wrong := *s.Key
	wrong.SecretAccessKey = strings.Repeat("w", 40)
	unknown := *s.Key
	unknown.AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
	crossed := *s.Key
	crossed.SecretAccessKey = x.other.Key.SecretAccessKey
	return map[string]failure{
		"no credentials":                           {good.By(nil), 403, "MissingAuthenticationToken"},
		"a key id without a signature":             {good.By(nil).With(query.AWSAccessKeyID, s.Key.AccessKeyID), 403, "MissingAuthenticationToken"},
		"an empty signature":                       {good.Tampered(query.Signature, ""), 403, "MissingAuthenticationToken"},
		"a key id that nobody has":                 {good.By(&unknown), 403, "InvalidClientTokenId"},
		"a key id of another length":               {good.Tampered(query.AWSAccessKeyID, "A"), 403, "InvalidClientTokenId"},
		"a key id of a thousand characters":        {good.Tampered(query.AWSAccessKeyID, strings.Repeat("A", 1000)), 403, "InvalidClientTokenId"},
		"a key that is switched off":               {good.By(x.inactive), 403, "InvalidClientTokenId"},
		"a wrong secret":                           {good.By(&wrong), 403, "SignatureDoesNotMatch"},
		"another vendor's secret":                  {good.By(&crossed), 403, "SignatureDoesNotMatch"},
		"a wrong secret with version 1":            {good.By(wire.SignedAs(&wrong, "1", "")), 403, "SignatureDoesNotMatch"},
		"a parameter changed after it was signed":  {good.Tampered(query.ProductCode, s.studio.Code), 403, "SignatureDoesNotMatch"},
		"a parameter added after it was signed":    {good.Tampered("Extra", "1"), 403, "SignatureDoesNotMatch"},
		"an action changed after it was signed":    {good.Tampered(query.ActionParameter, "GetActiveSubscriptionsByPid"), 403, "SignatureDoesNotMatch"},
		"a GET's signature on a POST":              {replayedAs(good, http.MethodPost), 403, "SignatureDoesNotMatch"},
		"a SHA-1 signature called SHA-256":         {good.By(wire.SignedAs(s.Key, "2", auth.HmacSHA1)).Tampered(query.SignatureMethod, auth.HmacSHA256), 403, "SignatureDoesNotMatch"},
		"a version 1 signature called version 2":   {good.By(wire.SignedAs(s.Key, "1", "")).With(query.SignatureMethod, auth.HmacSHA1).Tampered(query.SignatureVersion, "2"), 403, "SignatureDoesNotMatch"},
		"a version 1 parameter that is not known":  {good.By(wire.SignedAs(s.Key, "1", "")).With("Extra", "1"), 400, "InvalidParameterValue"},
		"signature version 0":                      {good.By(wire.SignedAs(s.Key, "0", "")), 400, "InvalidParameterValue"},
		"no signature version":                     {good.Tampered(query.SignatureVersion, ""), 400, "InvalidParameterValue"},
		"signature version 4":                      {good.Tampered(query.SignatureVersion, "4"), 400, "InvalidParameterValue"},
		"a signature method that is not known":     {good.Tampered(query.SignatureMethod, "HmacMD5"), 400, "InvalidParameterValue"},
		"a date of 16 minutes ago":                 {good.With(query.Timestamp, date(-16*time.Minute)), 400, "RequestExpired"},
		"a date in 16 minutes":                     {good.With(query.Timestamp, date(16*time.Minute)), 400, "RequestExpired"},
		"an expiry that is over":                   {good.With(query.Expires, date(-time.Second)), 400, "RequestExpired"},
		"an expiry in a year":                      {good.With(query.Expires, date(365*24*time.Hour)), 400, "RequestExpired"},
		"a date and an expiry":                     {good.With(query.Expires, date(time.Hour)).With(query.Timestamp, date(0)), 400, "InvalidParameterCombination"},
		"neither a date nor an expiry":             {undated(good), 400, "MissingParameter"},
		"a date that is none":                      {good.With(query.Timestamp, "yesterday"), 400, "InvalidParameterValue"},
		"an expiry that is none":                   {good.With(query.Expires, "2026-02-30T00:00:00Z"), 400, "InvalidParameterValue"},
		"a customer who activates":                 {wire.Hosted(s.customer, s.key, s.farm.Token), 403, "AccessDenied"},
		"a customer who verifies by PID":           {good.By(s.customer), 403, "AccessDenied"},
		"a customer who lists the active products": {wire.Active(s.customer, s.pid), 403, "AccessDenied"},
	}
}

// replayedAs sends with another method what was signed for the first.
func replayedAs(c wire.Call, method string) wire.Call {
	host := strings.TrimPrefix(call().URL, "https://")
	signed, err := c.Signer.Sign(http.MethodGet, host, "/", c.Parameters, now.Now())
	if err != nil {
		panic(err)
	}
	return wire.Call{Method: method, Parameters: signed}
}

// undated signs a call without any date, which the signer would add.
func undated(c wire.Call) wire.Call {
	host := strings.TrimPrefix(call().URL, "https://")
	parameters := append(wire.P(query.AWSAccessKeyID, c.Signer.AccessKeyID, query.SignatureVersion, "2",
		query.SignatureMethod, auth.HmacSHA256), c.Parameters...)
	signature, err := auth.SignV2(c.Signer.SecretAccessKey, auth.HmacSHA256, http.MethodGet, host, "/", parameters)
	if err != nil {
		panic(err)
	}
	return wire.Call{Parameters: append(parameters, query.Parameter{Name: query.Signature, Value: signature})}
}
