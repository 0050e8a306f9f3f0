// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// jsonService answers the operations of some APIs.
type jsonService interface {
	// Do answers an operation. in is what op.New has made; the answer is a
	// pointer to the operation's response. Errors are faults, or internal.
	Do(ctx context.Context, op *awsjson.Operation, who *auth.Principal, in any) (any, error)
}

// serveJSON answers a request of the AWS JSON 1.1 protocol.
func (e *Endpoint) serveJSON(w http.ResponseWriter, r *http.Request, rec *record) {
	rec.protocol = protocolJSON
	service, op, err := awsjson.Route(r)
	if op != nil {
		rec.action = op.Name
	}
	var result any
	err = e.guarded(r, rec, func() error {
		if err != nil {
			return err
		}
		result, err = e.answerJSON(w, r, rec, op)
		return err
	})
	e.finish(w, r, rec, err, func(w http.ResponseWriter) (string, int, error) {
		if err != nil {
			status := service.FailureOf(err).Status
			code, lost := awsjson.WriteError(w, service, err)
			return code, status, lost
		}
		code, lost := awsjson.WriteResult(w, op, result)
		return code, http.StatusOK, lost
	})
}

// answerJSON decides on a request, in the order in which the services of AWS do:
// form, signature, values.
func (e *Endpoint) answerJSON(w http.ResponseWriter, r *http.Request, rec *record, op *awsjson.Operation) (any, error) {
	if err := e.checkTransport(r); err != nil {
		return nil, err
	}
	body, release, err := e.large.read(w, r, op.Service.MaxBody, func() error { return e.admitJSON(r, op) })
	if err != nil {
		return nil, err
	}
	defer release()
	in, err := op.Decode(body)
	if err != nil {
		return nil, err
	}
	if rec.principal, err = e.authenticateJSON(r, body, op); err != nil {
		return nil, err
	}
	if !e.callers.Allow(rec.principal.Caller()) {
		return nil, fault.New(fault.Throttled, "Too many requests. Try again later.")
	}
	if err := op.Served(); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return e.services[op.Service].Do(r.Context(), op, rec.principal, in.Value)
}

// admitJSON decides, before a large body is read, whether its caller may be who
// it says: a ServiceAccount is asked for its token, which needs no body, and a
// signature must be by a key or a session of ours.
func (e *Endpoint) admitJSON(r *http.Request, op *awsjson.Operation) error {
	now := e.clock.Now()
	if auth.HasBearer(r) {
		_, err := e.bearer.Authenticate(r.Context(), r, func() bool { return e.allowAnonymous(r) }, now)
		return err
	}
	return e.verifier.AdmitV4(r, op.Service.SigningName, e.authentic, now)
}

// authenticateJSON proves who calls: by a signature of version 4, or a
// ServiceAccount by its token.
func (e *Endpoint) authenticateJSON(r *http.Request, body []byte, op *awsjson.Operation) (*auth.Principal, error) {
	now := e.clock.Now()
	if auth.HasBearer(r) {
		return e.bearer.Authenticate(r.Context(), r, func() bool { return e.allowAnonymous(r) }, now)
	}
	return e.verifier.VerifyV4(r.Context(), r, body, op.Service.SigningName, now)
}
