// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

func consumptionToken() ConsumptionToken {
	return ConsumptionToken{
		Namespace: "acme", Subscription: "initech", ID: "abcdefghijklmnopqrstuvwxy2",
		Block: 3, Sequence: 1234567, Type: v1alpha1.CheckoutProvisional,
	}
}

func mustSealConsumption(t testing.TB, ring *Keyring, at time.Time, token ConsumptionToken) string {
	t.Helper()
	text, err := ring.SealConsumptionToken(at, token)
	if err != nil {
		t.Fatalf("SealConsumptionToken: %v", err)
	}
	return text
}

func changedConsumption(change func(*ConsumptionToken)) ConsumptionToken {
	token := consumptionToken()
	change(&token)
	return token
}

// Programs keep these texts for as long as they hold seats.
func TestConsumptionTokensNeverChange(t *testing.T) {
	const golden = "lct_AYi8L1jrTlMS4y8mGOCHu9-9EH459qZN7f4fisGu2KXWhtyRKwyMrnTZAEuuMTy5o98mgXMuOmuh-VgIdfYljXOo" +
		"1Z14OEnd-1Luvl-Wo0E306CyfppQUKUyTL-_2K4Rnk0pQX7Bzm6CaRsr3xu4EQYRNEgrFObfBS44oqwqCySpOfBLRb_BxKxZc74Ahivq9_So" +
		"Rbbz8DCypYJiNyyecS3RYsA2K7S0KQ"
	if got := mustSealConsumption(t, newTestRing(t), now, consumptionToken()); got != golden {
		t.Errorf("the consumption token changed:\n%s", got)
	}
}

func TestConsumptionTokensComeBack(t *testing.T) {
	ring := newTestRing(t)
	form := regexp.MustCompile(`^lct_[A-Za-z0-9_-]+$`)
	for name, want := range map[string]ConsumptionToken{
		"usual":              consumptionToken(),
		"perpetual":          changedConsumption(func(c *ConsumptionToken) { c.Type = v1alpha1.CheckoutPerpetual }),
		"borrowed":           changedConsumption(func(c *ConsumptionToken) { c.Type = v1alpha1.CheckoutBorrow }),
		"the smallest":       {Namespace: "a", Subscription: "b", ID: "c", Type: v1alpha1.CheckoutBorrow},
		"the largest number": changedConsumption(func(c *ConsumptionToken) { c.Block, c.Sequence = math.MaxInt32, math.MaxInt64 }),
		"long names": changedConsumption(func(c *ConsumptionToken) {
			c.Namespace, c.Subscription = strings.Repeat("n", 63), strings.Repeat("s", 63)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			text := mustSealConsumption(t, ring, now, want)
			if !form.MatchString(text) {
				t.Errorf("%q needs escaping somewhere", text)
			}
			if limit := map[bool]int{true: 320, false: 230}[name == "long names"]; len(text) > limit {
				t.Errorf("it has %d characters", len(text))
			}
			got, err := ring.OpenConsumptionToken(text)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if again := mustSealConsumption(t, ring, now, want); again != text {
				t.Error("sealed again it is another text")
			}
		})
	}
}

func TestEveryPartOfAConsumptionTokenCounts(t *testing.T) {
	ring := newTestRing(t)
	seen := map[string]string{}
	for name, token := range map[string]ConsumptionToken{
		"usual":                consumptionToken(),
		"another namespace":    changedConsumption(func(c *ConsumptionToken) { c.Namespace = "acm" }),
		"a shifted boundary":   changedConsumption(func(c *ConsumptionToken) { c.Namespace, c.Subscription = "acmei", "nitech" }),
		"another Subscription": changedConsumption(func(c *ConsumptionToken) { c.Subscription = "globex" }),
		"another id":           changedConsumption(func(c *ConsumptionToken) { c.ID = "other" }),
		"another block":        changedConsumption(func(c *ConsumptionToken) { c.Block = 4 }),
		"another sequence":     changedConsumption(func(c *ConsumptionToken) { c.Sequence = 4 }),
		"another type":         changedConsumption(func(c *ConsumptionToken) { c.Type = v1alpha1.CheckoutBorrow }),
	} {
		text := mustSealConsumption(t, ring, now, token)
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the text of %s", name, other)
		}
		seen[text] = name
	}
}

