// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command shop is a small site as a vendor of a hosted service would write it.
// A customer's browser comes from the registration page with a token, the site
// asks ResolveCustomer who that is, and the customer is signed in. shop.go is
// what a vendor would copy.
//
// It uses the AWS SDK for Go as it comes. Where the endpoint is, which CA to
// trust and who calls is the SDK's own configuration: AWS_ENDPOINT_URL,
// AWS_CA_BUNDLE, AWS_REGION, and credentials of any kind that the SDK knows.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	listen := flag.String("listen", "localhost:8090", "address of the site")
	certFile := flag.String("tls-cert", "", "certificate to serve https with; http without it, which browsers trust on localhost only")
	keyFile := flag.String("tls-key", "", "private key of -tls-cert")
	flag.Parse()

	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	scheme := "http"
	if *certFile != "" {
		pair, err := tls.LoadX509KeyPair(*certFile, *keyFile)
		if err != nil {
			return err
		}
		scheme = "https"
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	shop := NewShop(marketplacemetering.NewFromConfig(cfg), scheme == "https", os.Stdout)
	server := &http.Server{Handler: shop, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	fmt.Printf("The shop is open at %s://%s\n", scheme, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
