// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesOfAConfiguration(t *testing.T) {
	many := make([]string, 0, maxNames)
	for n := range maxNames {
		many = append(many, fmt.Sprintf("n%d.example", n))
	}
	cases := map[string]struct {
		cfg     Config
		want    string
		wantErr string
	}{
		"names are sorted, in lower case and there once": {
			cfg:  Config{DNSNames: []string{"b.example", "A.example.", "a.example"}},
			want: "[a.example b.example] []",
		},
		"addresses are sorted and there once": {
			cfg:  Config{IPs: []net.IP{net.ParseIP("::1"), net.IPv4(10, 0, 0, 2), net.IPv4(10, 0, 0, 2).To4()}},
			want: "[] [10.0.0.2 ::1]",
		},
		"nothing":                       {wantErr: "at least one"},
		"an empty name":                 {cfg: Config{DNSNames: []string{""}}, wantErr: `"" is not a DNS name`},
		"a name with a space":           {cfg: Config{DNSNames: []string{"a b"}}, wantErr: `"a b" is not a DNS name`},
		"a wildcard that is not first":  {cfg: Config{DNSNames: []string{"a.*.example"}}, wantErr: "is not a DNS name"},
		"an address as a name":          {cfg: Config{DNSNames: []string{"10.0.0.1"}}, wantErr: "is not a DNS name"},
		"a name that is too long":       {cfg: Config{DNSNames: []string{strings.Repeat("a.", 130) + "b"}}, wantErr: "is not a DNS name"},
		"an address that is none":       {cfg: Config{IPs: []net.IP{{1, 2, 3}}}, wantErr: "is not an address"},
		"an address that listens alone": {cfg: Config{IPs: []net.IP{net.IPv4zero}}, wantErr: "is not an address"},
		"too many names":                {cfg: Config{DNSNames: append(many, "one.more")}, wantErr: "can't have 101"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := tc.cfg.wanted()
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("the error is %v, want %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, fmt.Sprint(got.dns, got.ips)); diff != "" {
				t.Error(diff)
			}
		})
	}

	full, err := Config{DNSNames: many}.wanted()
	if err != nil {
		t.Fatal(err)
	}
	if got := full.with(names{dns: []string{"one.more"}}); got.len() != 1 || got.dns[0] != "one.more" {
		t.Errorf("of too many names these are left: %v", got)
	}
}

func TestNamesThatNobodyCouldWantAreDropped(t *testing.T) {
	got := existing([]string{"a.example", "not a name", "B.example"}, []net.IP{{1}, net.IPv4(10, 0, 0, 1)})
	if diff := cmp.Diff("[a.example b.example] [10.0.0.1]", fmt.Sprint(got.dns, got.ips)); diff != "" {
		t.Error(diff)
	}
}
