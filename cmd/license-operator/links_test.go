// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/test/builder"
)

func TestLinksArePrintedForWhoMayReadThem(t *testing.T) {
	sub := builder.Subscription("initech", "render-farm").InNamespace("acme").Build()
	sub.Status.LinksSecretRef = &v1alpha1.SecretReference{Name: "initech-links"}
	sub.Status.LinksExpirationTime = &metav1.Time{Time: time.Date(2031, 5, 6, 7, 8, 9, 0, time.FixedZone("", 7200))}
	both := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "initech-links"}, Data: map[string][]byte{
		"registrationURL": []byte("https://l.example/register/AAA"), "activationURL": []byte("https://l.example/activate/BBB")}}
	one := both.DeepCopy()
	delete(one.Data, "registrationURL")
	for name, test := range map[string]struct {
		args    []string
		objects []client.Object
		connect error
		want    string
		err     string
	}{
		"both links": {[]string{"-n", "acme", "initech"}, []client.Object{sub, both}, nil,
			"Registration  https://l.example/register/AAA\nActivation    https://l.example/activate/BBB\nGood until    2031-05-06T05:08:09Z\n", ""},
		"one link": {[]string{"initech", "--namespace", "acme"}, []client.Object{sub, one}, nil,
			"Activation  https://l.example/activate/BBB\nGood until  2031-05-06T05:08:09Z\n", ""},
		"no namespace":    {[]string{"initech"}, nil, nil, "", "set --namespace"},
		"no name":         {[]string{"-n", "acme"}, nil, nil, "", "accepts 1 arg"},
		"no cluster":      {[]string{"-n", "acme", "initech"}, nil, errors.New("no cluster"), "", "no cluster"},
		"no Subscription": {[]string{"-n", "acme", "initech"}, nil, nil, "", `"initech" not found`},
		"no page": {[]string{"-n", "acme", "globex"}, []client.Object{builder.Subscription("globex", "studio").InNamespace("acme").Build()}, nil,
			"", "in the Product studio"},
		"a Secret that is gone": {[]string{"-n", "acme", "initech"}, []client.Object{sub}, nil, "", "the operator writes it again"},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithScheme(app.NewScheme()).WithObjects(test.objects...).Build()
			cmd := linksCommand(func() (client.Client, error) { return c, test.connect })
			var out bytes.Buffer
			cmd.SetOut(&out)
			cmd.SetErr(&bytes.Buffer{})
			cmd.SetArgs(test.args)
			err := cmd.ExecuteContext(context.Background())
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
			if test.err == "" {
				if diff := cmp.Diff(test.want, out.String()); diff != "" {
					t.Errorf("printed (-want +got):\n%s", diff)
				}
			}
		})
	}
}
