// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/webhook"
)

func TestTheJSONProtocolIsAnsweredInItsOwnForm(t *testing.T) {
	f := newFixture(t, webhook.Config{})
	r := httptest.NewRequest(http.MethodPost, "https://"+host+"/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Target", "AWSLicenseManager."+hidden)
	w := f.serve(r)
	const want = `{"Message":"This endpoint does not serve the operation yet.","__type":"UnknownOperationException",` +
		`"message":"This endpoint does not serve the operation yet."}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("another body (-want +got):\n%s", diff)
	}
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d", w.Code)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": "UnknownOperationException"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if text := f.log.String(); strings.Contains(text, hidden) {
		t.Errorf("the log holds what the caller sent:\n%s", text)
	}
	lines := f.lines(t)
	if len(lines) != 1 || lines[0]["protocol"] != "JSON" || lines[0]["code"] != "UnknownOperationException" {
		t.Errorf("logged %v", lines)
	}
}
