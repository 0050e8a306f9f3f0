// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/license-operator/license-operator/internal/fault"
)

// maxTokenBytes bounds a ServiceAccount's token; they have 1 to 2 KB.
const maxTokenBytes = 8 << 10

// maxExpirationSeconds is the end of the year 9999.
const maxExpirationSeconds = 253402300799

// claims are what a token says of itself. Nobody has proved them: they keep what
// can't be a token for us from causing a look-up, and bound how long it is
// remembered.
type claims struct {
	expirationTime time.Time
}

// readClaims reads the claims of a JWT (RFC 7519). It refuses what is none, or
// says that it is for another audience.
func readClaims(token string) (claims, error) {
	unknown := fault.New(fault.UnknownAccessKey, unknownCredentialsText)
	if len(token) > maxTokenBytes || strings.Count(token, ".") != 2 {
		return claims{}, unknown
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	if strings.ContainsAny(token, "\r\n") {
		return claims{}, unknown // The decoder would skip them.
	}
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return claims{}, unknown
	}
	var in struct {
		ExpirationTime int64       `json:"exp"`
		Audience       stringOrAll `json:"aud"`
	}
	if json.Unmarshal(data, &in) != nil || in.ExpirationTime <= 0 || in.ExpirationTime > maxExpirationSeconds {
		return claims{}, unknown
	}
	if !slices.Contains(in.Audience, Audience) {
		return claims{}, fault.New(fault.UnknownAccessKey, "The token is for another service; its audience must be %s.", Audience)
	}
	return claims{expirationTime: time.Unix(in.ExpirationTime, 0)}, nil
}

// stringOrAll is a JSON string or a list of them: RFC 7519, section 4.1.3.
type stringOrAll []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *stringOrAll) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*l = make([]string, 1)
		return json.Unmarshal(data, &(*l)[0])
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// principalOf is the ServiceAccount that the API server has recognised, if it
// is one. An API server that knows no audiences names none in its answer; then
// the token may be for anybody.
func principalOf(status *authenticationv1.TokenReviewStatus) (*Principal, bool) {
	if !status.Authenticated || !slices.Contains(status.Audiences, Audience) {
		return nil, false
	}
	extra := make(map[string][]string, len(status.User.Extra))
	for name, values := range status.User.Extra {
		extra[name] = values
	}
	return newServiceAccount(status.User.Username, status.User.UID, status.User.Groups, extra)
}

// newServiceAccount returns the principal of a user of Kubernetes, if it is a
// ServiceAccount.
func newServiceAccount(username, uid string, groups []string, extra map[string][]string) (*Principal, bool) {
	p := &Principal{Kind: ServiceAccount, Username: username, UID: uid, Groups: groups, Extra: extra}
	if namespace, name := p.ServiceAccountName(); namespace == "" || name == "" || strings.Contains(name, ":") {
		return nil, false
	}
	if names, uids := extra[extraPodName], extra[extraPodUID]; len(names) == 1 && len(uids) == 1 {
		p.PodName, p.PodUID = names[0], uids[0]
	}
	return p, true
}
