// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/aws/smithy-go"
)

// Want says which seats a program needs.
type Want struct {
	SKU, KeyFingerprint string
	// Beneficiary is the customer; "" with a customer's own access key.
	Beneficiary string
	Entitlement string
	Quantity    int
}

// Seat is one that is held.
type Seat struct {
	// Expiration is when the seat comes back by itself.
	Expiration time.Time
	// SignedToken proves the seat to whoever has the public keys.
	SignedToken string

	client *licensemanager.Client
	token  *string
}

// Errors that a program may act on. Everything else is worth another try later.
var (
	// ErrNoSeat: nothing is licensed here, or all of it is in use. The text says
	// which.
	ErrNoSeat = errors.New("no seat")
	// ErrLost: the seat has expired or was taken back. Check out again.
	ErrLost = errors.New("the seat is lost")
	// ErrDenied: the credentials are wrong, or may not do this.
	ErrDenied = errors.New("access denied")
	// ErrWrong: the request can't be meant; no second try will help.
	ErrWrong = errors.New("wrong request")
)

// CheckOut takes seats. The SDK repeats a request whose answer was lost, with
// the same ClientToken, and so gets the same seats again and no others.
func CheckOut(ctx context.Context, client *licensemanager.Client, want Want) (*Seat, error) {
	in := &licensemanager.CheckoutLicenseInput{
		ProductSKU:     aws.String(want.SKU),
		KeyFingerprint: aws.String(want.KeyFingerprint),
		CheckoutType:   types.CheckoutTypeProvisional,
		Entitlements: []types.EntitlementData{{
			Name: aws.String(want.Entitlement), Unit: types.EntitlementDataUnitCount,
			Value: aws.String(strconv.Itoa(want.Quantity)),
		}},
		// Each start of the program is a holder of its own.
		ClientToken: aws.String(rand.Text()),
	}
	if want.Beneficiary != "" {
		in.Beneficiary = aws.String(want.Beneficiary)
	}
	out, err := client.CheckoutLicense(ctx, in)
	if err != nil {
		return nil, explain(err)
	}
	s := &Seat{client: client, token: out.LicenseConsumptionToken, SignedToken: aws.ToString(out.SignedToken)}
	return s, s.setExpiration(out.Expiration)
}

// Extend holds the seat for as long again, from now.
func (s *Seat) Extend(ctx context.Context) error {
	out, err := s.client.ExtendLicenseConsumption(ctx, &licensemanager.ExtendLicenseConsumptionInput{LicenseConsumptionToken: s.token})
	if err != nil {
		return explain(err)
	}
	// The token may be another one now.
	s.token = out.LicenseConsumptionToken
	return s.setExpiration(out.Expiration)
}

// CheckIn gives the seat back. A seat that is gone already is no error.
func (s *Seat) CheckIn(ctx context.Context) error {
	_, err := s.client.CheckInLicense(ctx, &licensemanager.CheckInLicenseInput{LicenseConsumptionToken: s.token})
	if err = explain(err); errors.Is(err, ErrLost) {
		return nil
	}
	return err
}

func (s *Seat) setExpiration(text *string) (err error) {
	s.Expiration, err = time.Parse(time.RFC3339, aws.ToString(text))
	return err
}

// explain sorts errors into those above, with the service's own words.
func explain(err error) error {
	var (
		none    *types.NoEntitlementsAllowedException
		gone    *types.ResourceNotFoundException
		invalid *types.InvalidParameterValueException
		shape   *types.ValidationException
		other   smithy.APIError
	)
	switch {
	case errors.As(err, &none):
		return fmt.Errorf("%w: %s", ErrNoSeat, none.ErrorMessage())
	case errors.As(err, &gone):
		return fmt.Errorf("%w: %s", ErrLost, gone.ErrorMessage())
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: %s", ErrWrong, invalid.ErrorMessage())
	case errors.As(err, &shape):
		return fmt.Errorf("%w: %s", ErrWrong, shape.ErrorMessage())
	case errors.As(err, &other):
		// What the front door refuses has no type of its own.
		switch other.ErrorCode() {
		case "AccessDeniedException", "AuthorizationException", "UnrecognizedClientException",
			"InvalidSignatureException", "ExpiredTokenException":
			return fmt.Errorf("%w: %s: %s", ErrDenied, other.ErrorCode(), other.ErrorMessage())
		}
	}
	return err
}
