// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// The vectors of version 1 come from the service's documentation and from a
// client of the time, that of version 2 from AWS's documentation of signing.
func TestVectors(t *testing.T) {
	one := parameters("Action", "CreateQueue", "AWSAccessKeyId", "0A8BDF2G9KCB3ZNKFA82", "Expires", "2007-01-12T12:00:00Z",
		"QueueName", "queue2", "SignatureVersion", "1", "Version", "2006-04-01")
	if got, want := string(stringToSign1(one)),
		"ActionCreateQueueAWSAccessKeyId0A8BDF2G9KCB3ZNKFA82Expires2007-01-12T12:00:00ZQueueNamequeue2SignatureVersion1Version2006-04-01"; got != want {
		t.Errorf("the string to sign is %s, want %s", got, want)
	}
	if got, want := SignV1("fake-secret-key", one), "wlv84EOcHQk800Yq6QHgX4AdJfk="; got != want {
		t.Errorf("SignV1() = %s, want %s", got, want)
	}
	two := parameters("Version", "2007-12-01", "Timestamp", "2009-11-11T13:52:38Z", "SignatureVersion", "1", "Signature", "ignored",
		"AWSAccessKeyId", "0PN5J17HBGZHT7JJ3X82", "Action", "ActivateHostedProduct")
	if got, want := string(stringToSign1(two)),
		"ActionActivateHostedProductAWSAccessKeyId0PN5J17HBGZHT7JJ3X82SignatureVersion1Timestamp2009-11-11T13:52:38ZVersion2007-12-01"; got != want {
		t.Errorf("the string to sign is %s, want %s", got, want)
	}
	if got, want := SignV1(testSecret, two), "31Q2YlgABM5X3GkYQpGErcL10Xc="; got != want {
		t.Errorf("SignV1() = %s, want %s", got, want)
	}
	three := parameters("AWSAccessKeyId", "AKIAIOSFODNN7EXAMPLE", "Action", "DescribeJobFlows", "SignatureMethod", "HmacSHA256",
		"SignatureVersion", "2", "Timestamp", "2011-10-03T15:19:30", "Version", "2009-03-31")
	got, err := SignV2("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", HmacSHA256, "GET", "elasticmapreduce.amazonaws.com", "/", three)
	if want := "i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs="; err != nil || got != want {
		t.Errorf("SignV2() = %s, %v, want %s", got, err, want)
	}
}

func TestGenuineRequestsAreAccepted(t *testing.T) {
	v := NewVerifier(testKeys)
	want := testKeys[testID].Principal
	for signer, s := range signers {
		for name, list := range genuine {
			for _, method := range []string{"GET", "POST"} {
				t.Run(signer+", "+name+", "+method, func(t *testing.T) {
					signed := sign(t, s, method, list)
					for encoding, raw := range map[string]string{"escaped": query.Encode(signed), "raw": rawEncode(signed)} {
						rawQuery, body := raw, ""
						if method == "POST" {
							rawQuery, body = "", raw
						}
						r, principal, err := serve(v, method, rawQuery, body)
						if err != nil {
							t.Fatalf("%s: refused: %v", encoding, err)
						}
						if diff := gocmp.Diff(&want, principal); diff != "" {
							t.Errorf("%s: the principal differs (-want +got):\n%s", encoding, diff)
						}
						if diff := gocmp.Diff(signed, r.Parameters); diff != "" {
							t.Errorf("%s: the parameters differ (-want +got):\n%s", encoding, diff)
						}
					}
				})
			}
		}
	}
}

// rawEncode joins parameters without any escape, as some real clients do.
func rawEncode(list []query.Parameter) string {
	var pairs []string
	for _, p := range list {
		pairs = append(pairs, p.Name+"="+p.Value)
	}
	return strings.Join(pairs, "&")
}

