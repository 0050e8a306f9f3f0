// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package notify posts to vendors' webhooks what becomes of Subscriptions:
// signed, to addresses that may be reached, and so that a receiver that hangs
// holds up nobody else.
package notify

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
)

// Message is one notification and where it is posted to.
type Message struct {
	// ID is the same at each try; a receiver knows by it what it has had.
	ID string
	// Action is what it tells.
	Action v1alpha1.NotificationAction
	// URL is the webhook. It may hold something secret, so it is in no error.
	URL string
	// CustomerIdentifier, ProductCode, CustomerAccountID and LicenseARN are those
	// of API answers. All but the ProductCode may be "", and are left out then.
	CustomerIdentifier string
	ProductCode        string
	CustomerAccountID  string
	LicenseARN         string
	// FreeTrial says that the offer is one.
	FreeTrial bool
	// Keys sign it, each with a signature of its own.
	Keys []secrets.WebhookKey
}

// body is the message of AWS Marketplace's SNS notifications ("Amazon SNS
// notifications for SaaS products", AWS Marketplace Seller Guide). There are no
// private offers here, hence no offer-identifier. The last two members are ours:
// without them nothing says whose message it is where identifiers are omitted.
type body struct {
	Action                 v1alpha1.NotificationAction `json:"action"`
	CustomerIdentifier     string                      `json:"customer-identifier,omitempty"`
	ProductCode            string                      `json:"product-code"`
	IsFreeTrialTermPresent string                      `json:"isFreeTrialTermPresent,omitempty"`
	CustomerAWSAccountID   string                      `json:"customer-aws-account-id,omitempty"`
	LicenseARN             string                      `json:"license-arn,omitempty"`
}

// Body is what is posted, in JSON.
func (m *Message) Body() ([]byte, error) {
	b := body{Action: m.Action, CustomerIdentifier: m.CustomerIdentifier, ProductCode: m.ProductCode,
		CustomerAWSAccountID: m.CustomerAccountID, LicenseARN: m.LicenseARN}
	if m.FreeTrial {
		b.IsFreeTrialTermPresent = "true"
	}
	return json.Marshal(b)
}

// signatures is the value of the header webhook-signature: one signature for
// each key, of id, time and body (Standard Webhooks 1.0, "Signature scheme").
func (m *Message) signatures(at time.Time, body []byte) string {
	content := append([]byte(m.ID+"."+timestamp(at)+"."), body...)
	all := make([]string, 0, len(m.Keys))
	for i := range m.Keys {
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(m.Keys[i].Sum(content)))
	}
	return strings.Join(all, " ")
}

// timestamp is the value of the header webhook-timestamp: seconds since 1970.
func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
