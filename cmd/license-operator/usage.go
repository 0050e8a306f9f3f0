// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/internal/usageexport"
)

// usageCommand exports what was metered, with the rights of whoever calls it:
// list on usagerecords.
func usageCommand(find func() (*rest.Config, error)) *cobra.Command {
	usage := &cobra.Command{Use: "usage", Short: "Work with what was metered"}
	usage.AddCommand(usageExportCommand(find))
	return usage
}

func usageExportCommand(find func() (*rest.Config, error)) *cobra.Command {
	var e usageexport.Export
	var all bool
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the usage that was recorded since the last export into a new file",
		Long: `Writes the UsageRecords that were made since the newest file in the directory ends
into one new file, usage-<from>-<to>.csv. Each record is in one file, once.
A file appears as a whole, also if the command is killed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			switch {
			case all == (e.Namespace != ""):
				return errors.New("say whose usage: either --namespace or --all-namespaces")
			case e.Directory == "":
				return errors.New("set --directory to where the files are")
			}
			if e.Format, err = usageexport.ParseFormat(format); err != nil {
				return err
			}
			cfg, err := find()
			if err != nil {
				return err
			}
			if e.Client, e.Now, err = connectWithClock(cfg); err != nil {
				return err
			}
			result, err := e.Run(cmd.Context())
			if err != nil {
				return err
			}
			if result.File == "" {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Nothing was recorded from %s to %s.\n", result.From.Format(time.RFC3339), result.To.Format(time.RFC3339))
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d records in %s\n", result.Records, result.File)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&e.Namespace, "namespace", "n", "", "the vendor's namespace")
	f.BoolVarP(&all, "all-namespaces", "A", false, "the usage of all vendors")
	f.StringVar(&format, "format", string(usageexport.CSV), "csv or jsonl")
	f.StringVar(&e.Directory, "directory", "", "where the files are; the newest tells where to begin")
	f.DurationVar(&e.Settle, "settle", usageexport.DefaultSettle, "how long ago a record must have been made, at least 1m")
	f.BoolVar(&e.WriteEmpty, "write-empty", false, "write a file also if nothing was recorded")
	return cmd
}

// findCluster finds the cluster as kubectl does.
func findCluster() (*rest.Config, error) {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	return cfg, nil
}

// connectWithClock returns a client, and the API server's time by its last
// answer.
func connectWithClock(cfg *rest.Config) (client.Client, func() time.Time, error) {
	c := &dates{}
	cfg = rest.CopyConfig(cfg)
	cfg.Wrap(c.wrap)
	reader, err := client.New(cfg, client.Options{Scheme: app.NewScheme()})
	return reader, c.latest, err
}

// dates remembers the Date of the last answer.
type dates struct {
	mu   sync.Mutex
	last time.Time
}

func (d *dates) latest() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *dates) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil {
			if date, parseErr := http.ParseTime(resp.Header.Get("Date")); parseErr == nil {
				d.mu.Lock()
				d.last = date
				d.mu.Unlock()
			}
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
