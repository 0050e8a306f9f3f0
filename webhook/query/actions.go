// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// Signer is a kind of access key.
type Signer string

// The kinds of access key that sign requests.
const (
	Vendor   Signer = "Vendor"
	Customer Signer = "Customer"
)

// MaxAdditionalTokens is the highest N of AdditionalTokens.N.
const MaxAdditionalTokens = 10

// Action describes one action of the service.
type Action struct {
	// Name is the value of the Action parameter.
	Name string
	// Signers lists who may sign it. Nobody signs an action that has none,
	// and credentials sent with it are ignored.
	Signers []Signer
	// Parameters holds the rules of the action's own parameters, in the
	// order of the documentation, which is the order of checking.
	Parameters []Rule

	signed []Rule
}

// Actions lists the six actions of the service. The contract has
// VerifyProductSubscriptionByTokens signed by the customer; a vendor may do
// everything in its namespace, so it may sign that too.
var Actions = []*Action{
	newAction("ActivateHostedProduct", []Signer{Vendor},
		activationKey(), productToken(fault.MissingParameter), tokenExpiration()),
	newAction("ActivateDesktopProduct", nil,
		activationKey(), productToken(fault.MissingParameter), tokenExpiration()),
	newAction("VerifyProductSubscriptionByPid", []Signer{Vendor},
		persistentIdentifier(), productCode()),
	newAction("VerifyProductSubscriptionByTokens", []Signer{Customer, Vendor},
		userToken(fault.InvalidParameter, fault.InvalidParameter), productToken(fault.InvalidParameter)),
	newAction("GetActiveSubscriptionsByPid", []Signer{Vendor},
		persistentIdentifier()),
	newAction("RefreshUserToken", []Signer{Customer, Vendor},
		append([]Rule{userToken(fault.MissingUserToken, fault.UserTokenInvalid)}, additionalTokenRules()...)...),
}

// actionsByName is filled by init, because the rule of the Action parameter
// reads it.
var actionsByName = map[string]*Action{}

func init() {
	for _, a := range Actions {
		actionsByName[a.Name] = a
	}
}

func newAction(name string, signers []Signer, own ...Rule) *Action {
	a := &Action{Name: name, Signers: signers, Parameters: own, signed: slices.Concat(common, own)}
	slices.SortFunc(a.signed, func(x, y Rule) int { return CompareFold(x.Name, y.Name) })
	return a
}

func additionalTokenRules() []Rule {
	rules := []Rule{additionalTokens(AdditionalTokens)}
	for n := range MaxAdditionalTokens {
		rules = append(rules, additionalTokens(AdditionalTokens+"."+strconv.Itoa(n+1)))
	}
	return rules
}

// CompareFold orders two names as signature version 1 does: by their bytes,
// taking ASCII capitals for small letters. It returns -1, 0 or 1.
func CompareFold(x, y string) int {
	for i := 0; i < len(x) && i < len(y); i++ {
		if c := cmp.Compare(lower(x[i]), lower(y[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// IsSigned reports whether the action needs a signature.
func (a *Action) IsSigned() bool { return len(a.Signers) > 0 }

// AllowsSigner reports whether an access key of this kind may sign the action.
func (a *Action) AllowsSigner(kind Signer) bool { return slices.Contains(a.Signers, kind) }

// SignedRules returns the rules of every parameter that a version 1 signature
// of this action may cover, the common ones and its own, ordered by
// CompareFold. The caller must not change it.
func (a *Action) SignedRules() []Rule { return a.signed }

// CheckParameters checks the action's own parameters: that the required ones
// are there, and that all have the form the server acts on. Parameters that
// the action does not know are ignored. Errors are faults of the kinds in the
// action's rules.
func (a *Action) CheckParameters(r *Request) error {
	for i := range a.Parameters {
		rule := &a.Parameters[i]
		value, present := r.Lookup(rule.Name)
		if err := rule.Check(value, present); err != nil {
			return err
		}
	}
	return nil
}

// Action returns the action that the request names. Errors are
// fault.MissingAction and fault.UnknownAction.
func (r *Request) Action() (*Action, error) {
	name := r.Get(ActionParameter)
	if name == "" {
		return nil, fault.New(fault.MissingAction, "The request is missing the required parameter `Action`.")
	}
	a, ok := actionsByName[name]
	if !ok {
		return nil, fault.New(fault.UnknownAction, "The parameter `Action` must name one of the six actions of the License Service.")
	}
	return a, nil
}

// CheckVersion checks that the request asks for an API version that existed,
// or for none. The error is fault.UnknownVersion.
func (r *Request) CheckVersion() error {
	if v := r.Get(Version); v != "" && !isVersion(v) {
		return fault.New(fault.UnknownVersion, "The parameter `Version` must be one of %s.", strings.Join(versions, ", "))
	}
	return nil
}

// TokenExpiration returns the life that the request asks for its user token,
// counted from the given time, and whether it asks for any. The error is
// fault.InvalidParameter.
func (r *Request) TokenExpiration(from time.Time) (time.Duration, bool, error) {
	value := r.Get(TokenExpiration)
	if value == "" {
		return 0, false, nil
	}
	d, err := ParseDuration(value, from)
	return d, err == nil, err
}

// AdditionalTokens returns the tokens of AdditionalTokens and
// AdditionalTokens.1 to AdditionalTokens.10, in this order, without empty ones.
func (r *Request) AdditionalTokens() []string {
	var tokens []string
	for _, rule := range additionalRules {
		if value := r.Get(rule.Name); value != "" {
			tokens = append(tokens, value)
		}
	}
	return tokens
}

var additionalRules = additionalTokenRules()
