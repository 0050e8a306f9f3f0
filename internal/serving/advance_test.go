// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAFreshBundle(t *testing.T) {
	b, changes := mustAdvance(t, nil, now, "Other.Example.", "*.example")
	if diff := cmp.Diff([]change{changeCreated}, changes); diff != "" {
		t.Errorf("changes:\n%s", diff)
	}
	ca, leaf := b.authorities[0].cert, b.leaf.Leaf
	type facts struct {
		CN                  string
		NotBefore, NotAfter time.Time
		IsCA, Basic, Zero   bool
		Usage               x509.KeyUsage
		Extended            []x509.ExtKeyUsage
		DNS                 []string
		IPs                 string
	}
	factsOf := func(c *x509.Certificate) facts {
		return facts{
			c.Subject.CommonName, c.NotBefore, c.NotAfter, c.IsCA, c.BasicConstraintsValid, c.MaxPathLenZero,
			c.KeyUsage, c.ExtKeyUsage, c.DNSNames, fmt.Sprint(c.IPAddresses),
		}
	}
	wantCA := facts{
		CN: "license-operator CA", NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, Basic: true, Zero: true, Usage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IPs: "[]",
	}
	if diff := cmp.Diff(wantCA, factsOf(ca)); diff != "" {
		t.Errorf("CA:\n%s", diff)
	}
	wantLeaf := facts{
		CN: "license-operator", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * day),
		Basic: true, Usage: x509.KeyUsageDigitalSignature, Extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNS: []string{"*.example", hostname, "other.example"}, IPs: "[127.0.0.1]",
	}
	if diff := cmp.Diff(wantLeaf, factsOf(leaf)); diff != "" {
		t.Errorf("certificate:\n%s", diff)
	}
	for _, host := range []string{hostname, "other.example", "any.example", "127.0.0.1"} {
		if err := verifyAsClient(b.CAPEM(), b, host, now.Add(-59*time.Minute)); err != nil {
			t.Errorf("a client with a slow clock refuses %s: %v", host, err)
		}
	}
	if bits := ca.SerialNumber.BitLen(); bits > 128 || bits < 64 {
		t.Errorf("the serial number of the CA has %d bits", bits)
	}
}

// Whoever has read the CA bundle in the last PublishDelay can verify what is
// served, through 11 years and so through one change of the CA.
func TestNoClientIsLeftBehindInElevenYears(t *testing.T) {
	const step = day
	published := map[time.Time][]byte{}
	issuers, serials, most := map[string]bool{}, map[string]bool{}, 0
	var b *Bundle
	for at := now; at.Before(now.AddDate(11, 0, 0)); at = at.Add(step) {
		next, changes := mustAdvance(t, b, at)
		if (next != b) != (len(changes) > 0) {
			t.Fatalf("at %s changes don't tell the truth: %v", at, changes)
		}
		if b = next; len(changes) > 0 {
			// As another replica reads it.
			var err error
			if b, err = Parse(mustData(t, b)); err != nil {
				t.Fatalf("at %s: %v", at, err)
			}
		}
		published[at] = b.CAPEM()
		for _, client := range []struct{ ago, skew time.Duration }{{ago: day}, {skew: -time.Hour}, {ago: PublishDelay, skew: time.Hour}} {
			caPEM, ok := published[at.Add(-client.ago)]
			if !ok {
				continue // That was before the start.
			}
			if err := verifyAsClient(caPEM, b, hostname, at.Add(client.skew)); err != nil {
				t.Fatalf("at %s, with the CA bundle of %s ago and a clock that is off by %s: %v", at, client.ago, client.skew, err)
			}
		}
		delete(published, at.Add(-PublishDelay))
		if left := b.leaf.Leaf.NotAfter.Sub(at); left < 30*day {
			t.Fatalf("at %s only %s are left", at, left)
		}
		keys := 0
		for _, a := range b.authorities {
			if a.key != nil {
				keys++
			}
		}
		if keys > 2 || (keys == 2 && at.Sub(b.authorities[1].cert.NotBefore) > PublishDelay+backdate) {
			t.Fatalf("at %s there are %d CA keys", at, keys)
		}
		if issuerSerial(b) != b.authorities[0].cert.Subject.SerialNumber {
			t.Fatalf("at %s the CA that signs is not the first", at)
		}
		issuers[issuerSerial(b)], serials[serial(b)] = true, true
		most = max(most, len(b.authorities))
	}
	if len(issuers) != 2 || most != 2 || len(b.authorities) != 1 {
		t.Errorf("%d CAs have signed, at most %d and in the end %d were trusted; want 2, 2 and 1", len(issuers), most, len(b.authorities))
	}
	// A certificate serves for two thirds of 90 days.
	if n := len(serials); n < 65 || n > 70 {
		t.Errorf("%d certificates in 11 years", n)
	}
}

