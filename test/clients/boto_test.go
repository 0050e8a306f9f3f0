// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// call is one call with boto; testdata/query.py reads it.
type call struct {
	// Capability is boto's name of a way to sign: sign-v1 or sign-v2.
	Capability      string            `json:"capability"`
	AccessKeyID     string            `json:"accessKeyID"`
	SecretAccessKey string            `json:"secretAccessKey"`
	Verb            string            `json:"verb"`
	Action          string            `json:"action"`
	Parameters      map[string]string `json:"parameters"`
}

func (c call) signedBy(key pair) call {
	c.AccessKeyID, c.SecretAccessKey = key.id, key.secret
	return c
}

// answer is what boto has understood: the elements of a result, or what its
// BotoServerError says.
type answer struct {
	Status       int         `json:"status"`
	Elements     [][2]string `json:"elements"`
	ErrorCode    string      `json:"errorCode"`
	ErrorMessage string      `json:"errorMessage"`
	RequestID    string      `json:"requestID"`
}

// first is the text of the first element with this name.
func (a answer) first(name string) string {
	for _, e := range a.Elements {
		if e[0] == name {
			return e[1]
		}
	}
	return ""
}

// names are the names of all elements that hold text, in their order.
func (a answer) names() []string {
	var names []string
	for _, e := range a.Elements {
		names = append(names, e[0])
	}
	return names
}

// boto is a running Python that calls what it is told to.
type boto struct {
	in  *json.Encoder
	out *bufio.Scanner
}

func startBoto(t *testing.T, w *world) *boto {
	t.Helper()
	// It ends with its input, not with the test's context, which ends sooner.
	cmd := exec.Command("/usr/bin/python3", "-W", "ignore", "testdata/query.py", bundle)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+w.path("root", "usr", "lib", "python3", "dist-packages"),
		"PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error("python3:", err)
		}
	})
	return &boto{in: json.NewEncoder(in), out: bufio.NewScanner(out)}
}

// call makes one call.
func (b *boto) call(t *testing.T, c call) answer {
	t.Helper()
	if err := b.in.Encode(c); err != nil {
		t.Fatal(err)
	}
	if !b.out.Scan() {
		t.Fatalf("boto has not answered %s: %v", c.Action, b.out.Err())
	}
	var a answer
	if err := json.Unmarshal(b.out.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, b.out.Text())
	}
	return a
}

// testBoto signs with both versions that boto knows, over both verbs.
func (w *world) testBoto(t *testing.T) {
	v := newVendor(t, w.env, "")
	b := startBoto(t, w)
	for _, capability := range []string{"sign-v2", "sign-v1"} {
		for _, verb := range []string{"GET", "POST"} {
			t.Run(capability+" over "+verb, func(t *testing.T) {
				name := strings.ToLower(capability + "-" + verb)
				testBotoActions(t, v, b, call{Capability: capability, Verb: verb}, v.activationKey(t, name))
				testBotoErrors(t, v, b, call{Capability: capability, Verb: verb})
			})
		}
	}
}

