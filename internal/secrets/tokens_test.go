// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func userToken() UserToken {
	return UserToken{
		Namespace: "acme", Code: "774F4FF8", Customer: "cust-42", Activation: "initech-first",
		Revision: CurrentRevision, IssueTime: now, ExpirationTime: now.Add(time.Hour),
	}
}

func mustSealUser(t testing.TB, ring *Keyring, at time.Time, token UserToken) string {
	t.Helper()
	text, err := ring.SealUserToken(at, token)
	if err != nil {
		t.Fatalf("SealUserToken: %v", err)
	}
	return text
}

func mustSealProduct(t testing.TB, ring *Keyring, at time.Time, token ProductToken) string {
	t.Helper()
	text, err := ring.SealProductToken(at, token)
	if err != nil {
		t.Fatalf("SealProductToken: %v", err)
	}
	return text
}

// These texts are in the field: programs ship with their product token. They
// must come out the same and open for ever.
func TestTokensNeverChange(t *testing.T) {
	ring := newTestRing(t)
	product := ProductToken{Namespace: "acme", Code: "774F4FF8"}
	if got := mustSealProduct(t, ring, now, product); got != goldenProductToken {
		t.Errorf("the product token changed:\n%s", got)
	}
	if got := mustSealUser(t, ring, now, userToken()); got != goldenUserToken {
		t.Errorf("the user token changed:\n%s", got)
	}
}

const goldenProductToken = "{ProductToken}Afbo/3I5eQn1KCLElHXvN9UC05J5qpjUmGJm+mb1EvH0RCH6AJk98FmB2jvlg/37PpVyivz+7H" +
	"uVarzNXKtEshhglMwdsBAB8AXWWf8099AUu6p8IIRXL4cy9QtnSogIODeTUvl6tm3rUM8tZ0Yq/pk4DjEmR7U3C0" +
	"wwPICAw22q3dRelAICEvXXqojuJaeX6GX7guIaqiZRXpJG9/Jvz1zjO0xNJhKp5ofOJEmDgLiktUf2dgcuM4sJ3p" +
	"EBL+vUxxwrKSCQik41ozPyASNbeD86ElFxNDCZ+qn0GxqzimP+ZVd4S7qRf4I="

const goldenUserToken = "{UserToken}AS/nRkHn3YbV4ydBJrHMq9XOeK/u8X9ClM1bRLzyul7RtaY0XuIES1v92vHUMJGtFPP5MkIl3FkIo" +
	"RzKuE6ew35B7uwOvA0uH4Bv4En4BGiGRm0h2ntXOKGfLzKzaiGxT8chDVsdfTMNqdmPu8chKdD1CIwce8J5HGjZl" +
	"xIW7AVNY3emjT5B0tA7U0OwQUK+xJTopK75KZ1T70PkCmumfF0QadM4bBvbxAr3Bj97a6BVVuj8X2uW8AznYVVSF" +
	"FOzK10OMhB/R+nTkZvpZwVVMg8ETpRnoFRaGFWU41KsgPsqtrAw98pUGD3p6fqIYW1NoZHWaG7A0GwUeLGmNysgE" +
	"ZpZJOhEVGf5ZDs/APmT1kewRDy8K0xe/RXi6FA+Qa9U9u9ua2PN7ZSf"

