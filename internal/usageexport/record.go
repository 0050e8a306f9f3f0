// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usageexport

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Format is the form of the files.
type Format string

// The formats.
const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
)

// Formats are all of them.
var Formats = []Format{CSV, JSONL}

// Columns are the names of the columns of CSV, in their order, and of the
// members of JSONL. New ones are only ever added at the end.
var Columns = []string{
	"meteringRecordID", "namespace", "name", "product", "productCode", "subscription",
	"customerIdentifier", "customerAccountID", "dimension", "hour", "quantity",
	"allocations", "operation", "reportedTime", "podUID", "creationTime",
}

// line is one record in JSONL. Its members are Columns.
type line struct {
	MeteringRecordID   string                     `json:"meteringRecordID"`
	Namespace          string                     `json:"namespace"`
	Name               string                     `json:"name"`
	Product            string                     `json:"product"`
	ProductCode        string                     `json:"productCode"`
	Subscription       string                     `json:"subscription"`
	CustomerIdentifier string                     `json:"customerIdentifier"`
	CustomerAccountID  string                     `json:"customerAccountID"`
	Dimension          string                     `json:"dimension"`
	Hour               string                     `json:"hour"`
	Quantity           int32                      `json:"quantity"`
	Allocations        []v1alpha1.UsageAllocation `json:"allocations"`
	Operation          string                     `json:"operation"`
	ReportedTime       string                     `json:"reportedTime"`
	PodUID             string                     `json:"podUID"`
	CreationTime       string                     `json:"creationTime"`
}

func lineOf(r *v1alpha1.UsageRecord) line {
	s := &r.Spec
	l := line{
		MeteringRecordID: s.MeteringRecordID, Namespace: r.Namespace, Name: r.Name,
		Product: s.ProductRef.Name, ProductCode: s.ProductCode, Subscription: s.SubscriptionRef.Name,
		CustomerIdentifier: s.CustomerIdentifier, CustomerAccountID: s.CustomerAccountID,
		Dimension: s.Dimension, Hour: timeText(&s.Hour), Quantity: s.Quantity, Allocations: s.Allocations,
		Operation: string(s.Operation), ReportedTime: timeText(s.ReportedTime), PodUID: s.PodUID,
		CreationTime: timeText(&r.CreationTimestamp),
	}
	if l.Allocations == nil {
		l.Allocations = []v1alpha1.UsageAllocation{}
	}
	return l
}

// timeText is a time in whole seconds of UTC, or "".
func timeText(t *metav1.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// recordWriter writes records in one format.
type recordWriter interface {
	write(r *v1alpha1.UsageRecord) error
	flush() error
}

func newRecordWriter(f Format, w io.Writer) (recordWriter, error) {
	switch f {
	case CSV:
		c := &csvWriter{csv.NewWriter(w)}
		return c, c.w.Write(Columns)
	case JSONL:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return &jsonWriter{e}, nil
	default:
		return nil, fmt.Errorf("the format must be csv or jsonl, not %q", f)
	}
}

// csvWriter writes RFC 4180 with line feeds. Nothing is done to values that a
// spreadsheet would take for formulas: only names that the vendor itself has
// given can begin with such a sign, and who bills by a name needs it as it is.
type csvWriter struct{ w *csv.Writer }

func (c *csvWriter) write(r *v1alpha1.UsageRecord) error {
	l := lineOf(r)
	allocations := ""
	if len(l.Allocations) > 0 {
		raw, err := json.Marshal(l.Allocations)
		if err != nil {
			return err
		}
		allocations = string(raw)
	}
	return c.w.Write([]string{
		l.MeteringRecordID, l.Namespace, l.Name, l.Product, l.ProductCode, l.Subscription,
		l.CustomerIdentifier, l.CustomerAccountID, l.Dimension, l.Hour, strconv.Itoa(int(l.Quantity)),
		allocations, l.Operation, l.ReportedTime, l.PodUID, l.CreationTime,
	})
}

func (c *csvWriter) flush() error {
	c.w.Flush()
	return c.w.Error()
}

type jsonWriter struct{ e *json.Encoder }

func (j *jsonWriter) write(r *v1alpha1.UsageRecord) error { return j.e.Encode(lineOf(r)) }

func (*jsonWriter) flush() error { return nil }

// ParseFormat reads a format's name.
func ParseFormat(text string) (Format, error) {
	if f := Format(strings.ToLower(text)); slices.Contains(Formats, f) {
		return f, nil
	}
	return "", fmt.Errorf("the format must be csv or jsonl, not %q", text)
}
