// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package seatstest has a store of seat books in memory for tests: it behaves
// like the API server, shows its versions to replicas late or out of step as a
// watch may, and fails in every way in which a write can fail. It holds each
// version against the rules of the SeatLedger's schema and the invariants of
// the book, and fails the test when one is broken.
//
// Conformance is what every seats.Store must do.
package seatstest
