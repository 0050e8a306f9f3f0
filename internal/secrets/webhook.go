// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
)

// webhookSecretPrefix marks the secret of a symmetric signature (Standard
// Webhooks 1.0, "Signature scheme").
const webhookSecretPrefix = "whsec_"

// WebhookKey signs what is posted to the webhook of one Product. It is derived
// whenever it is needed and never stored by the operator.
type WebhookKey struct{ key [sha256.Size]byte }

// WebhookKey is the key of a Product's webhook. Each rotation has its own.
func (i *Identity) WebhookKey(namespace, product string, rotation int64) WebhookKey {
	return WebhookKey{i.webhookKey.sum(namespace, product, strconv.FormatInt(rotation, 10))}
}

// Secret is the key as its receiver is told it: "whsec_" and the base64 of 32
// bytes.
func (k WebhookKey) Secret() string {
	return webhookSecretPrefix + base64.StdEncoding.EncodeToString(k.key[:])
}

// Sum is the HMAC-SHA256 of what is to be signed.
func (k WebhookKey) Sum(content []byte) []byte {
	mac := hmac.New(sha256.New, k.key[:])
	mac.Write(content)
	return mac.Sum(nil)
}

// Format prints a fixed text for every verb, so that a key that ends up in a log
// shows nothing of itself.
func (WebhookKey) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("secrets.WebhookKey(redacted)"))
}
