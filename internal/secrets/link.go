// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// LinkPurpose says which page a link leads to. A link to one page opens no
// other.
type LinkPurpose string

// The pages.
const (
	// RegistrationLink leads to the page that hands out registration tokens.
	RegistrationLink LinkPurpose = "registration"
	// ActivationLink leads to the page that hands out activation keys.
	ActivationLink LinkPurpose = "activation"
)

// Where the pages are, below the endpoint's URL: the secret part of a link
// follows.
const (
	RegisterPath = "/register/"
	ActivatePath = "/activate/"
)

const (
	linkSealing = "-page-link"

	// maxLink bounds the secret part of a link, in characters.
	maxLink = 512

	// linkPayloadSize is what payloads are padded to, in bytes, and for long
	// names in steps of paddingStep. It makes links of 183 characters.
	linkPayloadSize = 96
)

// partySize is 128 bits, in bytes: nobody finds another customer of one Party.
const partySize = 16

// Party stands for a product code and a customer identifier. The name of a
// Subscription may be given to another customer's once it is free, or to one for
// another Product; what was made for the one before is not for that.
type Party [partySize]byte

// PartyOf is the Party of a customer of a product. It is the same wherever and
// whenever it is made.
func PartyOf(code, customer string) Party {
	sum := sha256.Sum256(appendText(appendText(nil, code), customer))
	return Party(sum[:partySize])
}

// Link is what the secret part of a link to a page says: for which customer the
// page is. It is bound to names, so it is still valid after a restore.
type Link struct {
	Namespace string
	// Subscription is the object's name.
	Subscription string
	// Party is whose the Subscription must be when the link is used.
	Party Party
	// ExpirationTime is from when on the link opens nothing, UTC when opened.
	ExpirationTime time.Time
}

// Expired reports whether the link has expired at this time. Opening a link
// doesn't check it.
func (l Link) Expired(now time.Time) bool {
	return !now.Before(l.ExpirationTime)
}

// SealLink makes the secret part of a link, of characters that need no escaping
// in a URL: the same text for the same content and the same version, so that a
// Secret can be applied again without being read. Nobody without the key can
// make one or guess one. It fails on an unknown purpose, an empty name, a Party
// of zeros, a time that is unset or outside the years 1 to 9999, and on names so
// long that Open would refuse the text.
func (k *Keyring) SealLink(now time.Time, purpose LinkPurpose, link Link) (string, error) {
	if purpose != RegistrationLink && purpose != ActivationLink {
		return "", errors.New("a link needs a page that there is")
	}
	if link.Namespace == "" || link.Subscription == "" {
		return "", errors.New("a link needs a namespace and a Subscription")
	}
	if link.Party == (Party{}) {
		return "", errors.New("a link needs a product and a customer")
	}
	if link.ExpirationTime.IsZero() || !sealableTime(link.ExpirationTime) {
		return "", errors.New("a link needs a time at which it expires, in the years 1 to 9999")
	}
	sealed, err := k.Seal(now, string(purpose)+linkSealing, appendLinkPayload(nil, link))
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(sealed)
	if len(text) > maxLink {
		return "", fmt.Errorf("the link would have %d characters, at most %d are possible", len(text), maxLink)
	}
	return text, nil
}

// OpenLink reads the secret part of a link to a page, made by SealLink, expired
// or not. Errors are ErrMalformed, ErrUnknownVersion and ErrForged, which a link
// to another page is, too.
func (k *Keyring) OpenLink(purpose LinkPurpose, text string) (Link, error) {
	if len(text) > maxLink {
		return Link{}, fmt.Errorf("%w: longer than %d characters", ErrMalformed, maxLink)
	}
	if strings.ContainsAny(text, "\r\n") {
		return Link{}, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Link{}, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	payload, err := k.Open(string(purpose)+linkSealing, sealed)
	if err != nil {
		return Link{}, err
	}
	return parseLinkPayload(payload)
}

func appendLinkPayload(out []byte, l Link) []byte {
	out = append(out, payloadForm)
	out = appendText(out, l.Namespace)
	out = appendText(out, l.Subscription)
	out = append(out, l.Party[:]...)
	out = appendTime(out, l.ExpirationTime)
	return pad(out, linkPayloadSize)
}

// parseLinkPayload is the inverse of appendLinkPayload and accepts nothing else.
func parseLinkPayload(payload []byte) (Link, error) {
	r := newReader(payload)
	l := Link{Namespace: r.text(), Subscription: r.text(), Party: r.party(), ExpirationTime: r.time()}
	if r.bad || !bytes.Equal(appendLinkPayload(make([]byte, 0, len(payload)), l), payload) {
		return Link{}, fmt.Errorf("%w: content of another form", ErrMalformed)
	}
	return l, nil
}

func (r *reader) party() (p Party) {
	for n := range p {
		p[n] = r.byte()
	}
	return p
}
