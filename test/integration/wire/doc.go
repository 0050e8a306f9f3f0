// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire calls the HTTPS endpoint as licensed software does, and sets up
// vendors for that. Every answer that passes through it is held against what
// the contract says of all answers.
package wire
