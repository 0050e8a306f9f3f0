// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import "k8s.io/utils/ptr"

// WithWebhook sets where notifications are posted to.
func (b *ProductBuilder) WithWebhook(url string) *ProductBuilder {
	b.build.Spec.Notifications.WebhookURL = url
	return b
}

// WithWebhookRotation numbers the secret that signs notifications.
func (b *ProductBuilder) WithWebhookRotation(rotation int32) *ProductBuilder {
	b.build.Spec.Notifications.WebhookSecretRotation = ptr.To(rotation)
	return b
}
