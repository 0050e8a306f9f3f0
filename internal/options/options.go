// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package options holds what can be set on the command line of the operator.
package options

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// minLedgerWriteRate is less than one commit of a full block a second.
const minLedgerWriteRate = 16 << 10

// Bounds of how long a link to a page is good.
const (
	minLinkLifetime = time.Hour
	maxLinkLifetime = 8760 * time.Hour
)

// Options of the command serve.
type Options struct {
	Namespace      string
	ServiceName    string
	ListenAddress  string
	HealthAddress  string
	MetricsAddress string
	PathPrefix     string
	// PublicURL is where browsers reach the endpoint; see PagesURL.
	PublicURL    string
	LinkLifetime time.Duration

	LeaderElect   bool
	ShutdownDelay time.Duration
	KeysSecret    string
	// AcceptNewIdentity goes on when the identity key is lost or another one.
	AcceptNewIdentity bool

	TLSSecret      string
	TLSDNSNames    []string
	TLSIPAddresses []net.IP
	TLSCertFile    string
	TLSKeyFile     string

	AllowSignatureVersion0 bool
	AllowSignatureVersion1 bool
	CallerRate             float64
	CallerBurst            int
	AnonymousRate          float64
	AnonymousBurst         int

	APIRate  float32
	APIBurst int

	// WebhookAllowCIDRs are networks that webhooks may be in, although others
	// like them may not. WebhookCAFile has roots beside the system's.
	WebhookAllowCIDRs []string
	WebhookCAFile     string

	// LedgerWriteRate is in bytes a second, ProjectionRate in objects a second.
	LedgerWriteRate int
	MaxCheckouts    int
	ProjectionRate  float64
	MaxClockSkew    time.Duration

	LogLevel  string
	LogFormat string
}

// AddFlags adds a flag for each option, with its default.
func (o *Options) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "the operator's own namespace (default $POD_NAMESPACE)")
	f.StringVar(&o.ServiceName, "service-name", "license-operator", "the Service in front of the endpoint; its names are in the serving certificate")
	f.StringVar(&o.ListenAddress, "listen-address", ":8443", "address of the HTTPS endpoint")
	f.StringVar(&o.HealthAddress, "health-address", ":8081", "address of /healthz and /readyz, over HTTP")
	f.StringVar(&o.MetricsAddress, "metrics-address", ":8080", "address of /metrics, over HTTP; 0 for none")
	f.StringVar(&o.PathPrefix, "path-prefix", "", "what precedes every path of the endpoint, for example /licenses")
	f.StringVar(&o.PublicURL, "public-url", "", "where customers' browsers reach the endpoint, for links to its pages (default https://<service-name>.<namespace>.svc<path-prefix>)")
	f.DurationVar(&o.LinkLifetime, "link-lifetime", 720*time.Hour, "how long a link to a page is good; it is renewed when half of that is over")
	f.BoolVar(&o.LeaderElect, "leader-elect", true, "let one of several replicas run the controllers; every replica serves the endpoint")
	f.DurationVar(&o.ShutdownDelay, "shutdown-delay", 5*time.Second, "how long to serve on after readiness has been withdrawn")
	f.StringVar(&o.KeysSecret, "keys-secret", "license-operator-keys", "Secret in the operator's namespace with its keys; made if missing")
	f.BoolVar(&o.AcceptNewIdentity, "accept-new-identity", false, "start although the keys that resources were served with are lost: every derived identifier changes")
	f.StringVar(&o.TLSSecret, "tls-secret", "license-operator-tls", "Secret in the operator's namespace with the self-made CA and certificate; made if missing")
	f.StringSliceVar(&o.TLSDNSNames, "tls-dns-names", nil, "further names in the self-made serving certificate")
	f.IPSliceVar(&o.TLSIPAddresses, "tls-ip-addresses", nil, "further addresses in the self-made serving certificate")
	f.StringVar(&o.TLSCertFile, "tls-cert-file", "", "serving certificate to use instead of a self-made one; read again when it changes")
	f.StringVar(&o.TLSKeyFile, "tls-key-file", "", "private key of --tls-cert-file")
	f.BoolVar(&o.AllowSignatureVersion0, "allow-signature-version-0", false, "accept signatures of version 0, which protect no parameter")
	f.BoolVar(&o.AllowSignatureVersion1, "allow-signature-version-1", true, "accept signatures of version 1 where they have only one meaning")
	f.Float64Var(&o.CallerRate, "caller-rate", 1000, "requests a second of one access key; 0 for no bound")
	f.IntVar(&o.CallerBurst, "caller-burst", 2000, "requests at once of one access key")
	f.Float64Var(&o.AnonymousRate, "anonymous-rate", 100, "requests a second of one address without a proved access key; 0 for no bound")
	f.IntVar(&o.AnonymousBurst, "anonymous-burst", 200, "requests at once of one address without a proved access key")
	f.Float32Var(&o.APIRate, "api-rate", 200, "requests a second to the API server")
	f.IntVar(&o.APIBurst, "api-burst", 400, "requests at once to the API server")
	f.IntVar(&o.LedgerWriteRate, "ledger-write-rate", 1<<20, "bytes a second that the books of seats may write in the long run; 0 for no bound")
	f.IntVar(&o.MaxCheckouts, "max-checkouts", 250000, "checkouts of one Subscription at once, of features too; 0 for no bound")
	f.Float64Var(&o.ProjectionRate, "projection-rate", 200, "LicenseCheckouts a second that are made, changed and deleted to follow the books of seats")
	f.DurationVar(&o.MaxClockSkew, "max-clock-skew", 30*time.Second, "how far the clock may differ from the API server's before checkouts stop expiring; 0 to trust the clock")
	f.StringSliceVar(&o.WebhookAllowCIDRs, "webhook-allow-cidrs", nil, "networks that webhooks may be in even if they are loopback, link-local, the operator's own or the API server's")
	f.StringVar(&o.WebhookCAFile, "webhook-ca-file", "", "certificates, PEM, that webhooks are trusted by beside the system's; read at the start")
	f.StringVar(&o.LogLevel, "log-level", "info", "debug, info or error")
	f.StringVar(&o.LogFormat, "log-format", "json", "json or text")
}

