// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
)

// operatorData is the data of two operators' Secrets.
var operatorData = sync.OnceValues(func() (data [2]map[string][]byte, err error) {
	for i := range data {
		if data[i], err = secrets.NewData(v4Now, rand.Reader); err != nil {
			return data, err
		}
	}
	return data, nil
})

// newSessions has the identity key of one operator and the sealing keys of one.
func newSessions(t testing.TB, identity, sealing int) *Sessions {
	t.Helper()
	data, err := operatorData()
	if err != nil {
		t.Fatal(err)
	}
	mixed := maps.Clone(data[sealing])
	mixed[secrets.IdentityDataKey] = data[identity][secrets.IdentityDataKey]
	keys, err := secrets.Parse(mixed)
	if err != nil {
		t.Fatal(err)
	}
	holder := &secrets.Holder{}
	if err := holder.Set(keys); err != nil {
		t.Fatal(err)
	}
	return NewSessions(holder)
}

func mustIssue(t testing.TB, s *Sessions) Credentials {
	t.Helper()
	c, err := s.Issue(renderPrincipal(), v4Now.Add(time.Second/2))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sessionRequest is a request signed with temporary credentials.
func sessionRequest(t testing.TB, c Credentials, at time.Time) *http.Request {
	t.Helper()
	r := newRequestV4(t, "https://ls.example.com/")
	if err := SignV4(r, []byte(v4Body), c.AccessKeyID, c.SecretAccessKey, c.SessionToken, "x", "aws-marketplace", at); err != nil {
		t.Fatal(err)
	}
	return received(t, r)
}

func TestTemporaryCredentialsProveTheServiceAccount(t *testing.T) {
	sessions := newSessions(t, 0, 0)
	c := mustIssue(t, sessions)
	if want := v4Now.Add(time.Hour); !c.ExpirationTime.Equal(want) || !strings.HasPrefix(c.AccessKeyID, "ASIA") {
		t.Errorf("the credentials %s end at %s, want %s", c.AccessKeyID, c.ExpirationTime, want)
	}
	v := NewVerifier(keys{})
	v.Sessions = sessions
	want := renderPrincipal()
	want.AccessKeyID = c.AccessKeyID
	for _, at := range []time.Time{v4Now, v4Now.Add(time.Hour - time.Second)} {
		got, err := v.VerifyV4(context.Background(), sessionRequest(t, c, at), []byte(v4Body), "aws-marketplace", at)
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("VerifyV4() = %v (-want +got):\n%s", err, diff)
		}
	}
	end := v4Now.Add(time.Hour)
	if got := kindV4(v, sessionRequest(t, c, end), end); got != fault.CredentialsExpired {
		t.Errorf("when they have ended: %q, want CredentialsExpired", got)
	}
}

func TestTemporaryCredentialsThatAreRefused(t *testing.T) {
	sessions := newSessions(t, 0, 0)
	c := mustIssue(t, sessions)
	p := renderPrincipal()
	p.Username = "system:serviceaccount:acme:other"
	other, err := sessions.Issue(p, v4Now)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(keys{c.AccessKeyID: {Principal: v4Principal, Secret: c.SecretAccessKey}})
	v.Sessions = sessions
	tests := map[string]struct {
		change func(*Credentials)
		want   fault.Kind
	}{
		"another secret":         {func(c *Credentials) { c.SecretAccessKey = other.SecretAccessKey }, fault.SignatureMismatch},
		"another id":             {func(c *Credentials) { c.AccessKeyID = other.AccessKeyID }, fault.UnknownAccessKey},
		"another token":          {func(c *Credentials) { c.SessionToken = other.SessionToken }, fault.UnknownAccessKey},
		"another pair's token":   {func(c *Credentials) { c.SessionToken, c.AccessKeyID = other.SessionToken, other.AccessKeyID }, fault.SignatureMismatch},
		"a changed token":        {func(c *Credentials) { c.SessionToken = "B" + c.SessionToken[1:] }, fault.UnknownAccessKey},
		"a token that is longer": {func(c *Credentials) { c.SessionToken += "AAAA" }, fault.UnknownAccessKey},
	}
	for name, test := range tests {
		changed := c
		test.change(&changed)
		if got := kindV4(v, sessionRequest(t, changed, v4Now), v4Now); got != test.want {
			t.Errorf("%s: %q, want %s", name, got, test.want)
		}
	}
	for name, stranger := range map[string]*Sessions{"identity": newSessions(t, 1, 0), "sealing": newSessions(t, 0, 1)} {
		v.Sessions = stranger
		if got := kindV4(v, sessionRequest(t, c, v4Now), v4Now); got != fault.UnknownAccessKey {
			t.Errorf("under another %s key: %q, want UnknownAccessKey", name, got)
		}
	}
	v.Sessions = NewSessions(&secrets.Holder{})
	if got := kindV4(v, sessionRequest(t, c, v4Now), v4Now); got != fault.Unavailable {
		t.Errorf("before the keys are loaded: %q, want Unavailable", got)
	}
}

func TestCredentialsAreForServiceAccountsOnly(t *testing.T) {
	sessions := newSessions(t, 0, 0)
	if c, err := sessions.Issue(&v4Principal, v4Now); err == nil || c != (Credentials{}) {
		t.Errorf("a vendor gets %v, %v", c.AccessKeyID, err)
	}
	if _, err := NewSessions(&secrets.Holder{}).Issue(renderPrincipal(), v4Now); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("before the keys are loaded: %v, want Unavailable", err)
	}
	huge := renderPrincipal()
	huge.Groups = make([]string, 100)
	if c, err := sessions.Issue(huge, v4Now); err == nil || c != (Credentials{}) {
		t.Errorf("a user with 100 groups gets %v, %v", c.AccessKeyID, err)
	}
}