// A SignatureMethod beside version 1 is one more signed parameter.
func TestVersion1MayCarryASignatureMethod(t *testing.T) {
	for name, list := range genuine {
		for _, method := range []string{HmacSHA1, HmacSHA256} {
			if err := verify(NewVerifier(testKeys), sign(t, signers["version 1"], "GET", with(list, "SignatureMethod", method))); err != nil {
				t.Errorf("%s with %s: refused: %v", name, method, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	type list = []query.Parameter
	v1, v2 := signers["version 1"], signers["version 2 with SHA256"]
	unsigned := genuine["by PID"]
	resign := func(l list) list { // signs again what with has changed
		l = with(l, "Signature", "-")
		in := Input{Parameters: l}
		if in.get("SignatureVersion") == "1" {
			return with(l, "Signature", SignV1(testSecret, l))
		}
		s, err := SignV2(testSecret, HmacSHA256, "GET", testHost, "/", l)
		if err != nil {
			t.Fatal(err)
		}
		return with(l, "Signature", s)
	}
	tests := map[string]struct {
		list list
		want fault.Kind
	}{
		"no access key id":                       {with(sign(t, v2, "GET", unsigned), "AWSAccessKeyId", "-"), fault.MissingAuthentication},
		"an empty access key id":                 {with(sign(t, v2, "GET", unsigned), "AWSAccessKeyId", ""), fault.MissingAuthentication},
		"no signature":                           {with(sign(t, v2, "GET", unsigned), "Signature", "-"), fault.MissingAuthentication},
		"an empty signature":                     {with(sign(t, v1, "GET", unsigned), "Signature", ""), fault.MissingAuthentication},
		"no credentials at all":                  {unsigned, fault.MissingAuthentication},
		"an unknown key":                         {resign(with(sign(t, v2, "GET", unsigned), "AWSAccessKeyId", "AKIAUNKNOWNUNKNOWN00")), fault.UnknownAccessKey},
		"an unknown key, version 1":              {resign(with(sign(t, v1, "GET", unsigned), "AWSAccessKeyId", "AKIAUNKNOWNUNKNOWN00")), fault.UnknownAccessKey},
		"a very long key id":                     {with(sign(t, v2, "GET", unsigned), "AWSAccessKeyId", strings.Repeat("A", 129)), fault.UnknownAccessKey},
		"another secret":                         {sign(t, Signer{testID, "other", "2", HmacSHA256}, "GET", unsigned), fault.SignatureMismatch},
		"another secret, version 1":              {sign(t, Signer{testID, "other", "1", ""}, "GET", unsigned), fault.SignatureMismatch},
		"another method":                         {sign(t, v2, "POST", unsigned), fault.SignatureMismatch},
		"SHA1 declared, SHA256 made":             {with(sign(t, v2, "GET", unsigned), "SignatureMethod", HmacSHA1), fault.SignatureMismatch},
		"an unknown version":                     {with(sign(t, v2, "GET", unsigned), "SignatureVersion", "3"), fault.InvalidParameter},
		"a version with a zero in front":         {with(sign(t, v2, "GET", unsigned), "SignatureVersion", "02"), fault.InvalidParameter},
		"version 0":                              {sign(t, Signer{testID, testSecret, "0", ""}, "GET", unsigned), fault.InvalidParameter},
		"no version":                             {with(sign(t, v2, "GET", unsigned), "SignatureVersion", "-"), fault.InvalidParameter},
		"version 2 without a method":             {with(sign(t, v2, "GET", unsigned), "SignatureMethod", "-"), fault.MissingParameter},
		"version 2 with an unknown method":       {with(sign(t, v2, "GET", unsigned), "SignatureMethod", "HmacMD5"), fault.InvalidParameter},
		"both dates":                             {sign(t, v2, "GET", with(with(unsigned, "Timestamp", "2008-05-19T12:00:00Z"), "Expires", "2008-05-19T12:05:00Z")), fault.ParameterCombination},
		"both dates, version 1":                  {sign(t, v1, "GET", with(with(unsigned, "Timestamp", "2008-05-19T12:00:00Z"), "Expires", "2008-05-19T12:05:00Z")), fault.ParameterCombination},
		"no date":                                {resign(with(sign(t, v2, "GET", unsigned), "Timestamp", "-")), fault.MissingParameter},
		"no date, version 1":                     {resign(with(sign(t, v1, "GET", unsigned), "Timestamp", "-")), fault.MissingParameter},
		"a bad Timestamp":                        {sign(t, v2, "GET", with(unsigned, "Timestamp", "yesterday")), fault.InvalidParameter},
		"a bad Expires":                          {sign(t, v2, "GET", with(unsigned, "Expires", "1211198400")), fault.InvalidParameter},
		"a Timestamp too old":                    {sign(t, v2, "GET", with(unsigned, "Timestamp", "2008-05-19T11:44:59Z")), fault.RequestExpired},
		"a Timestamp too new":                    {sign(t, v2, "GET", with(unsigned, "Timestamp", "2008-05-19T12:15:01Z")), fault.RequestExpired},
		"a Timestamp too old, version 1":         {sign(t, v1, "GET", with(unsigned, "Timestamp", "2008-05-19T11:44:59Z")), fault.RequestExpired},
		"an Expires of now":                      {sign(t, v2, "GET", with(unsigned, "Expires", "2008-05-19T12:00:00Z")), fault.RequestExpired},
		"an Expires too far ahead":               {sign(t, v2, "GET", with(unsigned, "Expires", "2008-05-26T12:00:01Z")), fault.RequestExpired},
		"time is judged after the signature":     {with(sign(t, v2, "GET", with(unsigned, "Timestamp", "2000-01-01T00:00:00Z")), "Version", "2007-12-01"), fault.SignatureMismatch},
		"a name twice":                           {append(sign(t, v2, "GET", unsigned), query.Parameter{Name: "Version", Value: "2008-04-28"}), fault.ConflictingParameter},
		"version 1 with an unknown name":         {sign(t, v1, "GET", with(unsigned, "Foo", "bar")), fault.InvalidParameter},
		"version 1 with another action's name":   {sign(t, v1, "GET", with(unsigned, "UserToken", userTokenA)), fault.InvalidParameter},
		"version 1 with a name in small letters": {sign(t, v1, "GET", with(with(unsigned, "ProductCode", "-"), "productcode", "774F4FF8")), fault.InvalidParameter},
		"version 1 without a PID":                {sign(t, v1, "GET", with(unsigned, "PersistentIdentifier", "-")), fault.MissingPID},
		"version 1 with a malformed PID":         {sign(t, v1, "GET", with(unsigned, "PersistentIdentifier", "P-1")), fault.PIDInvalid},
		"version 1 with a method in a value":     {sign(t, v1, "GET", with(unsigned, "ProductCode", "7SignatureMethodHmacSHA1")), fault.ProductTokenInvalid},
		"version 1 with a bad method":            {sign(t, v1, "GET", with(unsigned, "SignatureMethod", "HmacMD5")), fault.InvalidParameter},
		"version 1 with an unknown version":      {sign(t, v1, "GET", with(unsigned, "Version", "2006-04-01")), fault.UnknownVersion},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := verify(NewVerifier(testKeys), test.list)
			if err == nil || fault.KindOf(err) != test.want {
				t.Fatalf("Verify() = %v, want the kind %s", err, test.want)
			}
			in := Input{Parameters: test.list}
			for _, secret := range []string{testSecret, in.get("Signature"), in.get("AWSAccessKeyId"), userTokenA, "774F4FF8"} {
				if secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a value of the request: %v", err)
				}
			}
		})
	}
}

func TestBoundsOfTime(t *testing.T) {
	for name, date := range map[string][2]string{
		"the oldest Timestamp": {"Timestamp", "2008-05-19T11:45:00Z"},
		"the newest Timestamp": {"Timestamp", "2008-05-19T12:15:00Z"},
		"a Timestamp of UTC":   {"Timestamp", "2008-05-19T12:00:00"},
		"the nearest Expires":  {"Expires", "2008-05-19T12:00:01Z"},
		"the farthest Expires": {"Expires", "2008-05-26T12:00:00Z"},
	} {
		for signer, s := range signers {
			if err := verify(NewVerifier(testKeys), sign(t, s, "GET", with(genuine["by PID"], date[0], date[1]))); err != nil {
				t.Errorf("%s, %s: refused: %v", name, signer, err)
			}
		}
	}
}

func TestSwitches(t *testing.T) {
	zero := Signer{testID, testSecret, "0", ""}
	list := genuine["by PID"]
	tests := map[string]struct {
		verifier Verifier
		list     []query.Parameter
		want     fault.Kind // empty: accepted
	}{
		"version 0 with its flag":                 {Verifier{AllowVersion0: true}, sign(t, zero, "GET", list), ""},
		"no version is version 0":                 {Verifier{AllowVersion0: true}, with(sign(t, zero, "GET", list), "SignatureVersion", "-"), ""},
		"version 0 protects the Action":           {Verifier{AllowVersion0: true}, with(sign(t, zero, "GET", list), "Action", "RefreshUserToken"), fault.SignatureMismatch},
		"version 0 protects the Timestamp":        {Verifier{AllowVersion0: true}, with(sign(t, zero, "GET", list), "Timestamp", "2008-05-19T12:00:01Z"), fault.SignatureMismatch},
		"version 0 does not take an Expires":      {Verifier{AllowVersion0: true}, sign(t, zero, "GET", with(list, "Expires", "2008-05-19T12:05:00Z")), fault.ParameterCombination},
		"version 0 needs the Timestamp":           {Verifier{AllowVersion0: true}, with(with(sign(t, zero, "GET", list), "Timestamp", "-"), "Signature", SignV0(testSecret, list)), fault.MissingParameter},
		"version 0 with an old Timestamp":         {Verifier{AllowVersion0: true}, sign(t, zero, "GET", with(list, "Timestamp", "2008-05-19T11:00:00Z")), fault.RequestExpired},
		"version 0 without its flag":              {Verifier{AllowVersion1: true}, sign(t, zero, "GET", list), fault.InvalidParameter},
		"version 1 switched off":                  {Verifier{}, sign(t, signers["version 1"], "GET", list), fault.InvalidParameter},
		"version 2 can't be switched off":         {Verifier{}, sign(t, signers["version 2 with SHA1"], "GET", list), ""},
		"version 1 stays on beside the others":    {Verifier{AllowVersion0: true, AllowVersion1: true}, sign(t, signers["version 1"], "GET", list), ""},
		"a version 1 signature is no version 0's": {Verifier{AllowVersion0: true}, with(sign(t, signers["version 1"], "GET", list), "SignatureVersion", "0"), fault.SignatureMismatch},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.verifier.Keys = testKeys
			err := verify(&test.verifier, test.list)
			if (err == nil) != (test.want == "") || err != nil && fault.KindOf(err) != test.want {
				t.Fatalf("Verify() = %v, want the kind %q", err, test.want)
			}
			if test.want == fault.InvalidParameter && !strings.Contains(err.Error(), "`SignatureVersion` 2") {
				t.Errorf("the error does not say what to use: %v", err)
			}
		})
	}
}

