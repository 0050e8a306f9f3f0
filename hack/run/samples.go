// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

const vendorNamespace = "acme"

// credentials are the sample vendor's.
type credentials struct{ id, secret string }

// applySamples applies config/samples, waits until everything is ready, and
// reads the vendor's credentials and the CA.
func (p *place) applySamples(ctx context.Context) (credentials, error) {
	var vendor credentials
	for _, args := range [][]string{
		{"apply", "--server-side", "-k", "config/samples"},
		{"wait", "--for=condition=Ready", "--timeout=60s", "-n", vendorNamespace, "lprod,lsub,lkey", "--all"},
		{"wait", "--for=condition=Issued", "--timeout=60s", "-n", vendorNamespace, "lact", "--all"},
	} {
		if _, err := p.kubectl(ctx, args...); err != nil {
			return vendor, err
		}
	}
	var err error
	if vendor.id, err = p.secretValue(ctx, vendorNamespace, "acme-vendor-access-key", "accessKeyId"); err != nil {
		return vendor, err
	}
	if vendor.secret, err = p.secretValue(ctx, vendorNamespace, "acme-vendor-access-key", "secretAccessKey"); err != nil {
		return vendor, err
	}
	ca, err := p.kubectl(ctx, "get", "configmap", "license-operator-ca", "-n", operatorNamespace, "-o", `jsonpath={.data.ca\.crt}`)
	if err != nil {
		return vendor, err
	}
	return vendor, os.WriteFile(p.path("ca.crt"), []byte(ca), 0o600)
}

// writeEnv writes the file to source.
func (p *place) writeEnv(vendor credentials) error {
	var b strings.Builder
	b.WriteString("# Source this while `make run` is running.\n")
	for _, v := range [][2]string{
		{"KUBECONFIG", p.path("kubeconfig")},
		{"LICENSE_OPERATOR_URL", p.url},
		{"AWS_ENDPOINT_URL", p.url},
		{"AWS_CA_BUNDLE", p.path("ca.crt")},
		{"NODE_EXTRA_CA_CERTS", p.path("ca.crt")},
		{"AWS_REGION", "us-east-1"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_ACCESS_KEY_ID", vendor.id},
		{"AWS_SECRET_ACCESS_KEY", vendor.secret},
	} {
		fmt.Fprintf(&b, "export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
	fmt.Fprintf(&b, "export PATH='%s':\"$PATH\"\n", strings.ReplaceAll(p.path("bin"), "'", `'\''`))
	// A reader must never see half of it.
	unfinished := p.path("env.new")
	if err := os.WriteFile(unfinished, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, p.path("env"))
}

// greet says what to try next.
func (p *place) greet() {
	fmt.Printf(`
The endpoint is ready at %s, the sample vendor acme is in the namespace acme.
Try this in another terminal, in this directory:

  source .run/env

  # What a vendor sees:
  kubectl get licensing -n acme

  # Activate a hosted product with the key of Initech's Activation:
  curl --cacert "$AWS_CA_BUNDLE" "$(license-operator sign ActivateHostedProduct \
    ActivationKey="$(kubectl get secret initech-first-activation -n acme -o jsonpath='{.data.activationKey}' | base64 -d)" \
    ProductToken="$(kubectl get secret render-farm-product-token -n acme -o jsonpath='{.data.productToken}' | base64 -d)")"

  # Hold a floating seat for a moment, with an SDK of AWS as it comes:
  go -C docs/examples/floating-seat run . -sku ACME-RENDER -beneficiary cust-42 \
    -fingerprint "$(kubectl get lprod render-farm -n acme -o jsonpath='{.status.keyFingerprint}')"

  # Sign up as Initech: open the registration page in a browser. Its button goes
  # to the vendor's shop, which go -C test/shop run . opens in a third terminal
  # (after source .run/env, too).
  license-operator links --namespace acme initech

  # Is Initech subscribed? Then cancel the subscription, and ask again:
  curl --cacert "$AWS_CA_BUNDLE" "$(license-operator sign VerifyProductSubscriptionByPid \
    PersistentIdentifier="$(kubectl get lsub initech -n acme -o jsonpath='{.status.persistentIdentifier}')" \
    ProductCode=774F4FF8)"
  kubectl patch lsub initech -n acme --type merge -p '{"spec":{"state":"Cancelled"}}'

More: docs/tutorials. Logs: .run/operator.log. Ctrl-C stops everything.

`, p.url)
}
