// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
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

// keysCommand rotates the keys that can be rotated. It runs with the rights of
// whoever calls it: get and update on the operator's Secret.
func keysCommand() *cobra.Command {
	var secret types.NamespacedName
	keys := &cobra.Command{Use: "keys", Short: "Rotate the operator's sealing keys"}
	keys.PersistentFlags().StringVar(&secret.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "the operator's namespace (default $POD_NAMESPACE)")
	keys.PersistentFlags().StringVar(&secret.Name, "keys-secret", secrets.DefaultSecretName, "the Secret with the operator's keys")

	var delay time.Duration
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Add a version of the sealing key, used after a delay in which every replica reads it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := keysClient(secret)
			if err != nil {
				return err
			}
			version, err := secrets.Rotate(cmd.Context(), c, secret, clock.RealClock{}, rand.Reader, delay)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Version %d will be used in %s. What earlier versions sealed is still accepted.\n", version, delay)
			return err
		},
	}
	rotate.Flags().DurationVar(&delay, "delay", 5*time.Minute, "how long until the new version is used")

	retire := &cobra.Command{
		Use:   "retire VERSION",
		Short: "Remove a version of the sealing key: every token that it sealed is refused from then on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("VERSION must be a number: %w", err)
			}
			c, err := keysClient(secret)
			if err != nil {
				return err
			}
			if err := secrets.Retire(cmd.Context(), c, secret, clock.RealClock{}, version); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Version %d is gone.\n", version)
			return err
		},
	}
	keys.AddCommand(rotate, retire)
	return keys
}

func keysClient(secret types.NamespacedName) (client.Client, error) {
	if secret.Namespace == "" {
		return nil, errors.New("set --namespace to the operator's namespace")
	}
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	return client.New(cfg, client.Options{Scheme: app.NewScheme()})
}
