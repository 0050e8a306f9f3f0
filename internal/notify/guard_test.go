// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

// names is a Resolver.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, text := range n[host] {
		all = append(all, netip.MustParseAddr(text))
	}
	if len(all) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return all, nil
}

func TestWhichAddressesMayBeReached(t *testing.T) {
	server := APIServerAt([]string{"10.96.0.1", "api.example", ""}, names{"api.example": {"203.0.113.7", "2001:db8::7"}})
	for name, test := range map[string]struct {
		address string
		allow   []string
		may     bool
	}{
		"a public address":                              {"198.51.100.7", nil, true},
		"a public address of version 6":                 {"2001:db8::1", nil, true},
		"a Service in the cluster":                      {"10.96.3.4", nil, true},
		"a pod in the cluster":                          {"192.168.7.7", nil, true},
		"a unique local address":                        {"fd12:3456::1", nil, true},
		"loopback":                                      {"127.0.0.1", nil, false},
		"any loopback":                                  {"127.8.9.10", nil, false},
		"loopback of version 6":                         {"::1", nil, false},
		"loopback in version 6":                         {"::ffff:127.0.0.1", nil, false},
		"unspecified":                                   {"0.0.0.0", nil, false},
		"this network":                                  {"0.1.2.3", nil, false},
		"unspecified of version 6":                      {"::", nil, false},
		"the metadata of the cloud":                     {"169.254.169.254", nil, false},
		"the metadata in version 6":                     {"::ffff:169.254.169.254", nil, false},
		"AWS's metadata of version 6":                   {"fd00:ec2::254", nil, false},
		"Google's metadata of version 6":                {"fd20:ce::254", nil, false},
		"Azure's wire server":                           {"168.63.129.16", nil, false},
		"Alibaba's metadata":                            {"100.100.100.200", nil, false},
		"Oracle's metadata":                             {"192.0.0.192", nil, false},
		"link-local":                                    {"169.254.0.1", nil, false},
		"link-local of version 6":                       {"fe80::1", nil, false},
		"link-local with a zone":                        {"fe80::1%eth0", nil, false},
		"site-local":                                    {"fec0::1", nil, false},
		"multicast":                                     {"224.0.0.1", nil, false},
		"multicast of version 6":                        {"ff02::1", nil, false},
		"broadcast":                                     {"255.255.255.255", nil, false},
		"reserved":                                      {"240.0.0.1", nil, false},
		"the API server's Service":                      {"10.96.0.1", nil, false},
		"the API server's Service in version 6":         {"::ffff:10.96.0.1", nil, false},
		"the API server's Service by NAT64":             {"64:ff9b::10.96.0.1", nil, false},
		"the API server by name":                        {"203.0.113.7", nil, false},
		"the API server by name in version 6":           {"2001:db8::7", nil, false},
		"the metadata by NAT64":                         {"64:ff9b::a9fe:a9fe", nil, false},
		"something public by NAT64":                     {"64:ff9b::198.51.100.7", nil, true},
		"NAT64 of one's own":                            {"64:ff9b:1::198.51.100.7", nil, false},
		"loopback by 6to4":                              {"2002:7f00:1::1", nil, false},
		"the metadata by 6to4":                          {"2002:a9fe:a9fe::", nil, false},
		"something public by 6to4":                      {"2002:c633:6407::1", nil, true},
		"Teredo":                                        {"2001:0:4136:e378:8000:63bf:3fff:fdd2", nil, false},
		"loopback, compatible with version 4":           {"::127.0.0.1", nil, false},
		"the metadata by SIIT":                          {"::ffff:0:169.254.169.254", nil, false},
		"the metadata by ISATAP":                        {"2001:db8::5efe:169.254.169.254", nil, false},
		"the metadata by ISATAP with a global id":       {"2001:db8::200:5efe:169.254.169.254", nil, false},
		"loopback that is allowed":                      {"127.0.0.1", []string{"127.0.0.0/8"}, true},
		"loopback in version 6 that is allowed":         {"::ffff:127.0.0.1", []string{"127.0.0.0/8"}, true},
		"loopback where only the other one is allowed":  {"::1", []string{"127.0.0.0/8"}, false},
		"the metadata where something else is allowed":  {"169.254.169.254", []string{"127.0.0.0/8"}, false},
		"the metadata by NAT64 that is allowed as such": {"64:ff9b::a9fe:a9fe", []string{"169.254.169.254/32"}, true},
		"NAT64 of one's own that is allowed":            {"64:ff9b:1::198.51.100.7", []string{"64:ff9b:1::/48"}, true},
		"the API server's Service that is allowed":      {"10.96.0.1", []string{"10.96.0.0/16"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Guard{APIServer: server, Allow: prefixes(test.allow...)}
			addr := netip.MustParseAddr(test.address)
			for _, address := range []string{netip.AddrPortFrom(addr, 443).String()} {
				err := g.control(t.Context(), "tcp", address, nil)
				if (err == nil) != test.may {
					t.Errorf("%s: the answer is %v", address, err)
				}
				if err != nil && failureOf(&net.OpError{Op: "dial", Err: err}) != Forbidden {
					t.Errorf("%s: %v counts as %s", address, err, failureOf(err))
				}
			}
		})
	}
}

