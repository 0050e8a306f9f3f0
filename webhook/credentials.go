// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
)

// CredentialsPath is where, behind the path prefix, the SDKs of AWS get
// temporary credentials for a ServiceAccount's token: what a Pod has in
// AWS_CONTAINER_CREDENTIALS_FULL_URI.
const CredentialsPath = "/v1/credentials"

// CredentialsService answers requests for temporary credentials. The protocol
// is that of the SDKs' container credentials: GET with the token in the
// Authorization header, and JSON back.
type CredentialsService struct {
	bearer   *auth.Bearer
	sessions *auth.Sessions
	allow    func(*http.Request) bool
	clock    clock.PassiveClock
}

// NewCredentialsService returns the service. allow answers whether the address
// of a request may cause a question to the API server.
func NewCredentialsService(bearer *auth.Bearer, sessions *auth.Sessions, allow func(*http.Request) bool, clk clock.PassiveClock) *CredentialsService {
	return &CredentialsService{bearer: bearer, sessions: sessions, allow: allow, clock: clk}
}

// credentialsAnswer is the answer as the SDKs read it.
type credentialsAnswer struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string `json:"SecretAccessKey"`
	Token           string `json:"Token"`
	Expiration      string `json:"Expiration"`
}

// Issue answers a request. The caller is returned as soon as it is known, with
// an error too. Errors are faults, those of auth.Bearer and UnsupportedMethod,
// or internal.
func (s *CredentialsService) Issue(r *http.Request) (*auth.Principal, auth.Credentials, error) {
	if r.Method != http.MethodGet {
		return nil, auth.Credentials{}, fault.New(fault.UnsupportedMethod, "Use GET.")
	}
	now := s.clock.Now()
	who, err := s.bearer.AuthenticateBare(r.Context(), r, func() bool { return s.allow(r) }, now)
	if err != nil {
		return nil, auth.Credentials{}, err
	}
	credentials, err := s.sessions.Issue(who, now)
	return who, credentials, err
}

// credentialsErrors are the codes and statuses of faults. SDKs show the code,
// and try again after a status of 500 and more.
var credentialsErrors = map[fault.Kind]struct {
	code   string
	status int
}{
	fault.TLSRequired:           {"TLSRequired", http.StatusForbidden},
	fault.URITooLong:            {"URITooLong", http.StatusRequestURITooLong},
	fault.RequestTooLarge:       {"RequestTooLarge", http.StatusRequestEntityTooLarge},
	fault.Malformed:             {"MalformedRequest", http.StatusBadRequest},
	fault.UnsupportedMethod:     {"MethodNotAllowed", http.StatusMethodNotAllowed},
	fault.MissingAuthentication: {"MissingAuthenticationToken", http.StatusUnauthorized},
	fault.InvalidSignature:      {"InvalidAuthorization", http.StatusUnauthorized},
	fault.UnknownAccessKey:      {"UnrecognizedClient", http.StatusUnauthorized},
	fault.CredentialsExpired:    {"ExpiredToken", http.StatusUnauthorized},
	fault.Throttled:             {"Throttling", http.StatusTooManyRequests},
	fault.Unavailable:           {"ServiceUnavailable", http.StatusServiceUnavailable},
}

// writeCredentials writes the answer and returns its code and status, and the
// error if it could not be sent.
func writeCredentials(w http.ResponseWriter, credentials auth.Credentials, err error) (code string, status int, lost error) {
	code, status = codeOK, http.StatusOK
	var answer any = credentialsAnswer{
		AccessKeyID:     credentials.AccessKeyID,
		SecretAccessKey: credentials.SecretAccessKey,
		Token:           credentials.SessionToken,
		Expiration:      credentials.ExpirationTime.UTC().Format(time.RFC3339),
	}
	if err != nil {
		message := "Something went wrong here. Try again later."
		code, status = "InternalFailure", http.StatusInternalServerError
		if known, ok := credentialsErrors[fault.KindOf(err)]; ok {
			code, status = known.code, known.status
			if f, ok := errors.AsType[*fault.Error](err); ok {
				message = f.Detail
			}
		}
		answer = map[string]string{"code": code, "message": message}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return code, status, err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, err = w.Write(body)
	return code, status, err
}
