// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"math"
	"reflect"
	"strconv"
	"time"
)

// FormatTime writes a time as the License Manager's members of the shape
// ISO8601DateTime have it: whole seconds of UTC, such as 2026-11-22T02:44:00Z.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// Timestamp is a time as the shape "timestamp" of the API models has it: a
// number of seconds since 1970, to the millisecond. In a request it is an
// integer, as the SDK for Python sends it, or has a fraction, as those for Go
// and JavaScript do, or an exponent; text is refused, which no SDK sends. The
// zero Timestamp is written as null.
type Timestamp struct{ time.Time }

// timestampForm says what a Timestamp in a request must be. Milliseconds are
// what is mistaken for seconds.
const timestampForm = "a number of seconds since 1970-01-01T00:00:00Z in the years 1 to 9999"

// The first and the last millisecond that a Timestamp may be, since 1970.
var (
	firstTimestamp = time.Date(1, 1, 1, 0, 0, 0, int(time.Millisecond), time.UTC).UnixMilli()
	lastTimestamp  = time.Date(9999, 12, 31, 23, 59, 59, 999*int(time.Millisecond), time.UTC).UnixMilli()
)

// MarshalJSON implements json.Marshaler.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', -1, 64), nil
}

// timestamp reads a number of seconds and rounds it to the millisecond, as
// finely as every client counts.
func (d *decoder) timestamp(v *value, out reflect.Value) error {
	seconds, err := d.float()
	milliseconds := math.Round(seconds * 1000)
	if err == nil && (milliseconds < float64(firstTimestamp) || milliseconds > float64(lastTimestamp)) {
		err = d.mismatch(timestampForm)
	}
	if err != nil {
		return err
	}
	set(v, out).Set(reflect.ValueOf(Timestamp{time.UnixMilli(int64(milliseconds)).UTC()}))
	return nil
}

func (d *decoder) double(v *value, out reflect.Value) error {
	number, err := d.float()
	if err != nil {
		return err
	}
	set(v, out).SetFloat(number)
	return nil
}

func (d *decoder) float() (float64, error) {
	b, err := d.number()
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, d.mismatch("a number of double precision")
	}
	return number, nil
}
