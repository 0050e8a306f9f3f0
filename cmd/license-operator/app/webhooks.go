// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/internal/options"
)

var errNoCertificate = errors.New("it holds no certificate")

// webhookClient is what posts notifications. It reaches neither this host, by
// none of its addresses, nor the API server, unless a flag says so.
func webhookClient(cfg *rest.Config, o *options.Options, clk clock.PassiveClock) (*notify.Client, error) {
	allowed, err := o.WebhookAllowed()
	if err != nil {
		return nil, err
	}
	roots, err := webhookRoots(o.WebhookCAFile)
	if err != nil {
		return nil, fmt.Errorf("read --webhook-ca-file: %w", err)
	}
	hosts, err := apiServerHosts(cfg)
	if err != nil {
		return nil, fmt.Errorf("read the API server's address: %w", err)
	}
	guard := &notify.Guard{Allow: allowed, APIServer: notify.APIServerAt(hosts, net.DefaultResolver), Interfaces: net.InterfaceAddrs}
	return notify.NewClient(clk, guard, roots), nil
}

// webhookRoots are the system's roots and those of a file, if there is one.
func webhookRoots(file string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if file == "" {
		return roots, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errNoCertificate
	}
	return roots, nil
}

// apiServerHosts are the hosts that the API server is known by: that of the
// configuration, and that of the Service kubernetes.default.
func apiServerHosts(cfg *rest.Config) ([]string, error) {
	u, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, err
	}
	return []string{u.Hostname(), os.Getenv("KUBERNETES_SERVICE_HOST")}, nil
}
