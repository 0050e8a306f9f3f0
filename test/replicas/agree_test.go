// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package replicas

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// fresh takes everything away that earlier replicas have left: as if the
// operator had never run.
func fresh(t *testing.T) {
	t.Helper()
	products := &v1alpha1.ProductList{}
	if err := cluster.Client.List(t.Context(), products); err != nil {
		t.Fatal(err)
	}
	for i := range products.Items {
		if err := cluster.Client.Delete(t.Context(), &products.Items[i]); err != nil {
			t.Fatal(err)
		}
	}
	at := metav1.ObjectMeta{Namespace: env.OperatorNamespace}
	for name, o := range map[string]client.Object{
		"license-operator-keys": &corev1.Secret{ObjectMeta: at},
		"license-operator-tls":  &corev1.Secret{ObjectMeta: at},
		"license-operator-ca":   &corev1.ConfigMap{ObjectMeta: at},
	} {
		o.SetName(name)
		if err := client.IgnoreNotFound(cluster.Client.Delete(t.Context(), o)); err != nil {
			t.Fatal(err)
		}
	}
}

// answers are everything that two replicas must agree on.
type answers struct {
	HostedToken, DesktopToken, PID, KeyID, Secret string
	ByPID, ByTokens                               string
	Active                                        []string
	Refreshed                                     string
}

func TestTwoReplicasThatAreStartedAtOnceAgreeOnEverything(t *testing.T) {
	fresh(t)
	ledger := &wire.Ledger{}
	both := pair(t, ledger)
	leaderOf(t, both)
	v := wire.NewVendor(t, cluster, ledger)
	p := v.Product(t, builder.Product("render-farm"))
	pid := v.Subscription(t, builder.Subscription("initech", "render-farm"))
	key := v.Activation(t, builder.Activation("first", "initech"))

	ask := func(r *process) answers {
		hosted := r.client.OK(t, wire.Hosted(v.Key, key, p.Token))
		desktop := r.client.OK(t, wire.Desktop(key, p.Token))
		customer, token := wire.Customer(desktop), desktop.Text("UserToken")
		return answers{
			HostedToken: hosted.Text("UserToken"), DesktopToken: token, PID: hosted.Text("PersistentIdentifier"),
			KeyID: customer.AccessKeyID, Secret: customer.SecretAccessKey,
			ByPID:     r.client.OK(t, wire.ByPid(v.Key, pid, p.Code)).Text("Subscribed"),
			ByTokens:  r.client.OK(t, wire.ByTokens(customer, token, p.Token)).Text("Subscribed"),
			Active:    r.client.OK(t, wire.Active(v.Key, pid)).Texts("ProductCode"),
			Refreshed: r.client.OK(t, wire.Refresh(customer, token)).Text("UserToken"),
		}
	}
	first, second := ask(both[0]), ask(both[1])
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two replicas answer differently (-first +second):\n%s", diff)
	}
	if first.PID != pid || first.ByPID != "true" || first.ByTokens != "true" || len(first.Active) != 1 {
		t.Errorf("the answers are wrong: %s %s %s %v", first.PID, first.ByPID, first.ByTokens, first.Active)
	}
	if diff := cmp.Diff(authority(t, both[0]), authority(t, both[1])); diff != "" {
		t.Errorf("two replicas show certificates of different CAs (-first +second):\n%s", diff)
	}
	for _, r := range both {
		r.silent(t, ledger)
	}
}

// authority is the key id of the CA that a replica's certificate is from; that
// the certificate is good the client has seen to.
func authority(t *testing.T, p *process) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: rootsOf(t), MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].AuthorityKeyId
}

func rootsOf(t *testing.T) *x509.CertPool {
	t.Helper()
	return wire.Trust(t, cluster.Client)
}
