// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/license-operator/license-operator/webhook/auth"
)

// jsonType is the content type of AWS JSON 1.1.
const jsonType = "application/x-amz-json-1.1"

// JSONCall is one request of AWS JSON 1.1.
type JSONCall struct {
	// Target is the API and the operation.
	Target string
	// Body is what the body says: text as it is, or a value to encode.
	Body any
	// Signer signs with version 4 if it is not nil, for a service.
	Signer  *auth.Signer
	Service string
	// Bearer is a ServiceAccount's token, or "".
	Bearer string
}

// By returns the call signed by somebody else.
func (c JSONCall) By(signer *auth.Signer) JSONCall {
	c.Signer = signer
	return c
}

// Marketplace is a call of AWS Marketplace Metering or of the Entitlement
// Service.
func Marketplace(signer *auth.Signer, target string, body any) JSONCall {
	return JSONCall{Target: target, Body: body, Signer: signer, Service: "aws-marketplace"}
}

// ResolveCustomer calls that operation.
func ResolveCustomer(signer *auth.Signer, token string) JSONCall {
	return Marketplace(signer, "AWSMPMeteringService.ResolveCustomer", map[string]string{"RegistrationToken": token})
}

// GetEntitlements calls that operation; filter may be nil.
func GetEntitlements(signer *auth.Signer, code string, filter map[string][]string) JSONCall {
	body := map[string]any{"ProductCode": code}
	if filter != nil {
		body["Filter"] = filter
	}
	return Marketplace(signer, "AWSMPEntitlementService.GetEntitlements", body)
}

// JSONAnswer is an answer of AWS JSON 1.1 that was in form.
type JSONAnswer struct {
	Status int
	Header http.Header
	// Body is the text, Members what it says.
	Body    string
	Members map[string]any
}

// Code is the name of an error, "" of a success.
func (a *JSONAnswer) Code() string {
	code, _ := a.Members["__type"].(string)
	return code
}

// Text is a member that is text, "" if there is none.
func (a *JSONAnswer) Text(member string) string {
	text, _ := a.Members[member].(string)
	return text
}

// read says what is wrong with the answer by the protocol. message is the
// member with an error's text.
func (a *JSONAnswer) read(message string) error {
	if _, err := uuid.Parse(a.Header.Get("x-amzn-RequestId")); err != nil {
		return fmt.Errorf("status %d: the request's id: %w", a.Status, err)
	}
	if a.Header.Get("Date") == "" || a.Header.Get("Content-Type") != jsonType {
		return fmt.Errorf("the headers are %v", a.Header)
	}
	if err := json.Unmarshal([]byte(a.Body), &a.Members); err != nil {
		return fmt.Errorf("%w: %s", err, a.Body)
	}
	if a.Status == http.StatusOK {
		if a.Code() != "" {
			return errors.New("a success has the name of an error")
		}
		return nil
	}
	if a.Code() == "" || a.Code() != a.Header.Get("x-amzn-ErrorType") || a.Text(message) == "" || len(a.Members) != 2 {
		return fmt.Errorf("status %d with an error that is not in form: %v %s", a.Status, a.Header, a.Body)
	}
	return nil
}

// TryJSON sends a call. The error is that of the connection, or says what is
// wrong with the answer by the protocol.
func (c *Client) TryJSON(ctx context.Context, call JSONCall) (*JSONAnswer, error) {
	body, isText := call.Body.(string)
	if !isText {
		text, err := json.Marshal(call.Body)
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/", bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("X-Amz-Target", call.Target)
	if call.Signer != nil {
		err := auth.SignV4(req, []byte(body), call.Signer.AccessKeyID, call.Signer.SecretAccessKey, "", "us-east-1", call.Service, c.Now())
		if err != nil {
			return nil, err
		}
	}
	if call.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+call.Bearer)
		c.Ledger.Secret("ServiceAccount token", call.Bearer[strings.LastIndexByte(call.Bearer, '.')+1:])
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	a := &JSONAnswer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
	message := "message"
	if strings.HasPrefix(call.Target, "AWSLicenseManager.") {
		message = "Message"
	}
	err = a.read(message)
	c.Ledger.failedJSON(a)
	return a, err
}

// DoJSON sends a call that must be answered in form.
func (c *Client) DoJSON(t testing.TB, call JSONCall) *JSONAnswer {
	t.Helper()
	a, err := c.TryJSON(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// failedJSON remembers an error that was answered, and whether it is one that no
// caller may see.
func (l *Ledger) failedJSON(a *JSONAnswer) {
	if l == nil || a.Status == http.StatusOK {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bodies = append(l.bodies, a.Body)
	if a.Status >= http.StatusInternalServerError && a.Header.Get("Retry-After") == "" {
		l.failed = append(l.failed, fmt.Sprintf("status %d: %s", a.Status, a.Body))
	}
}
