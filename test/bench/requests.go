// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"

	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

const (
	version = "2008-04-28"
	// poolSize is how many different requests a pool holds at most.
	poolSize = 8192
)

var subscribed = []byte("<Subscribed>true</Subscribed>")

// customer is what ActivateDesktopProduct has given to one customer.
type customer struct {
	UserToken       string `xml:"ActivateDesktopProductResult>UserToken"`
	AccessKeyID     string `xml:"ActivateDesktopProductResult>AWSAccessKeyId"`
	SecretAccessKey string `xml:"ActivateDesktopProductResult>SecretAccessKey"`
}

// signedGet builds a GET, signed now with version 2 unless there are no
// credentials.
func (b *bench) signedGet(key credentials, want []byte, parameters ...query.Parameter) (request, error) {
	var err error
	if key != (credentials{}) {
		signer := auth.Signer{AccessKeyID: key.id, SecretAccessKey: key.secret, Version: "2", Method: auth.HmacSHA256}
		if parameters, err = signer.Sign(http.MethodGet, b.host, "/", parameters, time.Now()); err != nil {
			return request{}, err
		}
	}
	return newRequest(b.host, query.Encode(parameters), want), nil
}

func action(name string) []query.Parameter {
	return []query.Parameter{{Name: query.ActionParameter, Value: name}, {Name: query.Version, Value: version}}
}

func (b *bench) operatorTarget() target {
	return target{pid: b.operator.PID(), address: b.address, roots: b.roots}
}

// byPID asks for many customers, all signed by the vendor.
func (b *bench) byPID() ([]request, error) {
	var pool []request
	for _, pid := range b.pids[:min(len(b.pids), poolSize)] {
		r, err := b.verify(pid)
		if err != nil {
			return nil, err
		}
		pool = append(pool, r)
	}
	return pool, nil
}

func (b *bench) verify(pid string) (request, error) {
	return b.signedGet(b.vendor, subscribed, append(action("VerifyProductSubscriptionByPid"),
		query.Parameter{Name: query.PersistentIdentifier, Value: pid},
		query.Parameter{Name: query.ProductCode, Value: b.code})...)
}

// byTokens asks for many customers, each signed with the customer's own key.
func (b *bench) byTokens(customers []customer) ([]request, error) {
	var pool []request
	for _, c := range customers {
		r, err := b.signedGet(credentials{c.AccessKeyID, c.SecretAccessKey}, subscribed, append(action("VerifyProductSubscriptionByTokens"),
			query.Parameter{Name: query.UserToken, Value: c.UserToken},
			query.Parameter{Name: query.ProductToken, Value: b.productToken})...)
		if err != nil {
			return nil, err
		}
		pool = append(pool, r)
	}
	return pool, nil
}

// activateCustomers uses one activation key for each customer.
func (b *bench) activateCustomers(ctx context.Context, keys []string) ([]customer, error) {
	pool, err := b.activations(credentials{}, "ActivateDesktopProduct", keys)
	if err != nil {
		return nil, err
	}
	customers := make([]customer, len(keys))
	_, _, err = drain(ctx, dialBare, b.operatorTarget(), b.settings.clients, pool, func(i int, got reply) error {
		return xml.Unmarshal(got.body, &customers[i])
	})
	return customers, err
}

// activate uses each key once, signed by the vendor: every answer comes after
// the redemption is committed.
func (b *bench) activate(ctx context.Context, keys []string) (result, error) {
	pool, err := b.activations(b.vendor, "ActivateHostedProduct", keys)
	if err != nil {
		return result{}, err
	}
	took, length, err := drain(ctx, dialBare, b.operatorTarget(), b.settings.clients, pool, func(int, reply) error { return nil })
	return took.over(length), err
}

func (b *bench) activations(key credentials, name string, keys []string) ([]request, error) {
	var pool []request
	for _, activationKey := range keys {
		r, err := b.signedGet(key, []byte("<UserToken>"), append(action(name),
			query.Parameter{Name: query.ActivationKey, Value: activationKey},
			query.Parameter{Name: query.ProductToken, Value: b.productToken})...)
		if err != nil {
			return nil, err
		}
		pool = append(pool, r)
	}
	return pool, nil
}

// compare measures an action and the constant in turns, with one kind of client.
// The requests are signed before: what signing costs is the client's.
func (b *bench) compare(ctx context.Context, connect dial, name string, sign func() ([]request, error)) (*pair, error) {
	pool, err := sign()
	if err != nil {
		return nil, err
	}
	if len(pool) < b.settings.clients {
		return nil, fmt.Errorf("%d requests are too few for %d clients", len(pool), b.settings.clients)
	}
	sample, err := b.sample(ctx, &pool[0])
	if err != nil {
		return nil, err
	}
	if b.constant, err = b.startConstant(ctx, sample); err != nil {
		return nil, err
	}
	defer func() { b.constant.stop(); b.constant = nil }()
	p := &pair{action: name, bytes: len(sample.Body)}
	targets := []struct {
		target target
		rounds *[]result
	}{
		{b.operatorTarget(), &p.operator},
		{target{pid: b.constant.cmd.Process.Pid, address: b.constant.address, roots: b.constant.roots}, &p.constant},
	}
	for round := range b.settings.rounds + 1 {
		for _, t := range targets {
			got, err := load(ctx, connect, t.target, b.settings.clients, pool, b.settings.round)
			if err != nil {
				return nil, err
			}
			if round > 0 { // The first one warms up.
				*t.rounds = append(*t.rounds, got)
			}
		}
		if round > 0 {
			progress("  round %d: %s", round, p.round(round-1))
		}
	}
	return p, nil
}

// sample is an answer of the operator, for the constant server to repeat.
func (b *bench) sample(ctx context.Context, r *request) (answer, error) {
	c, err := dialBare(ctx, b.operatorTarget())
	if err != nil {
		return answer{}, err
	}
	defer c.close()
	got, err := do(c, r)
	if err != nil {
		return answer{}, err
	}
	got.header.Del("Date") // The server writes its own.
	return answer{Header: got.header, Body: bytes.Clone(got.body)}, nil
}
