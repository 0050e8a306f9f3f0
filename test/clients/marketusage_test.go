// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/test/builder"
)

func testMeterUsage(t *testing.T, m *market) {
	b := m.subscribe(t, "meters", "saas")
	own := m.client.start(t, m.settings(m.ownKey(t, "meters")))
	input := object{"ProductCode": m.code, "Timestamp": thisSecond(), "UsageDimension": requests, "UsageQuantity": 12}
	with := func(changes object) object {
		changed := object{}
		for name, value := range input {
			changed[name] = value
		}
		for name, value := range changes {
			changed[name] = value
		}
		return changed
	}
	m.refused(t, own, "MeterUsage", with(object{"DryRun": true}), "DryRunOperation", "DryRun")
	if kept := m.recorded(t, b); len(kept) != 0 {
		t.Errorf("a dry run has recorded %v", kept)
	}
	first := m.must(t, own, "MeterUsage", with(object{"DryRun": false}))
	again := m.must(t, own, "MeterUsage", input)
	if id := first.text("MeteringRecordId"); id == "" || again.text("MeteringRecordId") != id {
		t.Errorf("the first report has the id %q, the same again %q", id, again.text("MeteringRecordId"))
	}
	m.refused(t, own, "MeterUsage", with(object{"UsageQuantity": 13}), "DuplicateRequestException", "quantity")

	named := with(object{"ClientToken": "report-1", "UsageDimension": storage})
	if m.client.oldMetering {
		m.unsaid(t, own, "MeterUsage", named, "ClientToken")
		return
	}
	m.must(t, own, "MeterUsage", named)
	named["UsageDimension"] = requests
	m.refused(t, own, "MeterUsage", named, "IdempotencyConflictException", "ClientToken")
}

func testRegisterUsage(t *testing.T, m *market) {
	vendor := strings.Split(m.subscribe(t, "registers", "saas").arn, ":")[4]
	own := m.client.start(t, m.settings(m.ownKey(t, "registers")))
	const nonce = "b0a2+/= not guessed"
	before := time.Now().Add(-time.Second)
	input := object{"ProductCode": m.code, "PublicKeyVersion": 1, "Nonce": nonce}
	out := m.must(t, own, "RegisterUsage", input)
	if out["PublicKeyRotationTimestamp"] != nil {
		t.Errorf("the key was replaced at %v, want a current one", out["PublicKeyRotationTimestamp"])
	}
	header, claims := m.verified(t, out.text("Signature"))
	if diff := cmp.Diff(object{"alg": "PS256", "typ": "JWT"}, header); diff != "" {
		t.Errorf("the header of the signature (-want +got):\n%s", diff)
	}
	issued := instant(t, claims["iat"])
	if issued.Before(before) || issued.After(time.Now()) {
		t.Errorf("it was issued at %s", issued)
	}
	want := object{"productCode": m.code, "publicKeyVersion": 1.0, "nonce": nonce, "iat": claims["iat"], "iss": vendor}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("the signature says (-want +got):\n%s", diff)
	}
	delete(input, "Nonce")
	if _, claims := m.verified(t, m.must(t, own, "RegisterUsage", input).text("Signature")); claims["nonce"] != nil {
		t.Errorf("without a nonce the signature has the nonce %v", claims["nonce"])
	}
}

