// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/webhook/query"
)

// allReadings lists, in the plainest way, how a string can be read under a
// rule for acceptance. It stops at limit.
func allReadings(text string, rules []query.Rule, accept func(*query.Rule, string) bool, limit int) [][]query.Parameter {
	var found [][]query.Parameter
	var read func(text string, rules []query.Rule, so []query.Parameter)
	read = func(text string, rules []query.Rule, so []query.Parameter) {
		if len(found) >= limit {
			return
		}
		if text == "" && len(so) > 0 && noneRequired(rules) {
			dates := 0
			for _, p := range so {
				if p.Name == "Timestamp" || p.Name == "Expires" {
					dates++
				}
			}
			if dates == 1 {
				found = append(found, slices.Clone(so))
			}
		}
		for i := range rules {
			if rest, ok := strings.CutPrefix(text, rules[i].Name); ok {
				for end := 0; end <= len(rest); end++ {
					if accept(&rules[i], rest[:end]) {
						read(rest[end:], rules[i+1:], append(slices.Clone(so), query.Parameter{Name: rules[i].Name, Value: rest[:end]}))
					}
				}
			}
			if rules[i].Required {
				return
			}
		}
	}
	read(text, rules, nil)
	return found
}

// asServer accepts what the server acts upon, whatever signed it.
func asServer(rule *query.Rule, value string) bool { return rule.Accepts(value) }

// TestCountReadings compares the count with the plain list, for rules that
// are made to be ambiguous.
func TestCountReadings(t *testing.T) {
	only := func(alphabet string) func(string) bool {
		return func(s string) bool { return strings.Trim(s, alphabet) == "" }
	}
	rules := []query.Rule{
		{Name: "a", Accepts: only("abcx")},
		{Name: "ab", Accepts: only("x")},
		{Name: "b", Required: true, Accepts: only("abc")},
		{Name: "Expires", Accepts: only("x")},
		{Name: "Timestamp", Accepts: only("xc")},
		{Name: "x", Accepts: only("x")},
	}
	pieces := []string{"a", "b", "c", "x", "ab", "Timestamp", "Expires"}
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[int]int{}
	for range 200_000 {
		var text strings.Builder
		for range 1 + random.IntN(9) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		want := len(allReadings(text.String(), rules, acceptable, tooMany))
		if got := countReadings(text.String(), rules); got != want {
			t.Fatalf("countReadings(%q) = %d, want %d", text.String(), got, want)
		}
		seen[want]++
	}
	for n := range 3 {
		if seen[n] < 100 {
			t.Errorf("only %d strings had %d readings: the test proves too little", seen[n], n)
		}
	}
}

func TestCountReadingsIsBounded(t *testing.T) {
	rules := query.Actions[5].SignedRules()
	base := "ActionRefreshUserToken"
	if got := countReadings(base+strings.Repeat("Version", maxPlaces+1), rules); got != tooMany {
		t.Errorf("with too many places: %d, want %d", got, tooMany)
	}
	always := func(string) bool { return true }
	easy := []query.Rule{{Name: "a", Accepts: always}, {Name: "b", Accepts: always}, {Name: "c", Accepts: func(string) bool { return false }}}
	if got := countReadings("a"+strings.Repeat(strings.Repeat("z", 60_000)+"b", 90), easy); got != tooMany {
		t.Errorf("with too many bytes to read: %d, want %d", got, tooMany)
	}
	if got := countReadings("", rules); got != 0 {
		t.Errorf("the empty string has %d readings, want 0", got)
	}
}

