// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

// site is a vendor with an open shop and a customer who has got links.
type site struct {
	*testing.T
	namespace string
	// shop is the shop's address.
	shop string
	// registration and activation are the customer's links.
	registration, activation string

	mu     sync.Mutex
	visits []string
}

// newSite opens a shop and waits for the links. change changes Product and
// Subscription before they are applied.
func newSite(t *testing.T, change func(*v1alpha1.Product, *v1alpha1.Subscription)) *site {
	t.Helper()
	s := &site{T: t, namespace: cluster.Namespace(t)}
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	s.shop = "http://" + strings.Replace(address, "127.0.0.1", "localhost", 1)
	product := builder.Product("render-farm").InNamespace(s.namespace).WithDisplayName("Acme Render Farm").WithCode("774F4FF8").
		WithFulfillmentURL(s.shop + "/register").WithRedirectURL(s.shop + "/activate?plan=basic").Build()
	sub := builder.Subscription("initech", "render-farm").InNamespace(s.namespace).WithCustomer("cust-42").WithDisplayName("Initech").Build()
	if change != nil {
		change(product, sub)
	}
	for _, o := range []client.Object{product, sub, builder.VendorKey("server").InNamespace(s.namespace).Build()} {
		if err := cluster.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	links := s.secret("initech-links")
	s.registration, s.activation = string(links["registrationURL"]), string(links["activationURL"])
	key := s.secret("server-access-key")
	s.open(address, string(key["accessKeyId"]), string(key["secretAccessKey"]))
	return s
}

// secret waits for a Secret and returns what it holds.
func (s *site) secret(name string) map[string][]byte {
	s.Helper()
	for range 400 {
		found := &corev1.Secret{}
		err := cluster.Client.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, found)
		if err == nil {
			return found.Data
		}
		if !apierrors.IsNotFound(err) {
			s.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Fatalf("the Secret %s does not come", name)
	return nil
}

// open starts the shop, configured as any program with an SDK of AWS is.
func (s *site) open(address, keyID, secretKey string) {
	s.Helper()
	ca := filepath.Join(s.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, operator.CA, 0o600); err != nil {
		s.Fatal(err)
	}
	cmd := exec.Command(shopBinary, "-listen", address)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.TempDir(), "AWS_ENDPOINT_URL=" + publicURL, "AWS_CA_BUNDLE=" + ca,
		"AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=" + keyID, "AWS_SECRET_ACCESS_KEY=" + secretKey}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	opened, closed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(closed)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 0 {
				close(opened)
				continue
			}
			s.mu.Lock()
			s.visits = append(s.visits, lines.Text())
			s.mu.Unlock()
		}
	}()
	s.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-closed
		_ = cmd.Wait()
	})
	select {
	case <-opened:
	case <-closed:
		s.Fatal("the shop does not open")
	}
}

// visited are the visits of the shop since the last call.
func (s *site) visited() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.visits
	s.visits = nil
	return list
}

// visitedOnly expects these visits of the shop, and that none of them tells of
// where the browser came from.
func (s *site) visitedOnly(want ...string) {
	s.Helper()
	var got []string // The shop's output may come after the page.
	for end := time.Now().Add(10 * time.Second); len(got) < len(want) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = append(got, s.visited()...)
	}
	got = append(got, s.visited()...)
	for i, visit := range got {
		if !strings.Contains(visit, ` referer="" `) && !strings.Contains(visit, ` referer="`+s.shop+`/`) {
			s.Errorf("the shop learns where the browser was: %s", visit)
		}
		if strings.Contains(visit, publicURL) {
			s.Errorf("the shop learns the operator's address: %s", visit)
		}
		if i >= len(want) || !strings.HasPrefix(visit, want[i]) {
			s.Errorf("visit %d is %s", i, visit)
		}
	}
	if len(got) != len(want) {
		s.Errorf("the shop was visited %d times, want %d: %q", len(got), len(want), got)
	}
}

// expired is a link of this operator's that was good until a moment ago.
func (s *site) expired(purpose secrets.LinkPurpose, path string) string {
	s.Helper()
	stored := &corev1.Secret{}
	if err := cluster.Client.Get(s.Context(), client.ObjectKey{Namespace: env.OperatorNamespace, Name: secrets.DefaultSecretName}, stored); err != nil {
		s.Fatal(err)
	}
	keys, err := secrets.Parse(stored.Data)
	if err != nil {
		s.Fatal(err)
	}
	text, err := keys.Sealing.SealLink(time.Now(), purpose,
		secrets.Link{Namespace: s.namespace, Subscription: "initech", Party: secrets.PartyOf("any", "customer"), ExpirationTime: time.Now().Add(-time.Second)})
	if err != nil {
		s.Fatal(err)
	}
	return publicURL + path + text
}
