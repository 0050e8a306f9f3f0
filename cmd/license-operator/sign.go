// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

// signCommand makes a signed URL, so that curl can call a DevPay action.
func signCommand() *cobra.Command {
	var endpoint, signatureVersion string
	cmd := &cobra.Command{
		Use:   "sign ACTION [NAME=VALUE]...",
		Short: "Print the signed URL of a DevPay License Service request",
		Long: `Print the signed URL of a DevPay License Service request, good for 15 minutes.

The endpoint is $LICENSE_OPERATOR_URL; the request is signed with
$AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY. ActivateDesktopProduct is not
signed.`,
		Example: `  curl --cacert "$AWS_CA_BUNDLE" "$(license-operator sign VerifyProductSubscriptionByPid \
    PersistentIdentifier="$PID" ProductCode=774F4FF8)"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			signed, err := signedURL(endpoint, signatureVersion, args[0], args[1:])
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), signed)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", os.Getenv("LICENSE_OPERATOR_URL"), "URL of the endpoint (default $LICENSE_OPERATOR_URL)")
	cmd.Flags().StringVar(&signatureVersion, "signature-version", "2", "2 or 1")
	return cmd
}

func signedURL(endpoint, signatureVersion, action string, pairs []string) (string, error) {
	if signatureVersion != "1" && signatureVersion != "2" {
		return "", errors.New("--signature-version must be 2 or 1")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "", errors.New("set --endpoint or LICENSE_OPERATOR_URL to the URL of the endpoint, for example https://localhost:8443")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	parameters := []query.Parameter{{Name: query.ActionParameter, Value: action}, {Name: query.Version, Value: "2008-04-28"}}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return "", fmt.Errorf("%q is not NAME=VALUE", name)
		}
		parameters = append(parameters, query.Parameter{Name: name, Value: value})
	}
	if action != "ActivateDesktopProduct" {
		signer := auth.Signer{
			AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			Version:         signatureVersion,
			Method:          auth.HmacSHA256,
		}
		if signer.AccessKeyID == "" || signer.SecretAccessKey == "" {
			return "", errors.New("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an access key of the vendor or customer")
		}
		if parameters, err = signer.Sign(http.MethodGet, u.Host, u.EscapedPath(), parameters, time.Now()); err != nil {
			return "", err
		}
	}
	u.RawQuery = query.Encode(parameters)
	return u.String(), nil
}
