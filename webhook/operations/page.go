// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operations

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
)

// Pages makes the tokens of pages of one kind of list. They hold no place in a
// list but a name, so nothing is left out or comes twice when things come and go
// between the pages. A token is sealed with what the pages of one list have in
// common, its mark, and is of no use for another. A mark has no line break.
type Pages struct {
	// Purpose keeps what is sealed for one kind of list from others.
	Purpose string
	Keys    *secrets.Holder
}

// Seal makes the token of the page after a name.
func (p Pages) Seal(now time.Time, mark, after string) (string, error) {
	sealed, err := p.Keys.Get().Sealing.Seal(now, p.Purpose, []byte(mark+"\n"+after))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// Open reads the name in a token that Seal has made for the same list. The fault
// is InvalidParameter.
func (p Pages) Open(token, mark string) (after string, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil {
		var plain []byte
		plain, err = p.Keys.Get().Sealing.Open(p.Purpose, sealed)
		if name, ours := strings.CutPrefix(string(plain), mark+"\n"); err == nil && ours {
			return name, nil
		}
	}
	return "", fault.New(fault.InvalidParameter, "NextToken is not one that this operation answered for the same filters; start again without it.")
}