// Validate returns everything that is wrong, each naming its flag.
func (o *Options) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Namespace == "" {
		wrong("--namespace must be set (or POD_NAMESPACE)")
	}
	if (o.TLSCertFile == "") != (o.TLSKeyFile == "") {
		wrong("--tls-cert-file and --tls-key-file must be set together")
	}
	if o.PathPrefix != "" && !strings.HasPrefix(o.PathPrefix, "/") {
		wrong("--path-prefix must begin with /")
	}
	if strings.HasSuffix(o.PathPrefix, "/") {
		wrong("--path-prefix must not end with /")
	}
	if o.PublicURL != "" && !isPublicURL(o.PublicURL) {
		wrong("--public-url must be an absolute https URL without a query and a slash at its end")
	}
	if o.LinkLifetime < minLinkLifetime || o.LinkLifetime > maxLinkLifetime {
		wrong("--link-lifetime must be between %s and %s", minLinkLifetime, maxLinkLifetime)
	}
	if o.KeysSecret == o.TLSSecret {
		wrong("--keys-secret and --tls-secret must be two Secrets")
	}
	// NaN is neither negative nor anything else.
	if !(o.CallerRate >= 0) || !(o.AnonymousRate >= 0) {
		wrong("--caller-rate and --anonymous-rate must not be negative")
	}
	if o.CallerRate > 0 && o.CallerBurst < 1 || o.AnonymousRate > 0 && o.AnonymousBurst < 1 {
		wrong("--caller-burst and --anonymous-burst must be at least 1")
	}
	if !(o.APIRate > 0) || o.APIBurst < 1 {
		wrong("--api-rate must be greater than 0 and --api-burst at least 1")
	}
	if o.LedgerWriteRate != 0 && o.LedgerWriteRate < minLedgerWriteRate {
		wrong("--ledger-write-rate must be 0 or at least %d", minLedgerWriteRate)
	}
	if o.MaxCheckouts < 0 {
		wrong("--max-checkouts must not be negative")
	}
	if !(o.ProjectionRate > 0) {
		wrong("--projection-rate must be greater than 0")
	}
	if o.MaxClockSkew != 0 && o.MaxClockSkew < 2*time.Second {
		wrong("--max-clock-skew must be 0 or at least 2s: the API server tells the time in whole seconds")
	}
	if _, err := o.WebhookAllowed(); err != nil {
		wrong("--webhook-allow-cidrs must be networks such as 127.0.0.0/8: %w", err)
	}
	if o.ShutdownDelay < 0 || o.ShutdownDelay > time.Minute {
		wrong("--shutdown-delay must be between 0 and 1m")
	}
	if !oneOf(o.LogLevel, "debug", "info", "error") {
		wrong("--log-level must be debug, info or error")
	}
	if !oneOf(o.LogFormat, "json", "text") {
		wrong("--log-format must be json or text")
	}
	return errors.Join(errs...)
}

// WebhookAllowed are the networks of WebhookAllowCIDRs.
func (o *Options) WebhookAllowed() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range o.WebhookAllowCIDRs {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// ServingNames are the names and addresses that the self-made certificate is
// for: the Service's in the cluster, this machine's own, and those asked for.
func (o *Options) ServingNames() ([]string, []net.IP) {
	in := o.ServiceName + "." + o.Namespace
	names := []string{"localhost", o.ServiceName, in, in + ".svc", in + ".svc.cluster.local"}
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	return append(names, o.TLSDNSNames...), append(ips, o.TLSIPAddresses...)
}

// PagesURL is where browsers reach the endpoint's pages, without a slash at its
// end.
func (o *Options) PagesURL() string {
	if o.PublicURL != "" {
		return o.PublicURL
	}
	return "https://" + o.ServiceName + "." + o.Namespace + ".svc" + o.PathPrefix
}

func isPublicURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Opaque == "" &&
		!strings.ContainsAny(text, "?#") && !strings.HasSuffix(text, "/")
}

func oneOf(s string, words ...string) bool { return slices.Contains(words, s) }