func TestWhatIsDueAndWhen(t *testing.T) {
	fresh, _ := mustAdvance(t, nil, now)
	leafDue := fresh.leaf.Leaf.NotAfter.Add(-(90*day + time.Hour) / 3)
	ca := fresh.authorities[0].cert
	caDue := ca.NotAfter.Add(-ca.NotAfter.Sub(ca.NotBefore) / 10)
	beforeCA, _ := mustAdvance(t, fresh, caDue.Add(-time.Second))
	overlap, _ := mustAdvance(t, beforeCA, caDue)
	foreign, _ := mustAdvance(t, nil, now)
	foreign = &Bundle{authorities: fresh.authorities, leaf: foreign.leaf}

	cases := map[string]struct {
		from  *Bundle
		at    time.Time
		names []string
		want  []change
	}{
		"nothing just after the start":                    {from: fresh, at: now},
		"nothing before a third of the life is left":      {from: fresh, at: leafDue.Add(-time.Second)},
		"the certificate when a third is left":            {from: fresh, at: leafDue, want: []change{changeLeafTime}},
		"the certificate after it has expired":            {from: fresh, at: now.Add(200 * day), want: []change{changeLeafTime}},
		"a new name":                                      {from: fresh, at: now, names: []string{"b.example"}, want: []change{changeLeafNames}},
		"a certificate that another CA has signed":        {from: foreign, at: now, want: []change{changeLeafUnsigned}},
		"a certificate that is not valid yet":             {from: fresh, at: now.Add(-61 * time.Minute), want: []change{changeCARenewed, changeLeafUnsigned}},
		"the CA when a tenth is left":                     {from: beforeCA, at: caDue, want: []change{changeCARenewed}},
		"both when the CA has ten days left":              {from: fresh, at: ca.NotAfter.Add(-10 * day), want: []change{changeCARenewed, changeLeafTime}},
		"both when the CA has a minute left":              {from: fresh, at: ca.NotAfter.Add(-time.Minute), want: []change{changeCARenewed, changeKeyRemoved, changeLeafTime}},
		"nothing while the next CA waits":                 {from: overlap, at: caDue.Add(29 * day)},
		"the next CA signs after the delay":               {from: overlap, at: caDue.Add(30 * day), want: []change{changeKeyRemoved, changeLeafIssuer}},
		"a name while the next CA waits":                  {from: overlap, at: caDue.Add(day), names: []string{"b.example"}, want: []change{changeLeafNames}},
		"everything after the CA has expired unattended":  {from: fresh, at: ca.NotAfter, want: []change{changeCARemoved, changeCARenewed, changeLeafTime}},
		"the next CA when the old one expired unattended": {from: overlap, at: ca.NotAfter, want: []change{changeCARemoved, changeLeafTime}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			next, changes := mustAdvance(t, tc.from, tc.at, tc.names...)
			if diff := cmp.Diff(tc.want, changes); diff != "" {
				t.Errorf("changes:\n%s", diff)
			}
			for _, host := range append(tc.names, hostname) {
				if err := verifyAsClient(next.CAPEM(), next, host, tc.at); err != nil {
					t.Errorf("a client refuses %s: %v", host, err)
				}
			}
			if leaf, issuer := next.leaf.Leaf, next.authorities[0].cert; leaf.NotAfter.After(issuer.NotAfter) {
				t.Errorf("the certificate ends at %s, its CA already at %s", leaf.NotAfter, issuer.NotAfter)
			}
			if again, more := mustAdvance(t, next, tc.at, tc.names...); again != next {
				t.Errorf("it is not at rest: %v", more)
			}
		})
	}
	if issuerSerial(overlap) != issuerSerial(fresh) {
		t.Error("the next CA signs at once")
	}
}

func TestReplicasWithDifferentNamesDoNotFight(t *testing.T) {
	b, _ := mustAdvance(t, nil, now, "a.example")
	b, _ = mustAdvance(t, b, now, "b.example")
	for _, name := range []string{"a.example", "b.example"} {
		if _, changes := mustAdvance(t, b, now, name); len(changes) > 0 {
			t.Errorf("%s is taken away: %v", name, changes)
		}
	}
	renewed, _ := mustAdvance(t, b, now.Add(80*day), "b.example")
	if diff := cmp.Diff([]string{"b.example", hostname}, renewed.leaf.Leaf.DNSNames); diff != "" {
		t.Errorf("names after renewal by time:\n%s", diff)
	}
}

// One replica's clock is two hours ahead. Each CA has a NotBefore of its maker.
func TestReplicasWhoseClocksDifferEndWithOneCA(t *testing.T) {
	ahead, _ := mustAdvance(t, nil, now.Add(2*time.Hour))
	b, _ := mustAdvance(t, ahead, now)
	for range 3 {
		var changes []change
		if b, changes = mustAdvance(t, b, now.Add(2*time.Hour)); len(changes) > 0 {
			t.Errorf("the replica that is ahead: %v", changes)
		}
		if b, changes = mustAdvance(t, b, now); len(changes) > 0 {
			t.Errorf("the replica that is behind: %v", changes)
		}
	}
}

func TestARandomSourceThatFails(t *testing.T) {
	broken := errors.New("no randomness")
	_, _, err := (*Bundle)(nil).advance(now, names{dns: []string{hostname}}, iotest.ErrReader(broken))
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	fresh, _ := mustAdvance(t, nil, now)
	if _, _, err := fresh.advance(now.Add(80*day), names{dns: []string{hostname}}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

func TestSerialNumbersDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		ca, err := newAuthority(now, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		seen[ca.cert.SerialNumber.String()] = true
		seen[ca.cert.Subject.String()] = true
	}
	if len(seen) != 40 {
		t.Errorf("%d different serial numbers and subjects of 20 CAs, want 40", len(seen))
	}
}

// A CA that somebody put there, which may not sign for the wanted name.
func TestACAThatMayNotSignIsNotUsedAgainAndAgain(t *testing.T) {
	key, serial, err := newKeyAndSerial(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: now, NotAfter: now.AddDate(10, 0, 0), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign, PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"elsewhere.example"},
	}
	cert, err := sign(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	good, _ := mustAdvance(t, nil, now)
	b := &Bundle{authorities: []authority{{cert: cert, key: key}}, leaf: good.leaf}
	if _, _, err := b.advance(now, names{dns: []string{hostname}}, rand.Reader); err == nil {
		t.Error("it signs")
	}
	if _, _, err := b.advance(now, names{dns: []string{"www.elsewhere.example"}}, rand.Reader); err != nil {
		t.Errorf("it does not sign what it may: %v", err)
	}
}
