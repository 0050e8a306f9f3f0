// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/webhook/auth"
)

func testErrors(t *testing.T, s *stage) {
	s.licence(t, "initech", "tool")
	with := func(name string, value any) object {
		input := s.seats("initech", "errors-1", "1")
		input[name] = value
		return input
	}
	for name, test := range map[string]struct {
		key         pair
		operation   string
		input       object
		code, words string
	}{
		"a wrong secret": {pair{s.key.id, "wrong"}, "CheckoutLicense", s.seats("initech", "errors-1", "1"),
			"InvalidSignatureException", "does not match the signature you provided"},
		"an unknown key": {pair{"AKIAUNKNOWN0UNKNOWN0", "wrong"}, "CheckoutLicense", s.seats("initech", "errors-1", "1"),
			"UnrecognizedClientException", "security token included in the request is invalid"},
		"an unknown SKU": {s.key, "CheckoutLicense", with("ProductSKU", "NONE"), "NoEntitlementsAllowedException", "ProductSKU"},
		"another fingerprint": {s.key, "CheckoutLicense", with("KeyFingerprint", "aws:1:You:issuer-fingerprint"),
			"NoEntitlementsAllowedException", "KeyFingerprint"},
		"a customer without a licence": {s.key, "CheckoutLicense", with("Beneficiary", "nobody"), "NoEntitlementsAllowedException", "Beneficiary"},
		"no beneficiary":               {s.key, "CheckoutLicense", with("Beneficiary", ""), "InvalidParameterValueException", "Beneficiary"},
		"another unit": {s.key, "CheckoutLicense", with("Entitlements", []object{{"Name": "seats", "Unit": "Gigabytes", "Value": "1"}}),
			"NoEntitlementsAllowedException", "Count"},
		"an unknown consumption token": {s.key, "CheckInLicense", object{"LicenseConsumptionToken": "0cd7b2bc7c674573a669bea8f5b75f2d"},
			"ResourceNotFoundException", "LicenseConsumptionToken"},
		"an unknown licence": {s.key, "GetLicense",
			object{"LicenseArn": "arn:aws:license-manager::123456789012:license:l-00000000000000000000000000000000"},
			"InvalidParameterValueException", "LicenseArn"},
		"what the API model forbids":             {s.key, "CheckoutLicense", with("ClientToken", "with a blank"), "ValidationException", "clientToken"},
		"an operation that is made with kubectl": {s.key, "ListReceivedGrants", object{}, "AccessDeniedException", "kubectl get Subscriptions"},
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(t, s.client.start(t, s.settings(test.key)), test.operation, test.input, test.code, test.words)
		})
	}
}

// testNumber sends what no SDK can: they all refuse to.
func testNumber(t *testing.T, s *stage) {
	if _, raw := s.asVendor.(curl); !raw {
		t.Skip("SDKs don't send it")
	}
	s.licence(t, "counter", "tool")
	input := s.seats("counter", "number-1", "1")
	input["Entitlements"] = []object{{"Name": "seats", "Unit": "Count", "Value": 1}}
	s.refused(t, s.asVendor, "CheckoutLicense", input, "SerializationException", "")
}

func testFastClock(t *testing.T, s *stage) {
	if s.client.fast == nil {
		t.Skip("this client corrects no clock")
	}
	s.licence(t, "early", "tool")
	early := s.throughProxy(t, s.client.fast)
	s.proxy.loseNext(0)
	out := s.must(t, early, "CheckoutLicense", s.seats("early", "early-1", "1"))
	if n := s.proxy.seen.Load(); n < 2 {
		t.Errorf("the client sent %d requests: its clock is right", n)
	}
	s.proxy.loseNext(0)
	s.must(t, early, "CheckInLicense", object{"LicenseConsumptionToken": out["LicenseConsumptionToken"]})
	if n := s.proxy.seen.Load(); n != 1 {
		t.Errorf("the client sent %d requests and has not remembered how wrong its clock is", n)
	}
}

// testServiceAccount is what a pod does, with the token that is mounted into it.
func testServiceAccount(t *testing.T, s *stage) {
	if !s.client.pods {
		t.Skip("this client can't: see awsClient")
	}
	s.licence(t, "pods", "tool")
	workload := s.env.Namespace(t)
	for name, bound := range map[string]bool{"worker": true, "stranger": false} {
		pod := s.client.start(t, settings{endpoint: licenseManager, ca: s.caFile, environment: []string{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + licenseManager + "/v1/credentials",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + s.tokenFile(t, workload, name),
		}})
		input := s.seats("pods", "pods-"+name, "1")
		if !bound {
			s.refused(t, pod, "CheckoutLicense", input, "AccessDeniedException", "may not create licensecheckouts")
			continue
		}
		s.allow(t, workload, name, "licensecheckouts")
		out := s.must(t, pod, "CheckoutLicense", input)
		s.must(t, pod, "CheckInLicense", object{"LicenseConsumptionToken": out["LicenseConsumptionToken"]})
	}
}

// tokenFile makes a ServiceAccount and writes a token of it as the kubelet does.
func (s *stage) tokenFile(t *testing.T, namespace, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}
	if err := s.env.Client.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	seconds := int64(time.Hour.Seconds())
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{auth.Audience}, ExpirationSeconds: &seconds}}
	if err := s.env.Client.SubResource("token").Create(t.Context(), account, token); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token.Status.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// allow lets a ServiceAccount create objects in the vendor's namespace.
func (s *stage) allow(t *testing.T, namespace, name, resource string) {
	t.Helper()
	role := strings.Join([]string{strings.ReplaceAll(resource, "/", "-"), namespace, name}, "-")
	kind, subresource, _ := strings.Cut(resource, "/")
	s.create(t, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: role}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{resource}, Verbs: []string{"create"}}}})
	s.create(t, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}}})
	// The API server takes a moment to see it.
	for deadline := time.Now().Add(readyTimeout); ; time.Sleep(readyPoll) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + namespace + ":" + name,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: s.namespace, Verb: "create", Group: v1alpha1.GroupVersion.Group, Resource: kind, Subresource: subresource},
		}}
		if err := s.env.Client.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the role binding has no effect: ", review.Status.Reason)
		}
	}
}
