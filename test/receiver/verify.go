// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tolerance is how old or how far ahead a message may be.
const tolerance = 5 * time.Minute

// Verify checks a message by the specification Standard Webhooks 1.0. It is
// written from that text alone and shares nothing with the operator.
func Verify(secret string, header http.Header, body []byte, now time.Time) error {
	encoded, marked := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !marked {
		return errors.New("the secret has another form")
	}
	if len(key) < 24 || len(key) > 64 {
		return errors.New("the secret has another length")
	}
	id, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	if id == "" || strings.Contains(id, ".") {
		return errors.New("there is no valid webhook-id")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp is no number")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return errors.New("webhook-timestamp is not now")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	for one := range strings.SplitSeq(header.Get("webhook-signature"), " ") {
		version, text, _ := strings.Cut(one, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("no signature is right")
}
