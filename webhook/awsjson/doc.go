// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package awsjson speaks AWS JSON 1.1: the name of an operation in the header
// X-Amz-Target, one JSON object in the body and one in the answer. It is pure:
// it knows no cluster and reads no clock.
//
// The endpoint calls its steps in the order in which the protocol checks a
// request: Route, Operation.Decode, the signature (package auth),
// Operation.Served, Input.Validate, the handler, and WriteResult or WriteError.
// What Served answers is the same for everybody, so it may come earlier.
package awsjson
