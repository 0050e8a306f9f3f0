// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// maxAccessKeyIDBytes bounds the ids that are looked up.
const maxAccessKeyIDBytes = 128

// dummySecret stands in for the secret of a key that does not exist, so that
// an unknown key costs the same time as a wrong signature.
const dummySecret = "0000000000000000000000000000000000000000"

// Input is what a signature may cover, without the transport it came by.
type Input struct {
	// Method is the HTTP verb, Host the Host header as received, Path the
	// escaped path as received. Only version 2 signs them.
	Method, Host, Path string
	// Parameters are decoded; each name must be there once in whatever case.
	Parameters []query.Parameter
	// Action is the action that the parameters name.
	Action *query.Action
}

// InputOf returns the input that a parsed request is for an action.
func InputOf(r *query.Request, action *query.Action) Input {
	return Input{Method: r.Method, Host: r.Host, Path: r.Path, Parameters: r.Parameters, Action: action}
}

func (in *Input) lookup(name string) (string, bool) {
	for i := range in.Parameters {
		if in.Parameters[i].Name == name {
			return in.Parameters[i].Value, true
		}
	}
	return "", false
}

func (in *Input) get(name string) string {
	value, _ := in.lookup(name)
	return value
}

// Verifier verifies signatures: Verify those of REST-Query requests, VerifyV4
// those of the JSON protocols. It is safe for concurrent use if its KeyFinder
// and its SessionOpener are. NewVerifier makes one that is fast.
type Verifier struct {
	// Keys finds the keys that may sign.
	Keys KeyFinder
	// AllowVersion0 accepts signatures that cover Action and Timestamp only,
	// so that everything else can be changed on the way.
	AllowVersion0 bool
	// AllowVersion1 accepts the signatures that the service's documentation
	// specifies. NewVerifier sets it.
	AllowVersion1 bool
	// Sessions opens the session tokens of temporary credentials; nil if
	// there are none.
	Sessions SessionOpener

	signingKeys *signingKeys // Nil remembers none.
}

// NewVerifier returns a verifier that accepts versions 1, 2 and 4.
func NewVerifier(keys KeyFinder) *Verifier {
	return &Verifier{Keys: keys, AllowVersion1: true, signingKeys: newSigningKeys()}
}

// Verify proves who signed a request. It checks, in this order: credentials,
// signature, time, and for version 1 that the signature has one meaning only.
//
// Errors are faults: MissingAuthentication without AWSAccessKeyId or
// Signature; ConflictingParameter for a name that comes twice;
// UnknownAccessKey and SignatureMismatch, which take the same time and tell the
// same amount; RequestExpired; MissingParameter,
// InvalidParameter and ParameterCombination for the parameters of the
// signature; for version 1 also the kinds in the rules of the action, because
// a value that is not well-formed could be a part of two; Unavailable if
// the key can't be looked up.
func (v *Verifier) Verify(ctx context.Context, in Input, now time.Time) (*Principal, error) {
	id, signature := in.get(query.AWSAccessKeyID), in.get(query.Signature)
	if id == "" || signature == "" {
		return nil, fault.New(fault.MissingAuthentication, "The request must be signed: `AWSAccessKeyId` or `Signature` is missing.")
	}
	if err := checkUnique(in.Parameters); err != nil {
		return nil, err
	}
	version, err := v.version(&in)
	if err != nil {
		return nil, err
	}
	key, found := Key{}, false
	if len(id) <= maxAccessKeyIDBytes {
		if key, found, err = v.Keys.FindKey(ctx, id); err != nil {
			return nil, lookupFault(err)
		}
	}
	secret := key.Secret
	if !found || secret == "" {
		found, secret = false, dummySecret
	}
	matches := version.matches(&in, secret, signature)
	switch {
	case !found:
		return nil, fault.New(fault.UnknownAccessKey, "No active access key has the `AWSAccessKeyId` of this request.")
	case !matches:
		return nil, fault.New(fault.SignatureMismatch, "The `Signature` of this request is not the one its secret access key makes.")
	}
	if err := version.checkNames(&in); err != nil {
		return nil, err
	}
	if err := checkTime(&in, now); err != nil {
		return nil, err
	}
	if err := version.checkMeaning(&in); err != nil {
		return nil, err
	}
	return &key.Principal, nil
}

// checkUnique refuses a name that comes twice: no version signs the order of
// the two, and so not which of them counts.
func checkUnique(parameters []query.Parameter) error {
	for i := range parameters {
		for j := range i {
			if parameters[j].Name == parameters[i].Name {
				return fault.New(fault.ConflictingParameter, "The parameter %s must be given only once.", query.Shown(parameters[i].Name))
			}
		}
	}
	return nil
}

// lookupFault keeps a fault and makes anything else one that asks the caller
// to try again.
func lookupFault(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.Wrap(err, fault.Unavailable, "The access key can't be looked up now; try again.")
}
