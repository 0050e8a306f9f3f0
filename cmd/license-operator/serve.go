// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/internal/options"
)

func serveCommand() *cobra.Command {
	o := &options.Options{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the operator: the controllers and the HTTPS endpoint",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return serve(cmd.Context(), o)
		},
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

func serve(ctx context.Context, o *options.Options) error {
	if os.Getenv("GOGC") == "" {
		go tuneCollector(ctx)
	}
	log := newLogger(o)
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client"))
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", o.ListenAddress)
	if err != nil {
		return err
	}
	log.Info("Starting", "version", versionText(), "endpoint", listener.Addr().String())
	return app.Run(ctx, cfg, o, listener, log, clock.RealClock{})
}

func newLogger(o *options.Options) logr.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "error": slog.LevelError}[o.LogLevel]
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat == "text" {
		return logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, options))
	}
	return logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, options))
}
