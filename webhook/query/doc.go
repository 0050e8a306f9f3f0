// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package query speaks REST-Query, the protocol of the DevPay License Service
// (API version 2008-04-28): parameters in a URL or a form, answers in XML. It
// is pure: it knows no cluster and reads no clock.
//
// The endpoint calls its steps in the order in which the protocol checks a
// request: Parse, Request.Action, Request.CheckVersion, the signature (package
// auth), Action.CheckParameters, the handler, and WriteResult or WriteError.
package query