// verified verifies a signature with the public key of version 1, as the vendor's
// program does: RSASSA-PSS with SHA-256 (RFC 7518, section 3.5).
func (m *market) verified(t *testing.T, signature string) (header, claims object) {
	t.Helper()
	got := run(t, nil, "curl", "--silent", "--show-error", "--fail", "--cacert", m.caFile, licenseManager+"/v1/public-keys/1.pem")
	block, _ := pem.Decode([]byte(got.stdout))
	if block == nil || block.Type != "PUBLIC KEY" {
		t.Fatalf("the public key is %q %s", got.stdout, got.stderr)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		t.Fatalf("the public key is a %T", parsed)
	}
	parts := strings.Split(signature, ".")
	if len(parts) != 3 {
		t.Fatalf("the signature is %q", signature)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPSS(key, crypto.SHA256, digest[:], unpacked(t, parts[2]), &rsa.PSSOptions{SaltLength: sha256.Size}); err != nil {
		t.Error("the signature is wrong:", err)
	}
	decode(t, string(unpacked(t, parts[0])), &header)
	decode(t, string(unpacked(t, parts[1])), &claims)
	return header, claims
}

func unpacked(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testMarketPod is a container product in the cluster of a customer, whose
// namespace has the customer's account.
func testMarketPod(t *testing.T, m *market) {
	if !m.client.pods {
		t.Skip("this client can't: see awsClient")
	}
	b := m.subscribe(t, "in-cluster", "saas")
	workload := "workload-" + b.account
	if err := m.env.Client.Create(t.Context(), builder.Namespace(workload).WithAccountID(b.account).Build()); err != nil {
		t.Fatal(err)
	}
	pod := func(name string) caller {
		return m.client.start(t, settings{endpoint: licenseManager, ca: m.caFile, environment: []string{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + licenseManager + "/v1/credentials",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + m.tokenFile(t, workload, name),
		}})
	}
	register := object{"ProductCode": m.code, "PublicKeyVersion": 1}
	m.refused(t, pod("stranger"), "RegisterUsage", register, "AccessDeniedException", "may not create usagerecords/meter")
	worker := pod("worker")
	m.allow(t, workload, "worker", "usagerecords/meter")
	m.verified(t, m.must(t, worker, "RegisterUsage", register).text("Signature"))
	m.must(t, worker, "MeterUsage", object{"ProductCode": m.code, "Timestamp": thisSecond(), "UsageDimension": requests, "UsageQuantity": 4})
	if kept := m.recorded(t, b); len(kept) != 1 || kept[0].Spec.Quantity != 4 {
		t.Errorf("the records of the pod's customer are %v, want 4 requests", kept)
	}
}

// testLostUsage loses what the operator has answered: that it was recorded.
func testLostUsage(t *testing.T, m *market) {
	b := m.subscribe(t, "unlucky", "saas")
	unlucky := m.throughProxy(t, m.client.start)
	m.proxy.loseNext(1)
	m.sentAgain(t, b, unlucky)
}

// testFailedUsage makes of it an error that says that nobody knows.
func testFailedUsage(t *testing.T, m *market) {
	b := m.subscribe(t, "failing", "saas")
	failing := m.throughProxy(t, m.client.start)
	m.proxy.failNext(1)
	m.sentAgain(t, b, failing)

	own := m.client.start(t, settings{endpoint: m.proxy.url, ca: m.proxy.ca, key: m.ownKey(t, "failing")})
	m.proxy.failNext(1)
	m.must(t, own, "MeterUsage", object{"ProductCode": m.code, "Timestamp": thisSecond(), "UsageDimension": storage, "UsageQuantity": 1})
	m.twice(t)
	if kept := m.recorded(t, b); len(kept) != 2 {
		t.Errorf("there are %d records, want one of each dimension", len(kept))
	}
}

// sentAgain reports usage, with a client whose first answer does not come, and
// looks that it is recorded once.
func (m *market) sentAgain(t *testing.T, b buyer, c caller) {
	t.Helper()
	input := m.batch(b.usage(requests, 9))
	got := m.results(t, c, input)
	m.twice(t)
	again := m.results(t, m.asVendor, input)
	if diff := cmp.Diff(again, got); diff != "" || len(got) != 1 || got[0].text("Status") != "Success" || got[0].text("MeteringRecordId") == "" {
		t.Errorf("the repeated request gives %v, another one otherwise:\n%s", got, diff)
	}
	if kept := m.recorded(t, b); len(kept) != 1 || kept[0].Spec.MeteringRecordID != got[0].text("MeteringRecordId") {
		t.Errorf("there are the records %v, want one of %v", kept, got)
	}
}

// twice looks that the client has sent one request two times.
func (m *market) twice(t *testing.T) {
	t.Helper()
	if sent := m.proxy.sent(); len(sent) != 2 || sent[0] != sent[1] {
		t.Errorf("the client sent %q, want one request two times", sent)
	}
}
