// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/license-operator/license-operator/internal/fault"
)

// The bounds of one request. Bytes are counted after decoding.
const (
	// MaxParameters is the number of parameters a request may have.
	MaxParameters = 64
	// MaxNameBytes is the length of a parameter's name.
	MaxNameBytes = 128
	// MaxValueBytes is the length of a parameter's value.
	MaxValueBytes = 8 << 10
)

// formType is the only media type whose body holds parameters.
const formType = "application/x-www-form-urlencoded"

// Parameter is one decoded parameter of a request.
type Parameter struct {
	Name  string
	Value string
}

// Request is a REST-Query request whose syntax is right. Nothing else has
// been checked.
type Request struct {
	// Method is GET or POST.
	Method string
	// Host is the Host header as received, perhaps with a port.
	Host string
	// Path is the escaped path as received; "/" if it was empty.
	Path string
	// Parameters holds every parameter of URL and body, in the order of
	// arrival, each name once in whatever case.
	Parameters []Parameter
}

// Parse reads the parameters of r's URL and, for a POST, of the form in body,
// which the caller has read and bounded. A GET's body has no meaning and is
// ignored. Errors are faults: UnsupportedMethod, Malformed, InvalidParameter
// for what is out of bounds, and ConflictingParameter for a name that comes
// twice or in two spellings.
func Parse(r *http.Request, body []byte) (*Request, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, fault.New(fault.UnsupportedMethod, "Only the HTTP methods GET and POST are supported.")
	}
	req := &Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath()}
	if req.Path == "" {
		req.Path = "/"
	}
	form := ""
	if r.Method == http.MethodPost && len(body) > 0 {
		if !isForm(r.Header.Get("Content-Type")) {
			return nil, fault.New(fault.Malformed, "The body of a POST must be of the type %s.", formType)
		}
		form = string(body)
	}
	n := strings.Count(r.URL.RawQuery, "&") + strings.Count(form, "&") + 2
	req.Parameters = make([]Parameter, 0, min(n, MaxParameters))
	if err := req.add(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := req.add(form); err != nil {
		return nil, err
	}
	return req, nil
}

// isForm reports whether a content type is that of a form. Clients that send
// none mean a form.
func isForm(contentType string) bool {
	if contentType == "" || contentType == formType {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == formType
}

// add appends the parameters of one query string.
func (r *Request) add(raw string) error {
	// Some parsers split at a semicolon. One that is meant is escaped.
	if strings.IndexByte(raw, ';') >= 0 {
		return fault.New(fault.Malformed, "The query string must not contain a raw semicolon; write it as %%3B.")
	}
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if len(r.Parameters) == MaxParameters {
			return fault.New(fault.InvalidParameter, "A request must not have more than %d parameters.", MaxParameters)
		}
		p, err := decode(pair)
		if err != nil {
			return err
		}
		for i := range r.Parameters {
			if strings.EqualFold(r.Parameters[i].Name, p.Name) {
				return fault.New(fault.ConflictingParameter, "The parameter %s must be given only once.", Shown(p.Name))
			}
		}
		r.Parameters = append(r.Parameters, p)
	}
	return nil
}

// decode returns the parameter that name=value stands for.
func decode(pair string) (Parameter, error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, ok := unescape(rawName)
	if !ok {
		return Parameter{}, fault.New(fault.Malformed, "The query string has an invalid percent escape in a parameter's name.")
	}
	switch {
	case name == "":
		return Parameter{}, fault.New(fault.Malformed, "The query string has a parameter without a name.")
	case len(name) > MaxNameBytes:
		return Parameter{}, fault.New(fault.InvalidParameter, "A parameter's name must not be longer than %d bytes.", MaxNameBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return Parameter{}, fault.New(fault.Malformed, "A parameter's name must be UTF-8 without control characters.")
	}
	value, ok := unescape(rawValue)
	if !ok {
		return Parameter{}, fault.New(fault.Malformed, "The query string has an invalid percent escape in the value of %s.", Shown(name))
	}
	switch {
	case len(value) > MaxValueBytes:
		return Parameter{}, fault.New(fault.InvalidParameter, "The value of %s must not be longer than %d bytes.", Shown(name), MaxValueBytes)
	case !utf8.ValidString(value):
		return Parameter{}, fault.New(fault.Malformed, "The value of %s must be UTF-8.", Shown(name))
	}
	if holdsPlus(name) {
		// Real clients send a raw plus, which a form reads as a space.
		// Base64 and dates hold no spaces, so it was a plus.
		value = strings.ReplaceAll(value, " ", "+")
	}
	return Parameter{Name: name, Value: value}, nil
}

// Shown is how an error names a parameter: by its name if the service knows it.
// Any other name may be a value that was escaped once too often, perhaps a
// secret, and errors go to logs.
func Shown(name string) string {
	for _, a := range Actions {
		for i := range a.signed {
			if strings.EqualFold(a.signed[i].Name, name) {
				return "`" + a.signed[i].Name + "`"
			}
		}
	}
	if strings.EqualFold(name, Signature) {
		return "`" + Signature + "`"
	}
	return "that the service does not know"
}

// holdsPlus reports whether a parameter's values have pluses but never spaces.
func holdsPlus(name string) bool {
	switch name {
	case ProductToken, UserToken, AdditionalTokens, Signature, Timestamp, Expires:
		return true
	}
	return strings.HasPrefix(name, AdditionalTokens+".")
}

// Lookup returns a parameter's value and whether the request has it.
func (r *Request) Lookup(name string) (string, bool) {
	for i := range r.Parameters {
		if r.Parameters[i].Name == name {
			return r.Parameters[i].Value, true
		}
	}
	return "", false
}

// Get returns a parameter's value, or "" if the request does not have it.
func (r *Request) Get(name string) string {
	value, _ := r.Lookup(name)
	return value
}
