// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command sdk-go calls AWS License Manager and the services of AWS Marketplace
// with the AWS SDK for Go, once for each line of standard input.
//
// A line holds an operation and its input in JSON, in the words of the API; the
// answer line what the SDK makes of the reply. All of the request, the
// signature, the parsing and the repeating is the SDK's own, and so is the
// configuration: it comes from the environment.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/marketplaceentitlementservice"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering"
	"github.com/aws/smithy-go"
)

type call struct {
	Operation string          `json:"operation"`
	Input     json.RawMessage `json:"input"`
}

type answer struct {
	Output any `json:"output,omitempty"`
	// Code and Message are an error's.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Modelled says that the SDK has a type for the error.
	Modelled bool `json:"modelled,omitempty"`
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	clients := []any{
		licensemanager.NewFromConfig(cfg),
		marketplacemetering.NewFromConfig(cfg),
		marketplaceentitlementservice.NewFromConfig(cfg),
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var c call
		if err := in.Decode(&c); err != nil {
			return err
		}
		a, err := do(ctx, clients, c)
		if err != nil {
			return err
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// do calls the method of the operation's name, which only one of the clients
// has. The SDK's types have the API's names for their fields.
func do(ctx context.Context, clients []any, c call) (answer, error) {
	var method reflect.Value
	for _, client := range clients {
		if m := reflect.ValueOf(client).MethodByName(c.Operation); m.IsValid() {
			method = m
		}
	}
	if !method.IsValid() {
		return answer{}, fmt.Errorf("the SDK has no operation %s", c.Operation)
	}
	input := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal(c.Input, input.Interface()); err != nil {
		return answer{}, err
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
	err, _ := results[1].Interface().(error)
	if err == nil {
		return answer{Output: results[0].Interface()}, nil
	}
	var known smithy.APIError
	if !errors.As(err, &known) {
		return answer{Message: err.Error()}, nil
	}
	_, generic := known.(*smithy.GenericAPIError)
	return answer{Code: known.ErrorCode(), Message: known.ErrorMessage(), Modelled: !generic}, nil
}
