// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command verify-offline checks a licence token with nothing but a JWKS that was
// read before, and prints what the licence allows:
//
//	curl --cacert ca.crt https://licenses.example/.well-known/jwks.json > jwks.json
//	go run ./docs/examples/verify-offline -jwks jwks.json -issuer "$KEY_FINGERPRINT" -sku ACME-RENDER < license.jwt
//
// It is written to be copied. A product of yours has the issuer and the SKU as
// constants, and never leaves them out.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxSize bounds the token, in bytes.
	maxSize = 64 << 10
	// clockSkew is how far this clock may be behind the operator's.
	clockSkew = 5 * time.Minute
)

// Licence is what a program needs of a licence token. Other claims are ignored.
type Licence struct {
	Issuer              string `json:"iss"`
	Customer            string `json:"sub"`
	LicenceARN          string `json:"licenseArn"`
	ProductSKU          string `json:"productSKU"`
	NodeID              string `json:"nodeId"`
	IssueTime           int64  `json:"iat"`
	ExpirationTime      int64  `json:"exp"` // 0 is never.
	EntitlementsAllowed []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
		Unit  string `json:"unit"`
	} `json:"entitlementsAllowed"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, time.Now()); err != nil {
		fmt.Fprintf(os.Stderr, "The licence is not valid: %v.\n", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer, now time.Time) error {
	flags := flag.NewFlagSet("verify-offline", flag.ContinueOnError)
	file := flags.String("jwks", "jwks.json", "file with the operator's JWKS")
	issuer := flags.String("issuer", "", "key fingerprint of the vendor that must have issued the token")
	sku := flags.String("sku", "", "SKU of the product that the token must be for")
	if err := flags.Parse(args); err != nil {
		return err
	}
	jwks, err := os.ReadFile(*file)
	if err != nil {
		return fmt.Errorf("the JWKS can't be read: %w", err)
	}
	token, err := io.ReadAll(io.LimitReader(in, maxSize))
	if err != nil {
		return fmt.Errorf("the token can't be read: %w", err)
	}
	l, err := Verify(jwks, strings.TrimSpace(string(token)), now)
	if err != nil {
		return err
	}
	// One operator signs for all its vendors with the same keys: a signature says
	// which operator it was, and only the claims say for whom and for what.
	if *issuer != "" && l.Issuer != *issuer {
		return fmt.Errorf("it was issued by %q and not by %q", l.Issuer, *issuer)
	}
	if *sku != "" && l.ProductSKU != *sku {
		return fmt.Errorf("it is for the product %q and not for %q", l.ProductSKU, *sku)
	}
	end := "for ever"
	if l.ExpirationTime != 0 {
		end = "until " + time.Unix(l.ExpirationTime, 0).UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(out, "%s of %s may use %s %s:\n", l.Customer, l.Issuer, l.ProductSKU, end)
	for _, e := range l.EntitlementsAllowed {
		text := strings.TrimSuffix(e.Name+" "+e.Value+" "+e.Unit, " None")
		fmt.Fprintln(out, " ", strings.TrimSpace(text))
	}
	return nil
}

// Verify checks the token's signature with a key of the JWKS and its times with
// the clock. Whose licence it is and for what is up to the caller.
func Verify(jwks []byte, token string, now time.Time) (*Licence, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("the JWKS is none: %w", err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.PS384, jose.EdDSA})
	var other *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &other) {
		return nil, fmt.Errorf("it is signed with the algorithm %q, which is not allowed", other.Got)
	}
	if err != nil {
		return nil, fmt.Errorf("it is not a signed token: %w", err)
	}
	header := signed.Signatures[0].Protected
	keys := set.Key(header.KeyID)
	if len(keys) != 1 || !keys[0].IsPublic() {
		return nil, fmt.Errorf("its key %q is not in the JWKS; get a newer one", header.KeyID)
	}
	// The algorithm belongs to the key: a token doesn't choose it.
	if keys[0].Algorithm != header.Algorithm || keys[0].Use != "sig" {
		return nil, fmt.Errorf("it is signed with %s, but its key is for %s", header.Algorithm, keys[0].Algorithm)
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		return nil, errors.New("its signature is wrong: it was changed, or is not the operator's")
	}
	l := &Licence{}
	if err := json.Unmarshal(payload, l); err != nil {
		return nil, fmt.Errorf("its claims can't be read: %w", err)
	}
	if end := time.Unix(l.ExpirationTime, 0).UTC(); l.ExpirationTime != 0 && !now.Before(end) {
		return nil, fmt.Errorf("it has expired at %s", end.Format(time.RFC3339))
	}
	if issued := time.Unix(l.IssueTime, 0).UTC(); issued.After(now.Add(clockSkew)) {
		return nil, fmt.Errorf("it was issued at %s, which is in the future; set the clock", issued.Format(time.RFC3339))
	}
	return l, nil
}
