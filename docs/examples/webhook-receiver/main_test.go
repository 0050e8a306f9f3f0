// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/internal/secrets"
)

// posted is a receiver behind TLS, a client for it, and a message.
func posted(t *testing.T, take func(string, notification) error) (*receiver, *notify.Client, notify.Message) {
	t.Helper()
	id, err := secrets.NewIdentity(bytes.Repeat([]byte{7}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	key := id.WebhookKey("acme", "render-farm", 1)
	r := &receiver{secret: key.Secret(), now: time.Now, seen: map[string]bool{}, take: take}
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	guard := &notify.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	c := notify.NewClient(clock.RealClock{}, guard, server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs)
	return r, c, notify.Message{ID: "msg_1", Action: v1alpha1.ActionSubscribeSuccess, URL: server.URL,
		CustomerIdentifier: "cust-42", ProductCode: "774F4FF8", FreeTrial: true, Keys: []secrets.WebhookKey{key}}
}

func TestANotificationIsTakenOnce(t *testing.T) {
	var taken []notification
	busy := true
	r, c, m := posted(t, func(_ string, n notification) error {
		if busy {
			return errors.New("busy")
		}
		taken = append(taken, n)
		return nil
	})
	if a := c.Send(t.Context(), m); a.Status != http.StatusServiceUnavailable {
		t.Errorf("while it is busy: %+v", a)
	}
	busy = false
	for range 3 {
		if a := c.Send(t.Context(), m); a.Result != notify.Delivered {
			t.Errorf("the answer is %+v", a)
		}
	}
	if diff := cmp.Diff([]notification{{"subscribe-success", "cust-42", "774F4FF8", "true"}}, taken); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
	r.secret = "whsec_" + strings.Repeat("A", 43) + "="
	if a := c.Send(t.Context(), m); a.Status != http.StatusUnauthorized {
		t.Errorf("with another secret: %+v", a)
	}
}

// The example of the specification's reference libraries.
const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body      = `{"test": 2432232314}`
	signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	sentAt    = 1614265330
)

// messages are the example and what may be wrong with it.
var messages = map[string]struct {
	signature, body string
	late            int64
	right           bool
}{
	"as it is":           {signature, body, 0, true},
	"two signatures":     {"v1,AAAA " + signature, body, 10, true},
	"another body":       {signature, body + " ", 0, false},
	"another signature":  {"v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", body, 0, false},
	"another version":    {"v1a" + signature[2:], body, 0, false},
	"no signature":       {"", body, 0, false},
	"six minutes late":   {signature, body, 360, false},
	"an hour in advance": {signature, body, -3600, false},
}

func headers(signature string) map[string]string {
	return map[string]string{"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": signature}
}

func TestTheVerifierInGo(t *testing.T) {
	for name, m := range messages {
		h := http.Header{}
		for key, value := range headers(m.signature) {
			h.Set(key, value)
		}
		if err := verify(secret, h, []byte(m.body), time.Unix(sentAt+m.late, 0)); (err == nil) != m.right {
			t.Errorf("%s: the answer is %v", name, err)
		}
	}
}

func TestTheVerifierInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	const program = `import json, sys, verify
m = json.load(sys.stdin)
print(verify.verify(m["secret"], m["headers"], m["body"].encode(), m["now"]))`
	for name, m := range messages {
		input, err := json.Marshal(map[string]any{"secret": secret, "headers": headers(m.signature), "body": m.body, "now": sentAt + m.late})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), python, "-B", "-c", program)
		cmd.Stdin = bytes.NewReader(input)
		out, err := cmd.CombinedOutput()
		if want := map[bool]string{true: "True\n", false: "False\n"}[m.right]; err != nil || string(out) != want {
			t.Errorf("%s: the answer is %s (%v), want %s", name, out, err, want)
		}
	}
}
