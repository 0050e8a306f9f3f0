// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command license-operator runs the operator and helps to try it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// version is set by the linker in releases.
var version = ""

func main() {
	uuid.EnableRandPool() // Request ids need no system call each.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	root := &cobra.Command{
		Use:           "license-operator",
		Short:         "Software licences as Kubernetes resources, served over the protocols that licensed software knows",
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), signCommand(), linksCommand(connectToCluster), keysCommand(connectToCluster, clock.RealClock{}), usageCommand(findCluster))
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
