// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"net/http"
	"strings"

	"github.com/license-operator/license-operator/internal/fault"
)

// Bounds of what comes from outside, in bytes.
const (
	maxAuthorizationBytes = 8 << 10
	maxRegionBytes        = 64
	maxShownBytes         = 64
)

// scope is what a signing key of version 4 is good for.
type scope struct {
	day, region, service, terminator string
}

// authorization is what an Authorization header of version 4 says:
//
//	AWS4-HMAC-SHA256 Credential=id/day/region/service/aws4_request, SignedHeaders=a;b, Signature=hex
type authorization struct {
	algorithm     string
	credential    string
	keyID         string // Of the credential, once check has passed.
	scope         scope  // Likewise.
	signedHeaders string
	signature     string
}

// readAuthorization reads the Authorization header. It refuses a request that
// has none of this version, or that has a signature in its query as well.
func readAuthorization(r *http.Request) (authorization, error) {
	values := r.Header[headerAuthorization]
	if r.URL.RawQuery != "" && hasQuerySignature(r.URL.RawQuery) && len(values) > 0 {
		return authorization{}, bothWays()
	}
	if len(values) == 0 || !strings.HasPrefix(values[0], "AWS4-") {
		return authorization{}, fault.New(fault.MissingAuthentication, "Request is missing Authentication Token")
	}
	if len(values) > 1 {
		return authorization{}, twice(headerAuthorization)
	}
	a, err := parseAuthorization(values[0])
	if err != nil {
		return authorization{}, err
	}
	var missing strings.Builder
	for _, part := range [...]struct{ name, value string }{
		{"Credential", a.credential}, {"Signature", a.signature}, {"SignedHeaders", a.signedHeaders},
	} {
		if part.value == "" {
			missing.WriteString("Authorization header requires '" + part.name + "' parameter. ")
		}
	}
	if dateOf(r) == "" {
		missing.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if missing.Len() > 0 {
		// AWS shows the whole header. Ours goes to a log as well, where a
		// signature must not be.
		return authorization{}, fault.New(fault.IncompleteSignature, "%sAuthorization=%s", missing.String(), shown(a.algorithm))
	}
	return a, nil
}

// parseAuthorization splits the header. Each parameter may come once, in any
// order; other parameters are refused. Parameters that are not there are empty.
func parseAuthorization(header string) (authorization, error) {
	if len(header) > maxAuthorizationBytes {
		return authorization{}, fault.New(fault.IncompleteSignature, "The Authorization header is longer than %d bytes.", maxAuthorizationBytes)
	}
	algorithm, rest, _ := strings.Cut(header, " ")
	a := authorization{algorithm: algorithm}
	rest = strings.Trim(rest, " ")
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		name, value, ok := strings.Cut(strings.Trim(part, " "), "=")
		var field *string
		switch name {
		case "Credential":
			field = &a.credential
		case "SignedHeaders":
			field = &a.signedHeaders
		case "Signature":
			field = &a.signature
		}
		switch {
		case !ok:
			return authorization{}, fault.New(fault.IncompleteSignature, "A part of the Authorization header is not a valid key=value pair (missing equal-sign).")
		case field == nil:
			return authorization{}, fault.New(fault.IncompleteSignature, "The Authorization header may have the parameters 'Credential', 'SignedHeaders' and 'Signature' only.")
		case *field != "":
			return authorization{}, fault.New(fault.IncompleteSignature, "The Authorization header must have the '%s' parameter only once.", name)
		}
		*field = value
	}
	return a, nil
}

// check splits the credential and checks all that can be checked without the
// key. date is the date of the request.
func (a *authorization) check(service, date string) error {
	if !contains(a.signedHeaders, "host") {
		return fault.New(fault.InvalidSignature, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if a.algorithm != v4Algorithm {
		return fault.New(fault.IncompleteSignature, "Unsupported AWS 'algorithm': '%s'.", shown(a.algorithm))
	}
	if n := strings.Count(a.credential, "/") + 1; n != 5 {
		// AWS shows what it got. Who has confused the two halves of a key
		// has sent the secret one, which often has slashes.
		return fault.New(fault.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got %d", n)
	}
	rest := a.credential
	for _, field := range [...]*string{&a.keyID, &a.scope.day, &a.scope.region, &a.scope.service, &a.scope.terminator} {
		*field, rest, _ = strings.Cut(rest, "/")
	}
	return a.scope.check(service, date)
}

func (s *scope) check(service, date string) error {
	if isRegion(s.region) && s.service == service && s.terminator == v4Terminator && s.day == date[:v4DayLength] {
		return nil
	}
	var wrong []string
	if !isRegion(s.region) {
		wrong = append(wrong, "Credential should be scoped to a valid region, not '"+shown(s.region)+"'.")
	}
	if s.service != service {
		wrong = append(wrong, "Credential should be scoped to correct service: '"+service+"'.")
	}
	if s.terminator != v4Terminator {
		wrong = append(wrong, "Credential should be scoped with a valid terminator: '"+v4Terminator+"', not '"+shown(s.terminator)+"'.")
	}
	if day := date[:v4DayLength]; s.day != day {
		wrong = append(wrong, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			shown(s.day)+"' != '"+day+"', from '"+date+"'.")
	}
	return fault.New(fault.InvalidSignature, "%s", strings.Join(wrong, " "))
}

// isRegion reports whether a region could be one: clients say whatever they
// are configured with.
func isRegion(region string) bool {
	if region == "" || len(region) > maxRegionBytes {
		return false
	}
	for i := range len(region) {
		if c := region[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// hasQuerySignature reports whether a query has a parameter of a presigned URL.
func hasQuerySignature(rawQuery string) bool {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		name, ok := unescapeQuery(name)
		if ok && (strings.EqualFold(name, "X-Amz-Algorithm") || strings.EqualFold(name, "X-Amz-Credential") || strings.EqualFold(name, "X-Amz-Signature")) {
			return true
		}
	}
	return false
}

// shown is a value from outside as a message may show it: short, and visible
// ASCII only.
func shown(s string) string {
	s = s[:min(len(s), maxShownBytes)]
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e {
			return '?'
		}
		return c
	}, s)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func bothWays() error {
	return fault.New(fault.InvalidSignature, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
}

func twice(header string) error {
	return fault.New(fault.InvalidSignature, "The header '%s' must be given only once.", header)
}