func TestProductTokensComeBack(t *testing.T) {
	ring := newTestRing(t)
	cases := map[string]ProductToken{
		"short names":   {Namespace: "a", Code: "0"},
		"usual names":   {Namespace: "acme", Code: "774F4FF8"},
		"longest names": {Namespace: strings.Repeat("n", 253), Code: strings.Repeat("C", 255)},
		"other scripts": {Namespace: "näm\x00e", Code: "\xff\xfe"},
	}
	for name, want := range cases {
		got, err := ring.OpenProductToken(mustSealProduct(t, ring, now, want))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestUserTokensComeBack(t *testing.T) {
	ring := newTestRing(t)
	with := func(change func(*UserToken)) UserToken {
		token := userToken()
		change(&token)
		return token
	}
	cases := map[string]UserToken{
		"usual":                userToken(),
		"it never expires":     with(func(u *UserToken) { u.ExpirationTime = time.Time{} }),
		"an older revision":    with(func(u *UserToken) { u.Revision = 1 }),
		"the last revision":    with(func(u *UserToken) { u.Revision = math.MaxInt32 }),
		"nanoseconds":          with(func(u *UserToken) { u.IssueTime = now.Add(123456789) }),
		"before 1970":          with(func(u *UserToken) { u.IssueTime = time.Date(1903, 1, 2, 3, 4, 5, 6, time.UTC) }),
		"the last of all days": with(func(u *UserToken) { u.ExpirationTime = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC) }),
		"without activation":   with(func(u *UserToken) { u.Activation = "" }),
		"long names":           with(func(u *UserToken) { u.Customer, u.Activation = strings.Repeat("c", 255), strings.Repeat("a", 253) }),
	}
	for name, want := range cases {
		got, err := ring.OpenUserToken(mustSealUser(t, ring, now, want))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	zoned := userToken()
	zoned.IssueTime = zoned.IssueTime.In(time.FixedZone("somewhere", 5*3600))
	if mustSealUser(t, ring, now, zoned) != mustSealUser(t, ring, now, userToken()) {
		t.Error("the zone of a time changes the token")
	}
}

func TestSealRefusesWhatNoTokenMaySay(t *testing.T) {
	ring := newTestRing(t)
	changes := map[string]func(*UserToken){
		"no namespace":            func(u *UserToken) { u.Namespace = "" },
		"no product code":         func(u *UserToken) { u.Code = "" },
		"no customer":             func(u *UserToken) { u.Customer = "" },
		"revision 0":              func(u *UserToken) { u.Revision = 0 },
		"a negative revision":     func(u *UserToken) { u.Revision = -1 },
		"too large a revision":    func(u *UserToken) { u.Revision = math.MaxInt32 + 1 },
		"the year 10000":          func(u *UserToken) { u.ExpirationTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a year before the first": func(u *UserToken) { u.IssueTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a text too long to open": func(u *UserToken) { u.Activation = strings.Repeat("a", 6200) },
		"a payload too long":      func(u *UserToken) { u.Activation = strings.Repeat("a", maxSealed) },
	}
	for name, change := range changes {
		token := userToken()
		change(&token)
		if text, err := ring.SealUserToken(now, token); err == nil || text != "" {
			t.Errorf("%s: sealed", name)
		}
	}
	for _, token := range []ProductToken{{}, {Namespace: "acme"}, {Code: "774F4FF8"}} {
		if text, err := ring.SealProductToken(now, token); err == nil || text != "" {
			t.Errorf("%+v: sealed", token)
		}
	}
}

func TestTheLengthOfATokenTellsNoName(t *testing.T) {
	ring := newTestRing(t)
	for _, length := range []int{1, 20, 63} {
		name := strings.Repeat("n", length)
		if got := len(mustSealProduct(t, ring, now, ProductToken{Namespace: name, Code: "774F4FF8"})); got != 326 {
			t.Errorf("a product token for a name of %d has %d characters, want 326", length, got)
		}
		if got := len(mustSealUser(t, ring, now, UserToken{Namespace: name, Code: "774F4FF8", Customer: name, Activation: name, Revision: 1})); got != 407 {
			t.Errorf("a user token for names of %d has %d characters, want 407", length, got)
		}
	}
	for length := 1; length < 600; length++ {
		if got := len(appendProductPayload(nil, ProductToken{Namespace: strings.Repeat("n", length), Code: "C"})); got%paddingStep != 0 {
			t.Fatalf("a payload for a name of %d has %d bytes", length, got)
		}
	}
}

func TestEveryChangedCharacterOfATokenIsRefused(t *testing.T) {
	ring := newTestRing(t)
	refused := func(err error) bool {
		return errors.Is(err, ErrMalformed) || errors.Is(err, ErrUnknownVersion) || errors.Is(err, ErrForged)
	}
	for name, text := range map[string]string{
		"user": mustSealUser(t, ring, now, userToken()),
		// Its base64 ends in a padding, so its last character has unused bits.
		"product": mustSealProduct(t, ring, now, ProductToken{Namespace: "acme", Code: "774F4FF8"}),
	} {
		open := func(s string) error { _, err := ring.OpenUserToken(s); return err }
		if name == "product" {
			open = func(s string) error { _, err := ring.OpenProductToken(s); return err }
		}
		if err := open(text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mutations(text, func(changed string) {
			if err := open(changed); !refused(err) {
				t.Errorf("%s: a changed token gives %v:\n%q", name, err, changed)
			}
		})
		for cut := range len(text) {
			if err := open(text[:cut]); !refused(err) {
				t.Errorf("%s: cut to %d characters it gives %v", name, cut, err)
			}
			if err := open(text[:cut] + "\n" + text[cut:]); !refused(err) {
				t.Errorf("%s: with a line break at %d it gives %v", name, cut, err)
			}
		}
	}
}

func TestTokensOpenForTheirPurposeOnly(t *testing.T) {
	ring := newTestRing(t)
	user := mustSealUser(t, ring, now, userToken())
	product := mustSealProduct(t, ring, now, ProductToken{Namespace: "acme", Code: "774F4FF8"})
	userBody := strings.TrimPrefix(user, userTokenPrefix)
	productBody := strings.TrimPrefix(product, productTokenPrefix)
	cases := map[string]struct {
		text string
		want error
	}{
		"another kind's prefix":         {product, ErrMalformed},
		"a product token's content":     {userTokenPrefix + productBody, ErrForged},
		"no prefix":                     {userBody, ErrMalformed},
		"the prefix twice":              {userTokenPrefix + user, ErrMalformed},
		"the prefix in other letters":   {"{usertoken}" + userBody, ErrMalformed},
		"nothing":                       {"", ErrMalformed},
		"nothing but the prefix":        {userTokenPrefix, ErrMalformed},
		"too long":                      {userTokenPrefix + strings.Repeat("A", MaxTokenLength), ErrMalformed},
		"blanks for plus signs":         {userTokenPrefix + strings.Replace(userBody, userBody[20:21], " ", 1), ErrMalformed},
		"the URL alphabet":              {userTokenPrefix + "-_" + userBody[2:], ErrMalformed},
		"a version that isn't there":    {userTokenPrefix + "Yw" + userBody[2:], ErrUnknownVersion},
		"content of no known structure": {userTokenPrefix + sealRaw(t, ring, userTokenPurpose, []byte("{}")), ErrMalformed},
	}
	for name, c := range cases {
		if got, err := ring.OpenUserToken(c.text); !errors.Is(err, c.want) || got != (UserToken{}) {
			t.Errorf("%s: got %+v, %v; want %v", name, got, err, c.want)
		}
	}
	if _, err := ring.OpenProductToken(productTokenPrefix + userBody); !errors.Is(err, ErrForged) {
		t.Errorf("a user token's content opens as a product token: %v", err)
	}
	if _, err := ring.OpenProductToken(productTokenPrefix + sealRaw(t, ring, productTokenPurpose, nil)); !errors.Is(err, ErrMalformed) {
		t.Errorf("an empty content opens as a product token: %v", err)
	}
}

func TestATokenExpires(t *testing.T) {
	token := userToken()
	if token.Expired(token.ExpirationTime.Add(-1)) || !token.Expired(token.ExpirationTime) {
		t.Error("the token does not expire at its expiration time")
	}
	token.ExpirationTime = time.Time{}
	if token.Expired(now.AddDate(5000, 0, 0)) {
		t.Error("a token without an expiration time expires")
	}
}
