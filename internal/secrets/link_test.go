// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func pageLink() Link {
	return Link{Namespace: "acme", Subscription: "initech", Party: PartyOf("774F4FF8", "cust-42"), ExpirationTime: now.Add(720 * time.Hour)}
}

func linkBut(change func(*Link)) Link {
	link := pageLink()
	change(&link)
	return link
}

func mustSealLink(t testing.TB, ring *Keyring, at time.Time, purpose LinkPurpose, link Link) string {
	t.Helper()
	text, err := ring.SealLink(at, purpose, link)
	if err != nil {
		t.Fatalf("SealLink: %v", err)
	}
	return text
}

// Customers have these in their mail.
func TestLinksNeverChange(t *testing.T) {
	if got := mustSealLink(t, newTestRing(t), now, RegistrationLink, pageLink()); got != goldenRegistrationLink {
		t.Errorf("the link to the registration page changed:\n%s", got)
	}
	if got := mustSealLink(t, newTestRing(t), now, ActivationLink, pageLink()); got != goldenActivationLink {
		t.Errorf("the link to the activation page changed:\n%s", got)
	}
}

const (
	goldenRegistrationLink = "Aa7p0zJ-RZPZ2pNRzIvqlJtVek3fFf9VqoU8QO8XfFgp5mUhBAzkjFjmMyTbXizkl2NcxVPXMACRii53jT2lzhv34MZL" +
		"F-BF0pWk8Ex1stWz_zs2xCrfPr4ILHzNtmtX4rBMOeP5sHcex7U_RQECNPTTTgrbAR0OBv_vV-Bc_JyZsMZfKcI8Ve8"
	goldenActivationLink = "AUbufBCIk09k-Q7y7u8hhp7IF67_CyOsK0Fy3xQ8CgPHjbjvUWAjmy29h33BgG3bZJfCgc-hvx50b45rMfnmAV2eNzXH" +
		"dX-OX6CHJBYmWeiI8tBvVRVIPuPY6S17dQ6GvOUalQpqUOVfLOyXLGjNEJPV_yD43dRTlrzOS7Xgbbl4tzXi0U80J20"
)

func TestLinksComeBack(t *testing.T) {
	ring := newTestRing(t)
	form := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	for name, c := range map[string]struct {
		link   Link
		length int
	}{
		"usual":       {pageLink(), 183},
		"short names": {linkBut(func(l *Link) { l.Namespace, l.Subscription = "a", "b" }), 183},
		"long names":  {linkBut(func(l *Link) { l.Namespace, l.Subscription = strings.Repeat("n", 63), strings.Repeat("s", 63) }), 268},
		"nanoseconds": {linkBut(func(l *Link) { l.ExpirationTime = now.Add(123456789) }), 183},
	} {
		for _, purpose := range []LinkPurpose{RegistrationLink, ActivationLink} {
			text := mustSealLink(t, ring, now, purpose, c.link)
			if !form.MatchString(text) || len(text) != c.length {
				t.Errorf("%s: %q needs escaping or has %d characters, want %d", name, text, len(text), c.length)
			}
			got, err := ring.OpenLink(purpose, text)
			if diff := cmp.Diff(c.link, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
			if mustSealLink(t, ring, now, purpose, c.link) != text {
				t.Errorf("%s: sealed again it is another text", name)
			}
		}
	}
}

func TestALinkOpensItsOwnPageOnly(t *testing.T) {
	ring := newTestRing(t)
	registration := mustSealLink(t, ring, now, RegistrationLink, pageLink())
	if _, err := ring.OpenLink(ActivationLink, registration); !errors.Is(err, ErrForged) {
		t.Errorf("a link to the registration page opens the activation page: %v", err)
	}
	seen := map[string]string{}
	for name, link := range map[string]Link{
		"usual":                pageLink(),
		"a shifted boundary":   linkBut(func(l *Link) { l.Namespace, l.Subscription = "acmei", "nitech" }),
		"another Subscription": linkBut(func(l *Link) { l.Subscription = "globex" }),
		"another customer":     linkBut(func(l *Link) { l.Party = PartyOf("774F4FF8", "cust-43") }),
		"another time":         linkBut(func(l *Link) { l.ExpirationTime = now }),
	} {
		text := mustSealLink(t, ring, now, RegistrationLink, link)
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the text of %s", name, other)
		}
		seen[text] = name
	}
}