func TestNothingIsReachedWhileTheAPIServerIsNotKnown(t *testing.T) {
	g := &Guard{APIServer: APIServerAt([]string{"api.example"}, names{}), Allow: prefixes("10.0.0.0/8")}
	if err := g.Check(t.Context(), netip.MustParseAddr("198.51.100.7")); !errors.Is(err, errForbidden) {
		t.Errorf("the answer is %v", err)
	}
	if err := g.Check(t.Context(), netip.MustParseAddr("10.1.2.3")); err != nil {
		t.Errorf("what is allowed is refused: %v", err)
	}
}

func TestThisMachinesOwnAddressesAreNotReached(t *testing.T) {
	own := func() ([]net.Addr, error) {
		return []net.Addr{
			&net.IPNet{IP: net.ParseIP("10.1.2.3"), Mask: net.CIDRMask(24, 32)},
			&net.IPNet{IP: net.ParseIP("2001:db8::5"), Mask: net.CIDRMask(64, 128)},
			&net.IPAddr{IP: net.ParseIP("10.9.9.9")},
		}, nil
	}
	for address, may := range map[string]bool{
		"10.1.2.3": false, "::ffff:10.1.2.3": false, "64:ff9b::10.1.2.3": false, "2001:db8::5": false, "10.9.9.9": false,
		"10.1.2.4": true, "2001:db8::6": true,
	} {
		addr := netip.MustParseAddr(address)
		if err := (&Guard{Interfaces: own}).Check(t.Context(), addr); (err == nil) != may || err != nil && !errors.Is(err, errForbidden) {
			t.Errorf("%s: the answer is %v", address, err)
		}
		if err := (&Guard{Interfaces: own, Allow: prefixes("0.0.0.0/0", "::/0")}).Check(t.Context(), addr); err != nil {
			t.Errorf("%s, which is allowed: %v", address, err)
		}
	}
	unknown := &Guard{Interfaces: func() ([]net.Addr, error) { return nil, errors.New("netlink") }}
	if err := unknown.Check(t.Context(), netip.MustParseAddr("198.51.100.7")); !errors.Is(err, errForbidden) {
		t.Errorf("while they are not known the answer is %v", err)
	}
	if err := (&Guard{Interfaces: net.InterfaceAddrs}).Check(t.Context(), netip.MustParseAddr("198.51.100.7")); err != nil {
		t.Errorf("by the real ones: %v", err)
	}
}

func TestWhatIsNoAddressIsNotReached(t *testing.T) {
	g := &Guard{}
	for _, address := range []string{"", "127.0.0.1", "localhost:443", "1.2.3.4:https", "[::1]", "0x7f000001:443", "2130706433:443"} {
		if err := g.control(t.Context(), "tcp", address, nil); !errors.Is(err, errForbidden) {
			t.Errorf("%q: the answer is %v", address, err)
		}
	}
}

func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:443", "[::ffff:127.0.0.1]:1", "[64:ff9b::7f00:1]:80", "[fe80::1%eth0]:443", "198.51.100.7:443", "x"} {
		f.Add(seed)
	}
	g := &Guard{}
	f.Fuzz(func(t *testing.T, address string) {
		if g.control(t.Context(), "tcp", address, nil) != nil {
			return
		}
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			t.Fatalf("%q is no address and may be reached", address)
		}
		if a := target.Addr().Unmap(); a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
			t.Fatalf("%q may be reached", address)
		}
	})
}
