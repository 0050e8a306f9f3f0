// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/internal/secrets"
)

// keyKind is a kind of key that can be rotated.
type keyKind struct {
	name         string
	defaultDelay time.Duration
	// rotated and retired say what that means for what is in the field.
	rotated, retired string
}

var (
	sealing = keyKind{
		name: "sealing", defaultDelay: 5 * time.Minute,
		rotated: "What earlier versions sealed is still accepted.",
		retired: "Tokens that it sealed are refused from now on.",
	}
	signing = keyKind{
		name: "signing", defaultDelay: secrets.DefaultSigningDelay,
		rotated: "It is in the JWKS already. What earlier versions signed still verifies.",
		retired: "Licence tokens that it signed no longer verify.",
	}
)

// keysCommand rotates the keys that can be rotated. It runs with the rights of
// whoever calls it: get and update on the operator's Secret.
func keysCommand(connect func() (client.Client, error), clk clock.PassiveClock) *cobra.Command {
	var secret types.NamespacedName
	keys := &cobra.Command{Use: "keys", Short: "Rotate the operator's sealing or signing keys"}
	keys.PersistentFlags().StringVar(&secret.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "the operator's namespace (default $POD_NAMESPACE)")
	keys.PersistentFlags().StringVar(&secret.Name, "keys-secret", secrets.DefaultSecretName, "the Secret with the operator's keys")
	open := func() (client.Client, error) {
		if secret.Namespace == "" {
			return nil, errors.New("set --namespace to the operator's namespace")
		}
		return connect()
	}

	// Without a kind cobra would print the help and be content.
	which := func(*cobra.Command, []string) error { return errors.New("say which keys: sealing or signing") }
	rotate := &cobra.Command{Use: "rotate", Short: "Add a version of a key, used after a delay", RunE: which}
	rotate.AddCommand(
		rotateCommand(sealing, "Add a version of the sealing key, used after a delay in which every replica reads it",
			func(ctx context.Context, delay time.Duration, _ int) (int, error) {
				c, err := open()
				if err != nil {
					return 0, err
				}
				return secrets.RotateSealing(ctx, c, secret, clk, rand.Reader, delay)
			}),
		rotateCommand(signing, "Add a version of the signing keys, used after a delay in which every verifier reads the JWKS",
			func(ctx context.Context, delay time.Duration, rsaBits int) (int, error) {
				c, err := open()
				if err != nil {
					return 0, err
				}
				return secrets.RotateSigning(ctx, c, secret, clk, rand.Reader, delay, rsaBits)
			}))

	retire := &cobra.Command{Use: "retire", Short: "Remove an old version of a key", RunE: which}
	retire.AddCommand(
		retireCommand(sealing, "Remove a version of the sealing key: every token that it sealed is refused from then on",
			func(ctx context.Context, version int) error {
				c, err := open()
				if err != nil {
					return err
				}
				return secrets.RetireSealing(ctx, c, secret, clk, version)
			}),
		retireCommand(signing, "Remove a version of the signing keys: no licence token that it signed verifies from then on",
			func(ctx context.Context, version int) error {
				c, err := open()
				if err != nil {
					return err
				}
				return secrets.RetireSigning(ctx, c, secret, clk, version)
			}))
	keys.AddCommand(rotate, retire)
	return keys
}

func rotateCommand(kind keyKind, short string, do func(ctx context.Context, delay time.Duration, rsaBits int) (int, error)) *cobra.Command {
	var delay time.Duration
	var rsaBits int
	cmd := &cobra.Command{
		Use: kind.name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			version, err := do(cmd.Context(), delay, rsaBits)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Version %d of the %s keys will be used in %s. %s\n", version, kind.name, delay, kind.rotated)
			return err
		},
	}
	cmd.Flags().DurationVar(&delay, "delay", kind.defaultDelay, "how long until the new version is used")
	if kind.name == signing.name {
		cmd.Flags().IntVar(&rsaBits, "rsa-bits", 0, "size of the key for PS384: 2048, 3072 or 4096; 0 for that of the version before")
	}
	return cmd
}

func retireCommand(kind keyKind, short string, do func(ctx context.Context, version int) error) *cobra.Command {
	return &cobra.Command{
		Use: kind.name + " VERSION", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("VERSION must be a number: %w", err)
			}
			if err := do(cmd.Context(), version); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Version %d of the %s keys is gone. %s\n", version, kind.name, kind.retired)
			return err
		},
	}
}

// connectToCluster finds the cluster as kubectl does.
func connectToCluster() (client.Client, error) {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	return client.New(cfg, client.Options{Scheme: app.NewScheme()})
}
