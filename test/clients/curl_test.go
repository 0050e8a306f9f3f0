// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"regexp"
	"strings"
	"testing"
)

const namespaceXML = "http://ls.amazonaws.com/doc/2008-04-28/"

// testCurl calls what nobody signs with curl alone, and the rest with URLs that
// the command sign has signed.
func (w *world) testCurl(t *testing.T) {
	v := newVendor(t, w.env, "")
	key := v.activationKey(t, "desktop")
	escaped := []string{
		"--data-urlencode", "Action=ActivateDesktopProduct", "--data-urlencode", "ActivationKey=" + key,
		"--data-urlencode", "ProductToken=" + v.productToken, "--data-urlencode", "TokenExpiration=PT3600S",
		"--data-urlencode", "Version=2008-04-28"}
	desktop := `<ActivateDesktopProductResult><UserToken>{UserToken}[A-Za-z0-9+/]+=*</UserToken>` +
		`<AWSAccessKeyId>[A-Z0-9]+</AWSAccessKeyId><SecretAccessKey>[A-Za-z0-9+/]{40}</SecretAccessKey></ActivateDesktopProductResult>`

	for name, test := range map[string]struct {
		args         []string
		status, want string
	}{
		"GET without a signature":  {append([]string{"--get", endpoint}, escaped...), "200", desktop},
		"POST without a signature": {append([]string{endpoint}, escaped...), "200", desktop},
		"tokens as they are": {[]string{"--globoff", endpoint + "?Action=ActivateDesktopProduct&ActivationKey=" + key +
			"&ProductToken=" + v.productToken + "&Version=2007-06-05"}, "200", desktop},
		"a signed URL": {[]string{w.sign(t, v, "2")}, "200",
			`<VerifyProductSubscriptionByPidResult><Subscribed>true</Subscribed></VerifyProductSubscriptionByPidResult>`},
		"a signed URL of version 1": {[]string{w.sign(t, v, "1")}, "200",
			`<VerifyProductSubscriptionByPidResult><Subscribed>true</Subscribed></VerifyProductSubscriptionByPidResult>`},
		"a signed URL that was changed": {[]string{strings.Replace(w.sign(t, v, "2"), v.code, "FFFFFFFF", 1)}, "403",
			`<Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>[^<]+</Message><Detail/></Error>`},
		"no action": {[]string{endpoint}, "400",
			`<Error><Type>Sender</Type><Code>MissingAction</Code><Message>[^<]+</Message><Detail/></Error>`},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, nil, "curl", append([]string{"--silent", "--show-error", "--write-out", "\n%{http_code}"}, test.args...)...)
			if got.exit != 0 || got.stderr != "" {
				t.Fatalf("curl ended with %d: %s", got.exit, got.stderr)
			}
			body, status, _ := strings.Cut(got.stdout, "\n")
			if status != test.status || !strings.Contains(body, namespaceXML) || !regexp.MustCompile(test.want).MatchString(body) {
				t.Errorf("got %s %s\nwant %s and %s", status, body, test.status, test.want)
			}
		})
	}
}

// sign returns a signed URL of VerifyProductSubscriptionByPid.
func (w *world) sign(t *testing.T, v *vendor, signatureVersion string) string {
	t.Helper()
	got := run(t, []string{
		"LICENSE_OPERATOR_URL=" + strings.TrimSuffix(endpoint, "/"),
		"AWS_ACCESS_KEY_ID=" + v.key.id, "AWS_SECRET_ACCESS_KEY=" + v.key.secret,
	}, w.path("license-operator"), "sign", "--signature-version", signatureVersion,
		"VerifyProductSubscriptionByPid", "PersistentIdentifier="+v.pid, "ProductCode="+v.code)
	if got.exit != 0 {
		t.Fatal(got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}
