// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/webhook/query"
)

const id = "cb919c0a-9bce-4afe-9b48-9bdf2412bb67"

// errorBody is an error in form.
const errorBody = `<?xml version="1.0"?><ErrorResponse xmlns="` + Namespace + `"><Error><Type>Sender</Type><Code>InvalidAction</Code>` +
	`<Message>No.</Message><Detail/></Error><RequestId>` + id + `</RequestId></ErrorResponse>`

func TestAnAnswerThatIsNotInFormIsNoticed(t *testing.T) {
	headers := func(change ...string) http.Header {
		h := http.Header{"Date": {"x"}, "Content-Type": {"text/xml; charset=utf-8"}, "X-Amzn-Requestid": {id}}
		for i := 0; i+1 < len(change); i += 2 {
			h.Set(change[i], change[i+1])
		}
		return h
	}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		right  bool
	}{
		"an error in form":              {400, headers(), errorBody, true},
		"another id in the header":      {400, headers("x-amzn-RequestId", "cb919c0a-9bce-4afe-9b48-9bdf2412bb68"), errorBody, false},
		"no id in the header":           {400, headers("x-amzn-RequestId", ""), errorBody, false},
		"no date":                       {400, headers("Date", ""), errorBody, false},
		"another content type":          {400, headers("Content-Type", "text/html"), errorBody, false},
		"another namespace":             {400, headers(), strings.Replace(errorBody, "2008-04-28", "2007-12-01", 1), false},
		"no namespace":                  {400, headers(), strings.Replace(errorBody, ` xmlns="`+Namespace+`"`, "", 1), false},
		"white space between elements":  {400, headers(), strings.Replace(errorBody, "<Code>", "\n<Code>", 1), false},
		"white space before an end":     {400, headers(), strings.Replace(errorBody, "</Error>", " </Error>", 1), false},
		"no declaration":                {400, headers(), strings.TrimPrefix(errorBody, `<?xml version="1.0"?>`), false},
		"an element that is not closed": {400, headers(), strings.TrimSuffix(errorBody, "</ErrorResponse>"), false},
		"no code":                       {400, headers(), strings.Replace(errorBody, "InvalidAction", "", 1), false},
		"no detail":                     {400, headers(), strings.Replace(errorBody, "<Detail/>", "", 1), false},
		"the caller's mistake as 500":   {500, headers(), errorBody, false},
		"a page for people":             {400, headers(), "Bad Request", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Answer{Status: test.status, Header: test.header, Body: test.body}
			if err := a.read(false); (err == nil) != test.right {
				t.Errorf("the answer was found: %v", err)
			}
		})
	}
}

func TestTheLedgerFindsASecretHoweverItIsEscaped(t *testing.T) {
	const token = "{UserToken}AbCdEfGhIjKlMnOp+rStUvWxYz0123456789/AbCdEfGhIjKlMnOp=="
	for name, test := range map[string]struct {
		text  string
		leaks int
	}{
		"as it is":           {"token " + token, 1},
		"in a URL":           {"GET /?UserToken=" + url.QueryEscape(token), 1},
		"as the service":     {query.Encode(P("UserToken", token)), 1},
		"only a part":        {token[20:50], 1},
		"what all have":      {"{UserToken} and base64 characters", 0},
		"another one":        {"{UserToken}ZbCdEfGhIjKlMnOq+rStUvWxYz", 0},
		"nothing":            {"", 0},
		"a secret in base64": {`"wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12"`, 1},
	} {
		l := &Ledger{}
		l.Secret("user token", token)
		l.Secret("secret", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12")
		if got := l.Leaks(test.text); len(got) != test.leaks {
			t.Errorf("%s: %d leaks, want %d: %v", name, len(got), test.leaks, got)
		}
	}
}

func TestTheLedgerCountsWhatNoCallerMaySee(t *testing.T) {
	l := &Ledger{}
	for _, c := range []struct {
		status int
		code   string
		after  string
	}{
		{500, "InternalError", ""}, {503, "ServiceUnavailable", ""}, {502, "", ""},
		{503, "ServiceUnavailable", "1"}, {503, "RequestThrottled", "1"}, {400, "InvalidAction", ""}, {200, "", ""},
	} {
		a := &Answer{Status: c.status, Header: http.Header{}, texts: map[string][]string{"Code": {c.code}}}
		if c.after != "" {
			a.Header.Set("Retry-After", c.after)
		}
		l.answered(a)
	}
	if got := len(l.Failures()); got != 3 {
		t.Errorf("%d failures, want the first three", got)
	}
}