func TestVersion2Hosts(t *testing.T) {
	tests := map[string]struct {
		signed, received string
		accepted         bool
	}{
		"as received":                 {"ls.example.com:8443", "ls.example.com:8443", true},
		"signed without the port":     {"ls.example.com", "ls.example.com:8443", true},
		"in capitals":                 {"ls.example.com", "LS.Example.com:8443", true},
		"without any port":            {"ls.example.com", "ls.example.com", true},
		"an IPv6 address with a port": {"[::1]", "[::1]:8443", true},
		"an IPv6 address":             {"[::1]", "[::1]", true},
		"another host":                {"ls.example.org", "ls.example.com:8443", false},
		"another port":                {"ls.example.com:1", "ls.example.com:8443", false},
		"an IPv6 address is not cut":  {"[:", "[::1]", false},
		"a port that was not there":   {"ls.example.com:8443", "ls.example.com", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			signed, err := signers["version 2 with SHA256"].Sign("GET", test.signed, "/", genuine["by PID"], testNow)
			if err != nil {
				t.Fatal(err)
			}
			in := Input{Method: "GET", Host: test.received, Path: "/", Parameters: signed, Action: query.Actions[2]}
			_, err = NewVerifier(testKeys).Verify(context.Background(), in, testNow)
			if (err == nil) != test.accepted {
				t.Errorf("Verify() = %v, want accepted %t", err, test.accepted)
			}
		})
	}
}

