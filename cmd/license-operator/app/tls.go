// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/license-operator/license-operator/controllers/operatorsecrets"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/serving"
)

// setupTLS returns the endpoint's TLS configuration, whose certificate changes
// without a restart: files that are watched, or else a self-made one that all
// replicas share through a Secret. readers takes that Secret's changes.
func setupTLS(ctx context.Context, mgr manager.Manager, live client.Client, o *options.Options, log logr.Logger, clk clock.WithTicker) (*tls.Config, operatorsecrets.Readers, error) {
	if o.TLSCertFile != "" {
		watcher, err := certwatcher.New(o.TLSCertFile, o.TLSKeyFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read --tls-cert-file and --tls-key-file: %w", err)
		}
		return serving.TLSConfig(watcher.GetCertificate), operatorsecrets.Readers{}, mgr.Add(watcher)
	}
	dnsNames, ips := o.ServingNames()
	cfg := serving.Config{
		Secret:   types.NamespacedName{Namespace: o.Namespace, Name: o.TLSSecret},
		DNSNames: dnsNames,
		IPs:      ips,
	}
	// The first certificate is there before the endpoint listens.
	bundle, err := serving.Ensure(ctx, live, cfg, clk, rand.Reader)
	if bundle == nil {
		return nil, nil, err
	}
	if err != nil {
		log.Error(err, "Failed to look after the serving certificate; trying again")
	}
	certificate := &serving.Certificate{}
	if err := certificate.Set(bundle); err != nil {
		return nil, nil, err
	}
	if err := serving.Publish(ctx, live, o.Namespace, bundle.CAPEM()); err != nil {
		log.Error(err, "Failed to publish the CA; trying again")
	}
	readers := operatorsecrets.Readers{o.TLSSecret: func(data map[string][]byte) error {
		changed, err := serving.Parse(data)
		if err != nil {
			return err
		}
		return certificate.Set(changed)
	}}
	renewer := &serving.Renewer{Client: live, Config: cfg, Clock: clk, Rand: rand.Reader, Certificate: certificate}
	return serving.TLSConfig(certificate.Get), readers, mgr.Add(renewer)
}
