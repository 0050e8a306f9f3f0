// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "time"

// FormatTime writes a time as the License Manager's members of the shape
// ISO8601DateTime have it: whole seconds of UTC, such as 2026-11-22T02:44:00Z.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
