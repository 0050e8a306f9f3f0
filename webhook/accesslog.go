// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

// Values of the label protocol, and of the label action where there is none.
const (
	protocolQuery = "REST-Query"
	protocolJSON  = "JSON"
	noAction      = "-"
	codeOK        = "OK"
)

// record is what is known of one request when it is over.
type record struct {
	id        string
	start     time.Time
	protocol  string
	action    string
	principal *auth.Principal
}

// finish writes the answer, counts it, and writes the request's one log line,
// which holds nothing that the caller sent but the action and the public half
// of a key that was proved.
func (e *Endpoint) finish(w http.ResponseWriter, r *http.Request, rec *record, result query.Result, err error) {
	code, status := codeOK, http.StatusOK
	var lost error
	switch {
	case err != nil && rec.protocol == protocolJSON:
		status = http.StatusBadRequest
		code, lost = writeJSONError(w, err)
	case err != nil:
		failure := query.FailureOf(err)
		code, status = failure.Code, failure.Status
		lost = query.WriteError(w, rec.id, err)
	default:
		lost = query.WriteResult(w, rec.id, result)
	}
	took := e.clock.Since(rec.start)
	metrics.Request(rec.protocol, rec.action, code, took)

	line := slog.NewRecord(rec.start.Add(took), slog.LevelInfo, "Request", 0)
	line.AddAttrs(slog.String("logger", "endpoint"),
		slog.String("requestID", rec.id), slog.String("protocol", rec.protocol), slog.String("action", rec.action),
		slog.String("code", code), slog.Int("status", status),
		slog.Float64("durationSeconds", took.Seconds()), slog.String("client", address(r)))
	if p := rec.principal; p != nil {
		line.AddAttrs(slog.String("namespace", p.Namespace), slog.String("accessKey", p.KeyName))
	}
	if lost != nil {
		line.AddAttrs(slog.Bool("answerLost", true))
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		line.AddAttrs(slog.String("detail", f.Detail))
	}
	if kind := fault.KindOf(err); err != nil && (kind == fault.Internal || kind == fault.Unavailable) {
		line.Level = slog.LevelError
		line.AddAttrs(slog.String("err", cause(err).Error()))
	}
	writeLine(r.Context(), line)
}

// writeLine hands the line to slog, without logr in between, which would cost
// more than formatting it.
func writeLine(ctx context.Context, line slog.Record) {
	if h := logr.ToSlogHandler(logf.FromContext(ctx)); h.Enabled(ctx, line.Level) {
		_ = h.Handle(ctx, line) // Where would one say that the log can't be written?
	}
}

// cause is what the log may say of an error: for a fault what lies behind it.
func cause(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && errors.Unwrap(f) != nil {
		return errors.Unwrap(f)
	}
	return err
}