func TestVersion2SignsThePath(t *testing.T) {
	signed, err := signers["version 2 with SHA256"].Sign("GET", testHost, "/a%2fb", genuine["by PID"], testNow)
	if err != nil {
		t.Fatal(err)
	}
	for path, accepted := range map[string]bool{"/a%2fb": true, "/a%2Fb": false, "/a/b": false, "": false} {
		in := Input{Method: "GET", Host: testHost, Path: path, Parameters: signed, Action: query.Actions[2]}
		if _, err := NewVerifier(testKeys).Verify(context.Background(), in, testNow); (err == nil) != accepted {
			t.Errorf("path %q: Verify() = %v, want accepted %t", path, err, accepted)
		}
	}
}

type failing struct{ err error }

func (f failing) FindKey(context.Context, string) (Key, bool, error) { return Key{}, false, f.err }

func TestTheKeyFinder(t *testing.T) {
	signed := sign(t, signers["version 1"], "GET", genuine["by PID"])
	cause := errors.New("cause")
	if err := verify(NewVerifier(failing{cause}), signed); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, cause) {
		t.Errorf("an error of the finder gives %v, want Unavailable with its cause", err)
	}
	if err := verify(NewVerifier(failing{fault.New(fault.Throttled, "Slower.")}), signed); fault.KindOf(err) != fault.Throttled {
		t.Errorf("a fault of the finder gives %v, want itself", err)
	}
	empty := keys{testID: Key{Principal: testKeys[testID].Principal}}
	for _, secret := range []string{"", dummySecret} {
		if err := verify(NewVerifier(empty), sign(t, Signer{testID, secret, "1", ""}, "GET", genuine["by PID"])); fault.KindOf(err) != fault.UnknownAccessKey {
			t.Errorf("a key without a secret gives %v, want UnknownAccessKey", err)
		}
	}
}

