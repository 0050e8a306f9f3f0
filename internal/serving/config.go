// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// maxNames bounds the DNS names and addresses of a certificate, together.
const maxNames = 100

// Config says what certificate is wanted and where it is kept.
type Config struct {
	// Secret is where the CA and the certificate are kept. The ConfigMap
	// CAConfigMapName is in the same namespace.
	Secret types.NamespacedName
	// DNSNames are the names clients use: at most 253 characters each, a
	// wildcard as the first label is possible. Case does not matter.
	DNSNames []string
	// IPs are the addresses clients use. DNSNames and IPs have at least 1 and at
	// most 100 entries together.
	IPs []net.IP
}

// names is a set of names and addresses in canonical form: sorted, each once.
type names struct {
	dns []string
	ips []netip.Addr
}

// wanted is the set of names of the configuration. The error says which one a
// certificate can't have.
func (c Config) wanted() (names, error) {
	var wanted names
	for _, name := range c.DNSNames {
		canonical, ok := canonicalDNS(name)
		if !ok {
			return names{}, fmt.Errorf("%q is not a DNS name that a certificate can have", name)
		}
		wanted.dns = append(wanted.dns, canonical)
	}
	for _, ip := range c.IPs {
		addr, ok := canonicalIP(ip)
		if !ok {
			return names{}, fmt.Errorf("%q is not an address that a certificate can have", ip)
		}
		wanted.ips = append(wanted.ips, addr)
	}
	wanted.canonicalise()
	if wanted.len() == 0 {
		return names{}, errors.New("the certificate needs at least one DNS name or address")
	}
	if wanted.len() > maxNames {
		return names{}, fmt.Errorf("the certificate can't have %d names and addresses, at most %d are possible", wanted.len(), maxNames)
	}
	return wanted, nil
}

// existing is the set of names of a certificate, without those that a
// configuration could not have.
func existing(dnsNames []string, ips []net.IP) names {
	var found names
	for _, name := range dnsNames {
		if canonical, ok := canonicalDNS(name); ok {
			found.dns = append(found.dns, canonical)
		}
	}
	for _, ip := range ips {
		if addr, ok := canonicalIP(ip); ok {
			found.ips = append(found.ips, addr)
		}
	}
	found.canonicalise()
	return found
}

func (n names) len() int { return len(n.dns) + len(n.ips) }

// covers reports whether every name of other is there.
func (n names) covers(other names) bool {
	for _, name := range other.dns {
		if _, found := slices.BinarySearch(n.dns, name); !found {
			return false
		}
	}
	for _, ip := range other.ips {
		if _, found := slices.BinarySearchFunc(n.ips, ip, netip.Addr.Compare); !found {
			return false
		}
	}
	return true
}

// with is the names of both. If those are too many, it is only the names of
// other: what is wanted now comes before what was wanted once.
func (n names) with(other names) names {
	both := names{dns: slices.Concat(n.dns, other.dns), ips: slices.Concat(n.ips, other.ips)}
	both.canonicalise()
	if both.len() > maxNames {
		return other
	}
	return both
}

func (n *names) canonicalise() {
	slices.Sort(n.dns)
	n.dns = slices.Compact(n.dns)
	slices.SortFunc(n.ips, netip.Addr.Compare)
	n.ips = slices.Compact(n.ips)
}

// netIPs is the addresses as crypto/x509 wants them.
func (n names) netIPs() []net.IP {
	ips := make([]net.IP, 0, len(n.ips))
	for _, ip := range n.ips {
		ips = append(ips, ip.AsSlice())
	}
	return ips
}

// canonicalDNS is the name in lower case and without the dot of the root. It
// refuses addresses: as DNS names no client would match them.
func canonicalDNS(name string) (string, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return "", false
	}
	valid := len(validation.IsDNS1123Subdomain(name)) == 0 || len(validation.IsWildcardDNS1123Subdomain(name)) == 0
	return name, valid
}

func canonicalIP(ip net.IP) (netip.Addr, bool) {
	addr, ok := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	return addr, ok && !addr.IsUnspecified()
}