func TestOpenLinkRefusesAnythingElse(t *testing.T) {
	ring := newTestRing(t)
	text := mustSealLink(t, ring, now, ActivationLink, pageLink())
	refused := func(what, text string) {
		t.Helper()
		if got, err := ring.OpenLink(ActivationLink, text); err == nil || got != (Link{}) {
			t.Errorf("%s opens: %q", what, text)
		} else {
			checkRefusal(t, err)
		}
	}
	mutations(text, func(changed string) { refused("a changed link", changed) })
	for cut := range len(text) {
		refused("a cut link", text[:cut])
		for _, blank := range []string{"\n", "\r", " ", "=", "/"} {
			refused("a link with a blank", text[:cut]+blank+text[cut:])
		}
	}
	sealedFor := func(purpose string, payload []byte) string {
		raw, err := base64.StdEncoding.DecodeString(sealRaw(t, ring, purpose, payload))
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	if _, err := ring.OpenLink(ActivationLink, sealedFor("activation-page-link", appendLinkPayload(nil, pageLink()))); err != nil {
		t.Fatalf("the test's own sealing doesn't open: %v", err)
	}
	for name, text := range map[string]string{
		"too long":             strings.Repeat("A", maxLink+1),
		"a padding":            text + "=",
		"another purpose":      sealedFor(userTokenPurpose, appendLinkPayload(nil, pageLink())),
		"another content":      sealedFor("activation-page-link", appendUserPayload(nil, userToken())),
		"no content":           sealedFor("activation-page-link", nil),
		"a registration token": mustSealRegistration(t, ring, now, registrationClaims()),
	} {
		refused(name, text)
	}
}

func TestSealRefusesWhatLeadsNowhere(t *testing.T) {
	ring := newTestRing(t)
	for name, change := range map[string]func(*Link){
		"no namespace":         func(l *Link) { l.Namespace = "" },
		"no Subscription":      func(l *Link) { l.Subscription = "" },
		"no party":             func(l *Link) { l.Party = Party{} },
		"no time":              func(l *Link) { l.ExpirationTime = time.Time{} },
		"the year 10000":       func(l *Link) { l.ExpirationTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"too long a name":      func(l *Link) { l.Subscription = strings.Repeat("s", maxLink) },
		"much too long a name": func(l *Link) { l.Subscription = strings.Repeat("s", maxSealed) },
	} {
		if text, err := ring.SealLink(now, ActivationLink, linkBut(change)); err == nil || text != "" {
			t.Errorf("%s: sealed", name)
		}
	}
	for _, purpose := range []LinkPurpose{"", "user-token"} {
		if text, err := ring.SealLink(now, purpose, pageLink()); err == nil || text != "" {
			t.Errorf("sealed for %q", purpose)
		}
	}
}

func TestAPartyIsOneProductAndOneCustomer(t *testing.T) {
	seen := map[Party]string{}
	for _, c := range [][2]string{{"774F4FF8", "cust-42"}, {"774F4FF8c", "ust-42"}, {"774F4FF8", "cust-43"}, {"774F4FF9", "cust-42"}, {"cust-42", "774F4FF8"}, {"", ""}} {
		party := PartyOf(c[0], c[1])
		if other, ok := seen[party]; ok {
			t.Errorf("%q is the party of %s", c, other)
		}
		seen[party] = c[0] + " " + c[1]
	}
}

func TestALinkExpires(t *testing.T) {
	link := pageLink()
	if link.Expired(link.ExpirationTime.Add(-1)) || !link.Expired(link.ExpirationTime) {
		t.Error("it doesn't expire at its expiration time")
	}
}

// What opens is exactly what Seal would have made of it.
func FuzzOpenLink(f *testing.F) {
	ring := newTestRing(f)
	for _, purpose := range []LinkPurpose{RegistrationLink, ActivationLink} {
		f.Add(mustSealLink(f, ring, now, purpose, pageLink()))
		f.Add(mustSealLink(f, ring, now.Add(2*time.Hour), purpose, pageLink()))
	}
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, purpose := range []LinkPurpose{RegistrationLink, ActivationLink} {
			link, err := ring.OpenLink(purpose, text)
			if err != nil {
				checkRefusal(t, err)
				continue
			}
			if mustSealLink(t, ring, now, purpose, link) != text && mustSealLink(t, ring, now.Add(2*time.Hour), purpose, link) != text {
				t.Errorf("%q opens and was not sealed", text)
			}
		}
	})
}

// The cipher keeps a fuzzer from the payload's parser.
func FuzzParseLinkPayload(f *testing.F) {
	f.Add(appendLinkPayload(nil, pageLink()))
	f.Fuzz(func(t *testing.T, payload []byte) {
		link, err := parseLinkPayload(payload)
		if err != nil {
			checkRefusal(t, err)
		} else if string(appendLinkPayload(nil, link)) != string(payload) {
			t.Errorf("%x is a second form of a payload", payload)
		}
	})
}