func TestAuthorize(t *testing.T) {
	want := map[string][2]bool{ // Vendor, Customer
		"ActivateHostedProduct":             {true, false},
		"ActivateDesktopProduct":            {false, false},
		"VerifyProductSubscriptionByPid":    {true, false},
		"VerifyProductSubscriptionByTokens": {true, true},
		"GetActiveSubscriptionsByPid":       {true, false},
		"RefreshUserToken":                  {true, true},
	}
	for _, action := range query.Actions {
		for i, kind := range []PrincipalKind{Vendor, Customer} {
			err := (&Principal{Kind: kind}).Authorize(action)
			if (err == nil) != want[action.Name][i] || err != nil && fault.KindOf(err) != fault.AccessDenied {
				t.Errorf("%s of %s: Authorize() = %v, want allowed %t", action.Name, kind, err, want[action.Name][i])
			}
		}
	}
}

func TestSignerRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, s := range []Signer{{Version: "3"}, {Version: ""}, {Version: "2", Method: "HmacMD5"}} {
		if _, err := s.Sign("GET", testHost, "/", nil, time.Time{}); err == nil {
			t.Errorf("Sign() with %+v succeeded", s)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, s := range signers {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			v := NewVerifier(testKeys)
			in := Input{Method: "GET", Host: testHost, Path: "/", Parameters: sign(b, s, "GET", genuine["by PID"]), Action: query.Actions[2]}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(context.Background(), in, testNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