func TestSealRefusesWhatNoCheckoutIs(t *testing.T) {
	ring := newTestRing(t)
	for name, change := range map[string]func(*ConsumptionToken){
		"no namespace":        func(c *ConsumptionToken) { c.Namespace = "" },
		"no Subscription":     func(c *ConsumptionToken) { c.Subscription = "" },
		"no id":               func(c *ConsumptionToken) { c.ID = "" },
		"a negative block":    func(c *ConsumptionToken) { c.Block = -1 },
		"a negative sequence": func(c *ConsumptionToken) { c.Sequence = -1 },
		"no type":             func(c *ConsumptionToken) { c.Type = "" },
		"an unknown type":     func(c *ConsumptionToken) { c.Type = "PROVISIONAL" },
		"too long a name":     func(c *ConsumptionToken) { c.ID = strings.Repeat("i", maxConsumptionToken) },
		"much too long":       func(c *ConsumptionToken) { c.ID = strings.Repeat("i", maxSealed) },
	} {
		if text, err := ring.SealConsumptionToken(now, changedConsumption(change)); err == nil || text != "" {
			t.Errorf("%s: sealed", name)
		}
	}
}

func TestOpenConsumptionTokenRefusesAnythingElse(t *testing.T) {
	ring := newTestRing(t)
	text := mustSealConsumption(t, ring, now, consumptionToken())
	body := strings.TrimPrefix(text, consumptionTokenPrefix)
	if _, err := ring.OpenConsumptionToken(text); err != nil {
		t.Fatal(err)
	}
	refused := func(what, token string) {
		if got, err := ring.OpenConsumptionToken(token); err == nil || got != (ConsumptionToken{}) {
			t.Errorf("%s opens: %q", what, token)
		} else {
			checkRefusal(t, err)
		}
	}
	mutations(text, func(changed string) { refused("a changed token", changed) })
	for cut := range len(text) {
		refused("a cut token", text[:cut])
		for _, blank := range []string{"\n", "\r", " ", "="} {
			refused("a token with a blank", text[:cut]+blank+text[cut:])
		}
	}
	sealedFor := func(purpose string, payload []byte) string {
		return consumptionTokenPrefix + strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(sealRaw(t, ring, purpose, payload))
	}
	payload := appendConsumptionPayload(nil, consumptionToken())
	if _, err := ring.OpenConsumptionToken(sealedFor(consumptionTokenPurpose, payload)); err != nil {
		t.Fatalf("the test's own sealing doesn't open: %v", err)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":                    {"", ErrMalformed},
		"the prefix alone":           {consumptionTokenPrefix, ErrMalformed},
		"no prefix":                  {body, ErrMalformed},
		"the prefix twice":           {consumptionTokenPrefix + text, ErrUnknownVersion},
		"a line break at the end":    {text + "\n", ErrMalformed},
		"a padding":                  {text + "=", ErrMalformed},
		"the standard alphabet":      {consumptionTokenPrefix + "+/" + body[2:], ErrMalformed},
		"too long":                   {consumptionTokenPrefix + strings.Repeat("A", maxConsumptionToken), ErrMalformed},
		"a version that isn't there": {consumptionTokenPrefix + "Yw" + body[2:], ErrUnknownVersion},
		"another purpose":            {sealedFor(userTokenPurpose, payload), ErrForged},
		"a user token's content":     {sealedFor(consumptionTokenPurpose, appendUserPayload(nil, userToken())), ErrMalformed},
		"no content":                 {sealedFor(consumptionTokenPurpose, nil), ErrMalformed},
		"a user token":               {mustSealUser(t, ring, now, userToken()), ErrMalformed},
	} {
		if _, err := ring.OpenConsumptionToken(c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := ring.OpenUserToken(userTokenPrefix + sealRaw(t, ring, consumptionTokenPurpose, payload)); !errors.Is(err, ErrForged) {
		t.Errorf("a consumption token opens as a user token: %v", err)
	}
}

func TestARepeatedCheckoutHasItsTokenAfterARotation(t *testing.T) {
	ring, granted := newTestRing(t), now
	first := mustSealConsumption(t, ring, granted, consumptionToken())
	if again := mustSealConsumption(t, ring, granted, consumptionToken()); again != first {
		t.Error("by the time of the grant it is another token")
	}
	later := mustSealConsumption(t, ring, now.Add(2*time.Hour), consumptionToken())
	if later == first {
		t.Error("the next version seals the same text")
	}
	for _, text := range []string{first, later} {
		if got, err := ring.OpenConsumptionToken(text); err != nil || got != consumptionToken() {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
