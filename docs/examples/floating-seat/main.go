// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command floating-seat holds a floating seat for a while, as a licensed program
// does for as long as it runs: it checks the seat out, extends it, and checks it
// in at the end. seat.go is what a program would copy.
//
// It uses the AWS SDK for Go as it comes. Where the endpoint is, which CA to
// trust and who calls is the SDK's own configuration: AWS_ENDPOINT_URL,
// AWS_CA_BUNDLE, AWS_REGION, and credentials of any kind that the SDK knows.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
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
	var want Want
	flag.StringVar(&want.SKU, "sku", "", "the product: status.sku of its Product")
	flag.StringVar(&want.KeyFingerprint, "fingerprint", "", "who issues the licence: status.keyFingerprint of the Product")
	flag.StringVar(&want.Beneficiary, "beneficiary", "", "the customer; leave it out with a customer's own access key")
	flag.StringVar(&want.Entitlement, "entitlement", "seats", "what is counted")
	flag.IntVar(&want.Quantity, "quantity", 1, "how many of it")
	hold := flag.Duration("hold", 2*time.Second, "how long to hold the seat; it is extended once in the middle")
	flag.Parse()

	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	seat, err := CheckOut(ctx, licensemanager.NewFromConfig(cfg), want)
	if err != nil {
		return err
	}
	fmt.Printf("Checked out %d of %s until %s\n", want.Quantity, want.Entitlement, seat.Expiration.Format(time.RFC3339))

	if sleep(ctx, *hold/2) {
		if err := seat.Extend(ctx); err != nil {
			return err
		}
		fmt.Printf("Extended until %s\n", seat.Expiration.Format(time.RFC3339))
		sleep(ctx, *hold/2)
	}

	// After Ctrl-C the seat is given back all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := seat.CheckIn(ctx); err != nil {
		return err
	}
	fmt.Println("Checked in")
	return nil
}

// sleep says whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
