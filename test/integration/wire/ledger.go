// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/license-operator/license-operator/webhook/query"
)

// needleLength is how much of a secret is looked for.
const needleLength = 12

// Ledger remembers the secrets that passed through clients and the errors that
// came back. It is safe for concurrent use; a nil one remembers nothing.
type Ledger struct {
	mu      sync.Mutex
	needles map[string]string
	bodies  []string
	failed  []string
}

// Secret adds a value that must not be seen anywhere, under a word for it.
func (l *Ledger) Secret(kind, value string) {
	needle := needleOf(value)
	if l == nil || needle == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.needles == nil {
		l.needles = map[string]string{}
	}
	if _, known := l.needles[needle]; !known {
		l.needles[needle] = kind
	}
}

// Secrets is how many secrets of each kind have been added.
func (l *Ledger) Secrets() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := map[string]int{}
	for _, kind := range l.needles {
		count[kind]++
	}
	return count
}

// Leaks returns the kinds of secret that a text holds, each with what is around
// it.
func (l *Ledger) Leaks(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var leaks []string
	for i := 0; i+needleLength <= len(text); i++ {
		if kind, found := l.needles[text[i:i+needleLength]]; found {
			leaks = append(leaks, fmt.Sprintf("%s in: …%s…", kind, text[max(0, i-200):min(len(text), i+40)]))
		}
	}
	return leaks
}

// Canaries greps texts, by what they are of, for every secret, and returns what
// is wrong. Each must hold something, and of each kind of secret one must have
// passed through: the test is worth what it looks for.
func (l *Ledger) Canaries(texts map[string]string, kinds ...string) []string {
	var wrong []string
	for where, text := range texts {
		if text == "" {
			wrong = append(wrong, "there is nothing of "+where+" to look at")
		}
		for _, leak := range l.Leaks(text) {
			wrong = append(wrong, where+" holds a "+leak)
		}
	}
	found := l.Secrets()
	for _, kind := range kinds {
		if found[kind] == 0 {
			wrong = append(wrong, "no "+kind+" has passed through")
		}
	}
	return wrong
}

// ErrorBodies returns the bodies of all errors that were answered.
func (l *Ledger) ErrorBodies() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.bodies)
}

// Failures returns the answers of status 500 or more that no caller may see,
// which is all but being told to come again.
func (l *Ledger) Failures() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failed)
}

// sent remembers what of a request's parameters is secret.
func (l *Ledger) sent(parameters []query.Parameter) {
	for _, p := range parameters {
		switch {
		case p.Name == query.ActivationKey, p.Name == query.ProductToken, p.Name == query.UserToken,
			p.Name == query.Signature, strings.HasPrefix(p.Name, query.AdditionalTokens):
			l.Secret(p.Name, p.Value)
		}
	}
}

func (l *Ledger) answered(a *Answer) {
	l.Secret("UserToken", a.Text("UserToken"))
	l.Secret("SecretAccessKey", a.Text("SecretAccessKey"))
	if l == nil || a.Status == http.StatusOK {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bodies = append(l.bodies, a.Body)
	retry := a.Code() == "RequestThrottled" || a.Code() == "ServiceUnavailable"
	if a.Status >= http.StatusInternalServerError && (!retry || a.Header.Get("Retry-After") == "") {
		l.failed = append(l.failed, fmt.Sprintf("status %d: %s", a.Status, a.Body))
	}
}

// needleOf returns a part of a secret that looks the same however the secret is
// escaped: letters and digits, if it has so many in a row. It leaves out what
// tokens begin with, which is the same for all.
func needleOf(secret string) string {
	if _, rest, found := strings.Cut(secret, "}"); found {
		secret = rest
		if len(secret) > 3*needleLength {
			secret = secret[needleLength:]
		}
	}
	if len(secret) < needleLength {
		return ""
	}
	run := 0
	for i := range len(secret) {
		c := secret[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			run++
		} else {
			run = 0
		}
		if run == needleLength {
			return secret[i+1-needleLength : i+1]
		}
	}
	return secret[:needleLength]
}
