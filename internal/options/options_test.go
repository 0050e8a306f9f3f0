// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// parse reads command line arguments.
func parse(t *testing.T, args ...string) (*Options, error) {
	t.Helper()
	o := &Options{}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	o.AddFlags(flags)
	return o, flags.Parse(args)
}

func TestDefaultsAreValidInAPod(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "license-operator-system")
	o, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	if o.AllowSignatureVersion0 || o.AcceptNewIdentity {
		t.Error("what is not safe is on without being asked for")
	}
	names, ips := o.ServingNames()
	wantNames := []string{"localhost", "license-operator", "license-operator.license-operator-system",
		"license-operator.license-operator-system.svc", "license-operator.license-operator-system.svc.cluster.local"}
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("[127.0.0.1 ::1]", fmt.Sprint(ips)); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestFurtherServingNamesAreAdded(t *testing.T) {
	o, err := parse(t, "--namespace=licences", "--service-name=lic", "--tls-dns-names=a.example,b.example", "--tls-ip-addresses=192.0.2.1,2001:db8::1")
	if err != nil {
		t.Fatal(err)
	}
	names, ips := o.ServingNames()
	if diff := cmp.Diff([]string{"localhost", "lic", "lic.licences", "lic.licences.svc", "lic.licences.svc.cluster.local", "a.example", "b.example"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if last := ips[len(ips)-2:]; !last[0].Equal(net.ParseIP("192.0.2.1")) || !last[1].Equal(net.ParseIP("2001:db8::1")) {
		t.Errorf("the addresses are %v", ips)
	}
}

const publicURLWords = "--public-url must be an absolute https URL without a query and a slash at its end"

func TestPagesAreAtThePublicURL(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "licences")
	for want, args := range map[string][]string{
		"https://license-operator.licences.svc":     nil,
		"https://lic.licences.svc/base":             {"--service-name=lic", "--path-prefix=/base"},
		"https://licences.example.com:8443/ls/base": {"--public-url=https://licences.example.com:8443/ls/base", "--path-prefix=/base"},
	} {
		o, err := parse(t, args...)
		if err != nil || o.Validate() != nil {
			t.Fatalf("%v: %v, %v", args, err, o.Validate())
		}
		if got := o.PagesURL(); got != want {
			t.Errorf("%v: the pages are at %s, want %s", args, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		// want are the lines of the error.
		want []string
	}{
		"everything in order":                   {nil, nil},
		"a certificate with its key":            {[]string{"--tls-cert-file=c", "--tls-key-file=k"}, nil},
		"no bounds for callers":                 {[]string{"--caller-rate=0", "--caller-burst=0", "--anonymous-rate=0", "--anonymous-burst=0"}, nil},
		"a prefix":                              {[]string{"--path-prefix=/licenses"}, nil},
		"no delay":                              {[]string{"--shutdown-delay=0"}, nil},
		"the longest delay":                     {[]string{"--shutdown-delay=1m"}, nil},
		"no namespace":                          {[]string{"--namespace="}, []string{"--namespace must be set (or POD_NAMESPACE)"}},
		"a certificate without its key":         {[]string{"--tls-cert-file=c"}, []string{"--tls-cert-file and --tls-key-file must be set together"}},
		"a key without its certificate":         {[]string{"--tls-key-file=k"}, []string{"--tls-cert-file and --tls-key-file must be set together"}},
		"a prefix without a slash":              {[]string{"--path-prefix=licenses"}, []string{"--path-prefix must begin with /"}},
		"a prefix that ends with a slash":       {[]string{"--path-prefix=/licenses/"}, []string{"--path-prefix must not end with /"}},
		"one Secret for everything":             {[]string{"--tls-secret=license-operator-keys"}, []string{"--keys-secret and --tls-secret must be two Secrets"}},
		"a negative rate of callers":            {[]string{"--caller-rate=-1"}, []string{"--caller-rate and --anonymous-rate must not be negative"}},
		"a rate that is no number":              {[]string{"--anonymous-rate=NaN"}, []string{"--caller-rate and --anonymous-rate must not be negative"}},
		"a rate without a burst":                {[]string{"--anonymous-burst=0"}, []string{"--caller-burst and --anonymous-burst must be at least 1"}},
		"no requests to the API server":         {[]string{"--api-rate=0"}, []string{"--api-rate must be greater than 0 and --api-burst at least 1"}},
		"a rate to the API server of no number": {[]string{"--api-rate=NaN"}, []string{"--api-rate must be greater than 0 and --api-burst at least 1"}},
		"no burst to the API server":            {[]string{"--api-burst=0"}, []string{"--api-rate must be greater than 0 and --api-burst at least 1"}},
		"a negative delay":                      {[]string{"--shutdown-delay=-1s"}, []string{"--shutdown-delay must be between 0 and 1m"}},
		"a delay that is too long":              {[]string{"--shutdown-delay=61s"}, []string{"--shutdown-delay must be between 0 and 1m"}},
		"networks of webhooks":                  {[]string{"--webhook-allow-cidrs=127.0.0.0/8,fd00::/8"}, nil},
		"an address in place of a network":      {[]string{"--webhook-allow-cidrs=127.0.0.1"}, []string{`--webhook-allow-cidrs must be networks such as 127.0.0.0/8: netip.ParsePrefix("127.0.0.1"): no '/'`}},
		"a public URL":                          {[]string{"--public-url=https://licences.example.com:8443/base"}, nil},
		"a public URL without TLS":              {[]string{"--public-url=http://licences.example.com"}, []string{publicURLWords}},
		"a public URL without a host":           {[]string{"--public-url=https:///base"}, []string{publicURLWords}},
		"a public URL with a query":             {[]string{"--public-url=https://licences.example.com?a=b"}, []string{publicURLWords}},
		"a public URL with a fragment":          {[]string{"--public-url=https://licences.example.com#a"}, []string{publicURLWords}},
		"a public URL with a password":          {[]string{"--public-url=https://a:b@licences.example.com"}, []string{publicURLWords}},
		"a public URL with a slash at its end":  {[]string{"--public-url=https://licences.example.com/"}, []string{publicURLWords}},
		"a public URL that is none":             {[]string{"--public-url=licences.example.com"}, []string{publicURLWords}},
		"links for an hour":                     {[]string{"--link-lifetime=1h"}, nil},
		"links that end at once":                {[]string{"--link-lifetime=59m"}, []string{"--link-lifetime must be between 1h0m0s and 8760h0m0s"}},
		"links that hardly ever end":            {[]string{"--link-lifetime=8761h"}, []string{"--link-lifetime must be between 1h0m0s and 8760h0m0s"}},
		"an unknown level":                      {[]string{"--log-level=INFO"}, []string{"--log-level must be debug, info or error"}},
		"an unknown format":                     {[]string{"--log-format=xml"}, []string{"--log-format must be json or text"}},
		"all mistakes are told at once": {[]string{"--namespace=", "--log-format=", "--api-burst=-1"}, []string{
			"--namespace must be set (or POD_NAMESPACE)", "--api-rate must be greater than 0 and --api-burst at least 1", "--log-format must be json or text"}},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(t, append([]string{"--namespace=license-operator-system"}, test.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := o.Validate(); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}
