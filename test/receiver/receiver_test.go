// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"net/http"
	"testing"
	"time"
)

// The secret, the message and its signature are those of the specification's
// reference libraries.
const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	body      = `{"test": 2432232314}`
)

var at = time.Unix(1614265330, 0)

func header(id, stamp, signatures string) http.Header {
	h := http.Header{}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", signatures)
	return h
}

func TestTheVerifierKnowsRightFromWrong(t *testing.T) {
	const id, stamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"
	for name, test := range map[string]struct {
		secret, id, stamp, signatures, body string
		now                                 time.Time
		right                               bool
	}{
		"the message of the specification": {secret, id, stamp, signature, body, at, true},
		"one of two signatures":            {secret, id, stamp, "v1,AAAA " + signature, body, at, true},
		"four minutes late":                {secret, id, stamp, signature, body, at.Add(4 * time.Minute), true},
		"six minutes late":                 {secret, id, stamp, signature, body, at.Add(6 * time.Minute), false},
		"six minutes early":                {secret, id, stamp, signature, body, at.Add(-6 * time.Minute), false},
		"another secret":                   {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", id, stamp, signature, body, at, false},
		"another id":                       {secret, id + "x", stamp, signature, body, at, false},
		"another time":                     {secret, id, "1614265331", signature, body, at, false},
		"another body":                     {secret, id, stamp, signature, body + " ", at, false},
		"another version":                  {secret, id, stamp, "v2" + signature[2:], body, at, false},
		"no signature":                     {secret, id, stamp, "", body, at, false},
		"no id":                            {secret, "", stamp, signature, body, at, false},
		"a short secret":                   {"whsec_AAAA", id, stamp, signature, body, at, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := Verify(test.secret, header(test.id, test.stamp, test.signatures), []byte(test.body), test.now)
			if (err == nil) != test.right {
				t.Errorf("the answer is %v", err)
			}
		})
	}
}