// corpus holds groups of requests with one version 1 string each, and which
// of them is accepted: none or one. The common parameters are added.
var corpus = map[string]struct {
	accepted int // index, or -1
	requests [][]query.Parameter
}{
	"the border of name and value": {0, [][]query.Parameter{
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PAAA", "ProductCode", "774F4FF8"),
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PAAA", "Product", "Code774F4FF8"),
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PAAA", "ProductCode774F4FF8", ""),
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifierPAAA", "", "ProductCode", "774F4FF8"),
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PAAAProductCode774F4FF8"),
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifierPAAAProductCode", "774F4FF8"),
	}},
	"a name cut short": {0, [][]query.Parameter{
		parameters("Action", "GetActiveSubscriptionsByPid", "PersistentIdentifier", "PAAA"),
		parameters("Action", "GetActiveSubscriptionsByPid", "Persistent", "IdentifierPAAA"),
		parameters("Action", "GetActiveSubscriptionsByPid", "P", "ersistentIdentifierPAAA"),
	}},
	"an optional SignatureMethod and a product token": {0, [][]query.Parameter{
		parameters("Action", "ActivateHostedProduct", "ActivationKey", "AAAA", "ProductToken", "{ProductToken}AAAA", "SignatureMethod", "HmacSHA1"),
		parameters("Action", "ActivateHostedProduct", "ActivationKey", "AAAA", "ProductToken", "{ProductToken}AAAASignatureMethodHmacSHA1"),
	}},
	"an optional SignatureMethod and a product code": {0, [][]query.Parameter{
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PAAA", "ProductCode", "77", "SignatureMethod", "HmacSHA1"),
		parameters("Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "PAAA", "ProductCode", "77SignatureMethodHmacSHA1"),
	}},
	"an optional TokenExpiration and a version": {0, [][]query.Parameter{
		parameters("Action", "ActivateHostedProduct", "ActivationKey", "AAAA", "ProductToken", "{ProductToken}AAAA", "TokenExpiration", "P1D", "Version", "2008-04-28"),
		parameters("Action", "ActivateHostedProduct", "ActivationKey", "AAAA", "ProductToken", "{ProductToken}AAAA", "TokenExpiration", "P1DVersion2008-04-28"),
		parameters("Action", "ActivateHostedProduct", "ActivationKey", "AAAA", "ProductToken", "{ProductToken}AAAA", "TokenExpirationP1DVersion", "2008-04-28"),
	}},
	"a user token and an empty version": {-1, [][]query.Parameter{
		parameters("Action", "RefreshUserToken", "UserToken", "{UserToken}AAAA", "Version", ""),
		parameters("Action", "RefreshUserToken", "UserToken", "{UserToken}AAAAVersion"),
	}},
	"a user token and a version": {0, [][]query.Parameter{
		parameters("Action", "RefreshUserToken", "UserToken", "{UserToken}AAAA", "Version", "2008-04-28"),
		parameters("Action", "RefreshUserToken", "UserToken", "{UserToken}AAAAVersion2008-04-28"),
	}},
	"a literal that is a name": {0, [][]query.Parameter{
		parameters("Action", "RefreshUserToken", "UserToken", "{UserToken}AAAA"),
		parameters("Action", "RefreshUserToken", "UserToken{", "", "UserToken}AAAA", ""),
		parameters("Action", "RefreshUserToken", "UserToken{UserToken", "}AAAA"),
	}},
	"two numbers of additional tokens": {0, [][]query.Parameter{
		parameters("Action", "RefreshUserToken", "AdditionalTokens.10", "{UserToken}AAAA", "UserToken", "{UserToken}AAAA"),
		parameters("Action", "RefreshUserToken", "AdditionalTokens.1", "0{UserToken}AAAA", "UserToken", "{UserToken}AAAA"),
		parameters("Action", "RefreshUserToken", "AdditionalTokens", ".10{UserToken}AAAA", "UserToken", "{UserToken}AAAA"),
	}},
	"one additional token or two": {0, [][]query.Parameter{
		parameters("Action", "RefreshUserToken", "AdditionalTokens", "{UserToken}AAAA", "AdditionalTokens.1", "{ProductToken}BB", "UserToken", "{UserToken}AAAA"),
		parameters("Action", "RefreshUserToken", "AdditionalTokens", "{UserToken}AAAAAdditionalTokens.1{ProductToken}BB", "UserToken", "{UserToken}AAAA"),
	}},
	"tokens that run into each other": {0, [][]query.Parameter{
		parameters("Action", "VerifyProductSubscriptionByTokens", "ProductToken", "{ProductToken}AAAA", "UserToken", "{UserToken}BBBB"),
		parameters("Action", "VerifyProductSubscriptionByTokens", "ProductToken{", "ProductToken}AAAA", "UserToken", "{UserToken}BBBB"),
		parameters("Action", "VerifyProductSubscriptionByTokens", "ProductToken{ProductToken}AAAA", "", "UserToken", "{UserToken}BBBB"),
	}},
}

func TestCollisionCorpus(t *testing.T) {
	v := NewVerifier(testKeys)
	for name, group := range corpus {
		t.Run(name, func(t *testing.T) {
			text := ""
			for i, list := range group.requests {
				signed := sign(t, signers["version 1"], "GET", list)
				if i == 0 {
					text = string(stringToSign1(signed))
				}
				if got := string(stringToSign1(signed)); got != text {
					t.Fatalf("request %d has the string\n%s, want\n%s", i, got, text)
				}
				if err := verify(v, signed); (err == nil) != (i == group.accepted) {
					t.Errorf("request %d: Verify() = %v, want accepted %t", i, err, i == group.accepted)
				}
			}
		})
	}
}

// hostile returns a random request whose values are well-formed and made to
// run into what follows them.
func hostile(random *rand.Rand) []query.Parameter {
	signed := slices.DeleteFunc(slices.Clone(query.Actions), func(a *query.Action) bool { return !a.IsSigned() })
	action := signed[random.IntN(len(signed))]
	rules := action.SignedRules()
	list := parameters("Action", action.Name, "SignatureVersion", "1")
	dates := []string{"Timestamp", "Expires"}
	list = append(list, query.Parameter{Name: dates[random.IntN(2)], Value: "2008-05-19T12:00:01Z"})
	for i := range rules {
		rule := &rules[i]
		if slices.Contains([]string{"Action", "SignatureVersion", "Timestamp", "Expires"}, rule.Name) || !rule.Required && random.IntN(2) == 0 {
			continue
		}
		for {
			value := bait(random, rules)
			if rule.Name == "AWSAccessKeyId" {
				value = testID + value
			}
			if rule.Accepts(value) {
				list = append(list, query.Parameter{Name: rule.Name, Value: value})
				break
			}
		}
	}
	return list
}

// bait returns something that one of the grammars may accept.
func bait(random *rand.Rand, rules []query.Rule) string {
	starts := []string{"", "{UserToken}", "{ProductToken}", "2008-04-28", "P1D", "60", "HmacSHA1", "77", "PA", "2008-05-19T12:00:00"}
	value := starts[random.IntN(len(starts))]
	for range random.IntN(4) {
		switch random.IntN(4) {
		case 0:
			value += rules[random.IntN(len(rules))].Name
		case 1:
			value += []string{"HmacSHA1", "HmacSHA256", "1", "Z", "=", ".1", "0"}[random.IntN(7)]
		default:
			value += string("ABZ019"[random.IntN(6)])
		}
	}
	return value
}

// atMostOne fails if two readings of one string are both accepted.
func atMostOne(t *testing.T, v *Verifier, text, signature string, rules []query.Rule) (readings, accepted int) {
	all := allReadings(text, rules, asServer, 20)
	for _, reading := range all {
		if verify(v, append(reading, query.Parameter{Name: "Signature", Value: signature})) == nil {
			accepted++
		}
	}
	if accepted > 1 {
		t.Fatalf("%d readings of one string are accepted: %s", accepted, text)
	}
	return len(all), accepted
}

func TestNoTwoRequestsOfOneStringAreAccepted(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	ambiguous, accepted := 0, 0
	for range 8_000 {
		list := hostile(random)
		in := Input{Parameters: list}
		id := in.get("AWSAccessKeyId")
		v := NewVerifier(keys{id: {Secret: testSecret}})
		action := slices.IndexFunc(query.Actions, func(a *query.Action) bool { return a.Name == in.get("Action") })
		n, ok := atMostOne(t, v, string(stringToSign1(list)), SignV1(testSecret, list), query.Actions[action].SignedRules())
		if n == 0 {
			t.Fatalf("the request has no reading: %v", list)
		}
		if n > 1 {
			ambiguous++
		}
		accepted += ok
	}
	if ambiguous < 100 || accepted < 1_000 {
		t.Errorf("of 8000 strings %d were ambiguous and %d accepted: the test proves too little", ambiguous, accepted)
	}
}

func FuzzVersion1Split(f *testing.F) {
	for _, list := range genuine {
		signed := sign(f, signers["version 1"], "GET", list)
		for i, action := range query.Actions {
			if action.Name == list[0].Value {
				f.Add(uint8(i), string(stringToSign1(signed)))
			}
		}
	}
	f.Add(uint8(5), "ActionRefreshUserTokenAWSAccessKeyId"+testID+"SignatureVersion1Timestamp2008-05-19T12:00:00UserToken{UserToken}AAAAVersion")
	f.Fuzz(func(t *testing.T, index uint8, text string) {
		action := query.Actions[int(index)%len(query.Actions)]
		if len(text) > 600 || !action.IsSigned() {
			return
		}
		rules := action.SignedRules()
		want := len(allReadings(text, rules, acceptable, tooMany))
		if got := countReadings(text, rules); got != want {
			t.Fatalf("countReadings(%q) = %d, want %d", text, got, want)
		}
		signature := string(appendMAC(nil, sha1.New, testSecret, []byte(text)))
		atMostOne(t, NewVerifier(testKeys), text, signature, rules)
	})
}

func BenchmarkCountReadings(b *testing.B) {
	for _, name := range []string{"by PID", "refresh with tokens"} {
		b.Run(fmt.Sprintf("%d-parameters", len(genuine[name])), func(b *testing.B) {
			list := genuine[name]
			text := string(stringToSign1(sign(b, signers["version 1"], "GET", list)))
			action := slices.IndexFunc(query.Actions, func(a *query.Action) bool { return a.Name == list[0].Value })
			rules := query.Actions[action].SignedRules()
			for b.Loop() {
				if countReadings(text, rules) != 1 {
					b.Fatal("not one reading")
				}
			}
		})
	}
}
