// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/auth"
)

func TestEntitlementsOverTheWire(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	s.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"endTime":"2099-01-01T00:00:00Z","gracePeriodSeconds":60}}`)
	row := func(dimension, value string) string {
		return `{"ProductCode":"` + s.code + `","Dimension":"` + dimension + `","CustomerIdentifier":"cust-42","CustomerAWSAccountId":"210987654321",` +
			`"Value":` + value + `,"ExpirationDate":4070908860,"LicenseArn":"` + s.arn + `"}`
	}
	want := `{"Entitlements":[` + row("gpu", `{"BooleanValue":true}`) + `,` + row("seats", `{"IntegerValue":10}`) + `]}`
	within(t, "the list is as it should be", func() bool {
		return call().DoJSON(t, wire.GetEntitlements(s.Key, s.code, nil)).Body == want
	})
	first := call().DoJSON(t, wire.Marketplace(s.Key, "AWSMPEntitlementService.GetEntitlements", map[string]any{"ProductCode": s.code, "MaxResults": 1}))
	rest := call().DoJSON(t, wire.Marketplace(s.Key, "AWSMPEntitlementService.GetEntitlements",
		map[string]any{"ProductCode": s.code, "MaxResults": 1, "NextToken": first.Text("NextToken")}))
	if got := strings.TrimSuffix(first.Body, `],"NextToken":"`+first.Text("NextToken")+`"}`) + "," + strings.TrimPrefix(rest.Body, `{"Entitlements":[`); got != want {
		t.Errorf("by pages it is\n%s, want\n%s", got, want)
	}
	s.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"Suspended"}}`)
	within(t, "a suspended one has none", func() bool {
		return call().DoJSON(t, wire.GetEntitlements(s.Key, s.code, nil)).Body == `{"Entitlements":[]}`
	})
	for name, body := range map[string]string{
		"ValidationException": `{"ProductCode":"` + s.code + `","Filter":{"COLOUR":["red"]}}`, "SerializationException": `{"ProductCode":5}`,
		"InvalidParameterException": `{"ProductCode":"` + s.code + `","Filter":{"CUSTOMER_IDENTIFIER":["a"],"CUSTOMER_AWS_ACCOUNT_ID":["b"]}}`,
	} {
		expectJSON(t, call(), wire.Marketplace(s.Key, "AWSMPEntitlementService.GetEntitlements", body), 400, name)
	}
	expectJSON(t, call(), wire.GetEntitlements(s.Key, "NOBODYS", nil), 400, "InvalidParameterException")
}

// grant lets the worker do something to a resource in a namespace.
func (w worker) grant(t testing.TB, namespace, verb, resource string) {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, GenerateName: "grant-"}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"license-operator.dev"}, Resources: []string{resource}, Verbs: []string{verb},
	}}}
	if err := cluster.Client.Create(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: w.account.Namespace, Name: w.account.Name}}}
	if err := cluster.Client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
}

// lasting is a token of the worker's for the operator that lives long.
func (w worker) lasting(t testing.TB, lifetime time.Duration) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{"license-operator"}, ExpirationSeconds: new(int64(lifetime / time.Second)),
	}}
	if err := cluster.Client.SubResource("token").Create(t.Context(), w.account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func TestAServiceAccountResolvesAndListsWhereRBACLetsIt(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	other := newStallOf(t, s.code, v1alpha1.TokenUseReusable) // A ServiceAccount has to be told them apart.
	w := newWorker(t)
	// The clock of this package may be ahead by years.
	bearer := w.lasting(t, 50*365*24*time.Hour)
	as := func(c wire.JSONCall) wire.JSONCall {
		c.Signer, c.Bearer = nil, bearer
		return c
	}
	issued, _ := s.issued(t)
	shown, _ := s.shown(t)
	foreign, _ := other.shown(t)
	for _, token := range []string{issued, shown} {
		a := expectJSON(t, call(), as(wire.ResolveCustomer(nil, token)), 400, "InvalidTokenException")
		unknown := expectJSON(t, call(), as(wire.ResolveCustomer(nil, "x")), 400, "InvalidTokenException")
		if a.Text("message") != unknown.Text("message") {
			t.Errorf("the message is %q, that of an unknown token is %q", a.Text("message"), unknown.Text("message"))
		}
	}
	expectJSON(t, call(), as(wire.GetEntitlements(nil, s.code, nil)), 400, "AccessDeniedException")
	expectJSON(t, call(), as(wire.GetEntitlements(nil, "NOBODYS", nil)), 400, "AccessDeniedException")

	w.grant(t, s.Namespace, "update", "activations/status")
	w.grant(t, s.Namespace, "list", "subscriptions")
	// What was denied is remembered for some seconds.
	now.Step(10 * time.Second)
	within(t, "what a Role grants is allowed", func() bool {
		now.Step(5 * time.Second)
		return call().DoJSON(t, as(wire.ResolveCustomer(nil, issued))).Status == http.StatusOK
	})
	for _, token := range []string{issued, shown} {
		s.resolved(t, call(), as(wire.ResolveCustomer(nil, token)))
	}
	expectJSON(t, call(), as(wire.ResolveCustomer(nil, foreign)), 400, "InvalidTokenException")
	expectJSON(t, call(), as(wire.ResolveCustomer(nil, "x")), 400, "InvalidTokenException")
	// The code is that of both, the right is for one.
	a := call().DoJSON(t, as(wire.GetEntitlements(nil, s.code, nil)))
	if rows, _ := a.Members["Entitlements"].([]any); a.Status != http.StatusOK || len(rows) != 2 || !strings.Contains(a.Body, s.arn) {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	expectJSON(t, call(), as(wire.GetEntitlements(nil, s.code, map[string][]string{"LICENSE_ARN": {other.arn}})), 400, "AccessDeniedException")
}

func TestACustomersKeyListsItsOwnAndResolvesNothing(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	s.Subscription(t, builder.Subscription("globex", "render-farm").WithCustomer("cust-43"))
	s.Apply(t, builder.CustomerKey("desktop", "globex").Build())
	globex := s.Pair(t, "desktop", "")
	token, _ := s.shown(t)
	expectJSON(t, call(), wire.ResolveCustomer(globex, token), 400, "AccessDeniedException")
	for name, filter := range map[string]map[string][]string{"of all": nil, "of another": {"CUSTOMER_IDENTIFIER": {"cust-42"}}} {
		a := call().DoJSON(t, wire.GetEntitlements(globex, s.code, filter))
		if rows, _ := a.Members["Entitlements"].([]any); a.Status != http.StatusOK || strings.Contains(a.Body, "cust-42") || len(rows) != map[string]int{"of all": 2}[name] {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	unknown := *s.Key
	unknown.SecretAccessKey = strings.Repeat("wrong", 8)
	for name, signer := range map[string]*auth.Signer{"UnrecognizedClientException": {AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}, "InvalidSignatureException": &unknown} {
		expectJSON(t, call(), wire.ResolveCustomer(signer, token), 400, name)
	}
}

func TestAnExpiredTokenIsTold(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	bothForms(t, s, func(t *testing.T, token, _ string) {
		s.resolved(t, call(), wire.ResolveCustomer(s.Key, token))
		now.Step(4*time.Hour + time.Second)
		expectJSON(t, call(), wire.ResolveCustomer(s.Key, token), 400, "ExpiredTokenException")
	})
}