// testBotoActions calls the five signed actions, with what earlier ones
// answered. The customer's own pair comes from the sixth, which nobody signs:
// a signature does no harm there.
func testBotoActions(t *testing.T, v *vendor, b *boto, c call, activationKey string) {
	activation := map[string]string{"ActivationKey": activationKey, "ProductToken": v.productToken}
	desktop := mustCall(t, b, c.signedBy(pair{"AKIANOBODYATALL0", "nothing"}), "ActivateDesktopProduct", activation)
	customer := pair{desktop.first("AWSAccessKeyId"), desktop.first("SecretAccessKey")}

	hosted := mustCall(t, b, c.signedBy(v.key), "ActivateHostedProduct", activation)
	if diff := cmp.Diff([]string{"UserToken", "PersistentIdentifier", "RequestId"}, hosted.names()); diff != "" {
		t.Errorf("elements of ActivateHostedProduct (-want +got):\n%s", diff)
	}
	userToken := hosted.first("UserToken")
	if pid := hosted.first("PersistentIdentifier"); pid != v.pid {
		t.Errorf("got the persistent identifier %q, want %q", pid, v.pid)
	}
	byPID := map[string]string{"PersistentIdentifier": v.pid, "ProductCode": v.code}
	byTokens := map[string]string{"UserToken": userToken, "ProductToken": v.productToken}
	for name, test := range map[string]struct {
		key           pair
		action        string
		parameters    map[string]string
		element, want string
	}{
		"a vendor verifies by PID": {v.key, "VerifyProductSubscriptionByPid", byPID, "Subscribed", "true"},
		"a customer verifies by tokens": {customer, "VerifyProductSubscriptionByTokens",
			byTokens, "Subscribed", "true"},
		"a vendor lists by PID": {v.key, "GetActiveSubscriptionsByPid",
			map[string]string{"PersistentIdentifier": v.pid}, "ProductCode", v.code},
		"a customer refreshes its token": {customer, "RefreshUserToken",
			map[string]string{"UserToken": userToken}, "UserToken", userToken},
		"a vendor refreshes with additional tokens": {v.key, "RefreshUserToken",
			map[string]string{"UserToken": userToken, "AdditionalTokens.1": v.productToken}, "UserToken", userToken},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustCall(t, b, c.signedBy(test.key), test.action, test.parameters)
			want := [][2]string{{test.element, test.want}, {"RequestId", got.first("RequestId")}}
			if diff := cmp.Diff(want, got.Elements); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// testBotoErrors makes boto raise its BotoServerError.
func testBotoErrors(t *testing.T, v *vendor, b *boto, c call) {
	byPID := map[string]string{"PersistentIdentifier": v.pid, "ProductCode": v.code}
	for name, test := range map[string]struct {
		key        pair
		action     string
		parameters map[string]string
		status     int
		code       string
	}{
		"a wrong secret": {pair{v.key.id, "wrong"}, "VerifyProductSubscriptionByPid", byPID, 403, "SignatureDoesNotMatch"},
		"an unknown key": {pair{"AKIAUNKNOWN0UNKNOWN0", "wrong"}, "VerifyProductSubscriptionByPid", byPID, 403, "InvalidClientTokenId"},
		"a foreign PID": {v.key, "GetActiveSubscriptionsByPid",
			map[string]string{"PersistentIdentifier": strings.Repeat("A", len(v.pid))}, 403, "InvalidPersistentIdentifier"},
		"an unknown product code": {v.key, "VerifyProductSubscriptionByPid",
			map[string]string{"PersistentIdentifier": v.pid, "ProductCode": "FFFFFFFF"}, 403, "InvalidProductToken"},
		"a made-up activation key": {v.key, "ActivateHostedProduct",
			map[string]string{"ActivationKey": "ADMAY7DVLJTWHJ76MMBMQEXAMPLE", "ProductToken": v.productToken}, 403, "InvalidActivationKey"},
		"an unknown action": {v.key, "VerifyNothing", nil, 400, "InvalidAction"},
	} {
		t.Run(name, func(t *testing.T) {
			c.Action, c.Parameters = test.action, test.parameters
			got := b.call(t, c.signedBy(test.key))
			if got.Status != test.status || got.ErrorCode != test.code || got.ErrorMessage == "" || got.RequestID == "" {
				t.Errorf("got %+v, want status %d, %s, a message and a request id", got, test.status, test.code)
			}
		})
	}
}

// mustCall makes a call that must succeed.
func mustCall(t *testing.T, b *boto, c call, action string, parameters map[string]string) answer {
	t.Helper()
	c.Action, c.Parameters = action, parameters
	a := b.call(t, c)
	if a.Status != 200 || a.first("RequestId") == "" {
		t.Fatalf("%s: got %+v, want a result", action, a)
	}
	return a
}
