// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// errForbidden says that an address must not be dialled.
var errForbidden = errors.New("the address must not be reached")

// forbidden are the networks that no webhook is in: this host, this link, all
// hosts at once, and where clouds answer to their virtual machines with
// credentials and settings.
var forbidden = prefixes(
	"0.0.0.0/8",          // This host (RFC 1122).
	"127.0.0.0/8",        // Loopback.
	"169.254.0.0/16",     // Link-local; 169.254.169.254 is the metadata of most clouds.
	"192.0.0.0/24",       // IETF protocol assignments; 192.0.0.192 is Oracle's metadata.
	"100.100.100.200/32", // Alibaba's metadata.
	"168.63.129.16/32",   // Azure's wire server.
	"224.0.0.0/4",        // Multicast.
	"240.0.0.0/4",        // Reserved, and broadcast.
	"::/128",             // Unspecified.
	"::1/128",            // Loopback.
	"fe80::/10",          // Link-local.
	"fec0::/10",          // Site-local, of old.
	"ff00::/8",           // Multicast.
	"fd00:ec2::/32",      // AWS's metadata, name and time servers.
	"fd20:ce::/32",       // Google's metadata.
	"64:ff9b:1::/48",     // Local translation to IPv4, to where can't be told (RFC 8215).
	"2001::/32",          // Teredo, likewise (RFC 4380).
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// Guard decides which addresses may be dialled. It is asked with the address
// that is dialled, after names were resolved, so that a name that changes its
// mind makes no difference.
type Guard struct {
	// Allow are networks that may be reached in spite of everything else.
	Allow []netip.Prefix
	// APIServer is where the API server is; it must not be reached. An error
	// forbids everything that is not allowed. Nil for nowhere.
	APIServer func(context.Context) ([]netip.Addr, error)
	// Interfaces are this machine's own addresses, as net.InterfaceAddrs tells
	// them; they must not be reached. An error forbids everything that is not
	// allowed. Nil for none.
	Interfaces func() ([]net.Addr, error)
}

// control is net.Dialer's ControlContext.
func (g *Guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: it is no address", errForbidden)
	}
	return g.Check(ctx, target.Addr())
}

// Check returns an error for an address that must not be dialled.
func (g *Guard) Check(ctx context.Context, addr netip.Addr) error {
	reached := reaches(addr.WithZone(""))
	if within(g.Allow, reached[len(reached)-1]) || within(g.Allow, reached[0]) {
		return nil
	}
	for _, a := range reached {
		if within(forbidden, a) {
			return errForbidden
		}
	}
	if err := g.checkInterfaces(reached); err != nil {
		return err
	}
	if g.APIServer == nil {
		return nil
	}
	servers, err := g.APIServer(ctx)
	if err != nil {
		return fmt.Errorf("%w: where the API server is can't be told", errForbidden)
	}
	for _, server := range servers {
		if slices.Contains(reached, server.Unmap().WithZone("")) {
			return errForbidden
		}
	}
	return nil
}

func (g *Guard) checkInterfaces(reached []netip.Addr) error {
	if g.Interfaces == nil {
		return nil
	}
	own, err := g.Interfaces()
	if err != nil {
		return fmt.Errorf("%w: this machine's addresses can't be told", errForbidden)
	}
	for _, a := range own {
		// The text is an address with a prefix, or without one.
		text, _, _ := strings.Cut(a.String(), "/")
		addr, err := netip.ParseAddr(text)
		if err == nil && slices.Contains(reached, addr.Unmap().WithZone("")) {
			return errForbidden
		}
	}
	return nil
}

// apiServerName is in the certificate of every API server, and of nobody else:
// Pods reach it by this name.
const apiServerName = "kubernetes.default.svc"

// verifyConnection is tls.Config's VerifyConnection: who may prove to be the API
// server is it, behind whatever address.
func (g *Guard) verifyConnection(state tls.ConnectionState) error {
	if len(state.PeerCertificates) > 0 && state.PeerCertificates[0].VerifyHostname(apiServerName) == nil {
		return fmt.Errorf("%w: the API server is there", errForbidden)
	}
	return nil
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// reaches are the addresses that a packet to addr may end at: addr itself, and
// the IPv4 address in it that a translator or a tunnel takes out.
func reaches(addr netip.Addr) []netip.Addr {
	if addr = addr.Unmap(); addr.Is4() {
		return []netip.Addr{addr}
	}
	raw := addr.As16()
	at := -1
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr): // NAT64 (RFC 6052).
		at = 12
	case netip.MustParsePrefix("2002::/16").Contains(addr): // 6to4 (RFC 3056).
		at = 2
	case netip.MustParsePrefix("::ffff:0:0:0/96").Contains(addr): // SIIT (RFC 2765).
		at = 12
	case netip.MustParsePrefix("::/96").Contains(addr) && !addr.IsUnspecified() && !addr.IsLoopback(): // IPv4-compatible.
		at = 12
	case (raw[8] == 0 || raw[8] == 2) && raw[9] == 0 && raw[10] == 0x5e && raw[11] == 0xfe: // ISATAP (RFC 5214).
		at = 12
	}
	if at < 0 {
		return []netip.Addr{addr}
	}
	return []netip.Addr{addr, netip.AddrFrom4([4]byte(raw[at : at+4]))}
}

// Resolver finds the addresses of a name.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// APIServerAt tells the addresses of the API server's hosts, which are addresses
// or names. Names are resolved each time.
func APIServerAt(hosts []string, resolver Resolver) func(context.Context) ([]netip.Addr, error) {
	var fixed []netip.Addr
	var names []string
	for _, host := range hosts {
		if addr, err := netip.ParseAddr(host); err == nil {
			fixed = append(fixed, addr)
		} else if host != "" {
			names = append(names, host)
		}
	}
	return func(ctx context.Context) ([]netip.Addr, error) {
		all := slices.Clone(fixed)
		for _, name := range names {
			found, err := resolver.LookupNetIP(ctx, "ip", name)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
}

var _ Resolver = (*net.Resolver)(nil)
