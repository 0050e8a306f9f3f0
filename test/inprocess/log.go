// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package inprocess

import (
	"bytes"
	"log/slog"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Log takes what operators log.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Logger writes as the command does with --log-level debug.
func (l *Log) Logger() logr.Logger {
	return logr.FromSlogHandler(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TakeAll makes it the log of the libraries in this process as well.
func (l *Log) TakeAll() {
	ctrl.SetLogger(l.Logger())
	klog.SetLogger(l.Logger().WithName("client"))
}
