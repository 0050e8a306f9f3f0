// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// linksCommand prints the links to a customer's pages. It runs with the rights
// of whoever calls it: get on the Subscription and on its Secret.
func linksCommand(connect func() (client.Client, error)) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "links SUBSCRIPTION",
		Short: "Print the links to the registration and the activation page of a customer",
		Long: `Print the links to the registration and the activation page of a customer.

Whoever has a link can use the page: send it to nobody but the customer.`,
		Example: "  license-operator links --namespace acme initech",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if namespace == "" {
				return errors.New("set --namespace to the vendor's namespace")
			}
			c, err := connect()
			if err != nil {
				return err
			}
			return printLinks(cmd.Context(), cmd.OutOrStdout(), c, client.ObjectKey{Namespace: namespace, Name: args[0]})
		},
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the vendor's namespace, where the Subscription is")
	return cmd
}

func printLinks(ctx context.Context, out io.Writer, c client.Client, key client.ObjectKey) error {
	sub := &v1alpha1.Subscription{}
	if err := c.Get(ctx, key, sub); err != nil {
		return fmt.Errorf("read the Subscription: %w", err)
	}
	ref := sub.Status.LinksSecretRef
	if ref == nil {
		return fmt.Errorf("the Subscription %s has no links: set `registration.fulfillmentURL` or `activation.redirectURL` in the Product %s, and wait a moment",
			key, sub.Spec.ProductRef.Name)
	}
	secret := &corev1.Secret{}
	err := c.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("the Secret %s is gone; the operator writes it again within the hour", ref.Name)
	}
	if err != nil {
		return fmt.Errorf("read the Secret with the links: %w", err)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"Registration", string(secret.Data[v1alpha1.SecretKeyRegistrationURL])},
		{"Activation", string(secret.Data[v1alpha1.SecretKeyActivationURL])},
		{"Good until", expiration(sub)},
	} {
		if line[1] != "" {
			_, _ = fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
		}
	}
	return table.Flush()
}

// expiration is when the links end, as people read it.
func expiration(sub *v1alpha1.Subscription) string {
	if sub.Status.LinksExpirationTime == nil {
		return ""
	}
	return sub.Status.LinksExpirationTime.UTC().Format(time.RFC3339)
}
