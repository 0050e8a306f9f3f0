// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command controlplane builds and runs a local Kubernetes control plane (etcd
// and kube-apiserver) from Go modules alone. The tests and the examples of
// license-operator use it where no cluster and no container runtime is at
// hand.
//
// The versions are those in this module's go.mod, checked against its go.sum.
// The binaries are kept in the user's cache directory and built only once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Usage: controlplane COMMAND [flags]

Commands:
  assets   print the directory that holds etcd, kube-apiserver and kubectl;
           build what is missing first
  start    run etcd and kube-apiserver in the foreground until interrupted

Environment:
  KUBEBUILDER_ASSETS   used as it is if it names a directory that holds the
                       three binaries

Run "controlplane start -h" for the flags of start.
`

// errUsage marks a mistake on the command line. The text about it has been
// written already when it is returned.
var errUsage = errors.New("usage")

func main() {
	// A reaper must outlive the signals that end its parent.
	if len(os.Args) > 1 && os.Args[1] == reapCommand {
		reap(os.Stdin, os.Args[2:])
		return
	}
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // It is ignored under nohup.
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "controlplane: interrupted")
		os.Exit(130)
	default:
		fmt.Fprintf(os.Stderr, "controlplane: %v\n", err)
		os.Exit(1)
	}
}

// run executes one command. It returns errUsage for a bad command line,
// context.Canceled when ctx ended before the command did its work, and nil
// when a started control plane was asked to stop.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errUsage
	}
	switch args[0] {
	case "assets":
		if len(args) > 1 {
			fmt.Fprintf(stderr, "controlplane: assets takes no arguments, got %q\n", args[1])
			return errUsage
		}
		ctx, cancel := withParent(ctx)
		defer cancel()
		dir, err := ensureAssets(ctx, stderr)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, dir)
		return err
	case "start":
		opts, err := parseStartFlags(args[1:], stderr)
		if err != nil {
			return err
		}
		ctx, cancel := withParent(ctx)
		defer cancel()
		return start(ctx, opts, stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	default:
		fmt.Fprintf(stderr, "controlplane: unknown command %q\n\n%s", args[0], usage)
		return errUsage
	}
}

// startOptions are the flags of the start command.
type startOptions struct {
	kubeconfig string // path of the admin kubeconfig; inside dataDir if empty
	dataDir    string // directory for data and logs; a temporary one if empty
	keepData   bool   // leave data, logs and kubeconfig behind
	readyFile  string // written when the API server is ready, if not empty
}

func parseStartFlags(args []string, stderr io.Writer) (startOptions, error) {
	var opts startOptions
	fs := flag.NewFlagSet("controlplane start", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&opts.kubeconfig, "kubeconfig", "",
		"write the admin kubeconfig to `FILE` (default: in the data directory)")
	fs.StringVar(&opts.dataDir, "data-dir", "",
		"keep data and logs in `DIR`, which must be new or empty, or from an earlier start (default: a temporary directory)")
	fs.BoolVar(&opts.keepData, "keep-data", false,
		"do not remove data, logs and kubeconfig at the end")
	fs.StringVar(&opts.readyFile, "ready-file", "",
		"write the path of the kubeconfig to `FILE` when the API server is ready")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return opts, err
		}
		return opts, errUsage
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "controlplane: start takes flags only, got %q\n", fs.Arg(0))
		return opts, errUsage
	}
	return opts, nil
}
