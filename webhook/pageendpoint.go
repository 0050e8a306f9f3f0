// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/pages"
)

// servePage answers a browser. The link is a secret that the log must not hold:
// of a request's path nothing is logged.
func (e *Endpoint) servePage(w http.ResponseWriter, r *http.Request, rec *record, page *pages.Page, link string) {
	rec.protocol, rec.action = protocolHTTP, page.Action
	var answer *pages.Answer
	err := e.guarded(r, rec, func() (err error) {
		answer, err = e.answerPage(w, r, page, link)
		return err
	})
	e.finish(w, r, rec, err, func(w http.ResponseWriter) (string, int, error) {
		return pages.Write(w, r.Method, rec.id, page, answer, err)
	})
}

// answerPage decides on a request for a page. Anybody who has the link may ask.
func (e *Endpoint) answerPage(w http.ResponseWriter, r *http.Request, page *pages.Page, link string) (*pages.Answer, error) {
	if err := e.checkTransport(r); err != nil {
		return nil, err
	}
	if !e.allowAnonymous(r) {
		return nil, fault.New(fault.Throttled, "Too many requests come from your address. Wait a moment, then load the page again.")
	}
	if !page.Knows(r.Method) {
		return nil, fault.New(fault.UnsupportedMethod, "Open the link in the address bar.")
	}
	in := pages.Request{Method: r.Method, Header: r.Header, Link: link}
	if r.Method == http.MethodPost {
		var err error
		if in.Body, err = readBody(w, r, pages.MaxBody); err != nil {
			return nil, err
		}
	}
	return e.pages.Do(r.Context(), page, in)
}
