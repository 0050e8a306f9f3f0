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
)

// Values of the label protocol, and of the label action where there is none.
const (
	protocolQuery = "REST-Query"
	protocolJSON  = "JSON"
	protocolHTTP  = "HTTP"
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

// answer writes an answer in its protocol. It returns the protocol's code, the
// status, and why the answer was lost if it was.
type answer func(w http.ResponseWriter) (code string, status int, lost error)

// finish writes the answer, counts it, and writes the request's one log line,
// which holds nothing that the caller sent but the action and the public half
// of a key that was proved.
func (e *Endpoint) finish(w http.ResponseWriter, r *http.Request, rec *record, err error, write answer) {
	code, status, lost := write(w)
	took := e.clock.Since(rec.start)
	metrics.Request(rec.protocol, rec.action, code, took)

	line := slog.NewRecord(rec.start.Add(took), slog.LevelInfo, "Request", 0)
	line.AddAttrs(slog.String("logger", "endpoint"),
		slog.String("requestID", rec.id), slog.String("protocol", rec.protocol), slog.String("action", rec.action),
		slog.String("code", code), slog.Int("status", status),
		slog.Float64("durationSeconds", took.Seconds()), slog.String("client", address(r)))
	if p := rec.principal; p != nil {
		if p.Kind == auth.ServiceAccount {
			line.AddAttrs(slog.String("username", p.Username))
		} else {
			line.AddAttrs(slog.String("namespace", p.Namespace), slog.String("accessKey", p.KeyName))
		}
	}
	if lost != nil || r.Context().Err() != nil {
		line.AddAttrs(slog.Bool("answerLost", true))
	}
	// What is wrong with a value says the value, which is the caller's.
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Validation && f.Kind != fault.UnsupportedSignatureMethod {
		line.AddAttrs(slog.String("detail", f.Detail))
	}
	if kind := fault.KindOf(err); err != nil && (kind == fault.Internal || kind == fault.Unavailable) {
		// What a caller that hung up no longer waits for has not failed.
		if r.Context().Err() == nil || !errors.Is(err, context.Canceled) {
			line.Level = slog.LevelError
		}
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
