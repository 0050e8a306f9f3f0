// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package seats keeps the book of seats. The book of one Subscription is a
// chain of blocks, each a SeatLedger: a commit of a block, by
// compare-and-swap, is what grants a seat, gives it back or prolongs it.
// Everything else, LicenseCheckout objects and statuses, follows from it.
//
// One block at a time is open: only there are seats granted. A closed block
// only loses entries. So what a closed block holds can be overestimated, from
// an old copy, and never underestimated: the open block may give what the
// Subscription has, less what the closed ones are known to hold, and no two
// blocks ever have to agree. And since every grant of a Subscription goes
// through the chain of open blocks, one checkout is never granted twice.
package seats
