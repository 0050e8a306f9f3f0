// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// lossy is a proxy before the operator that can lose answers: the operator has
// done what it was asked, and nobody hears of it.
type lossy struct {
	url string
	// ca is a file with the authorities of the proxy and of the operator.
	ca string
	// lose is how many answers will be lost, seen how many requests there were.
	lose, seen atomic.Int32
}

var errLost = errors.New("the answer is lost")

// newLossy starts a proxy before the endpoint, whose authority is given. It
// hands on a request as it came, its Host too: that is what was signed.
func newLossy(t *testing.T, endpoint string, ca []byte) *lossy {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	p := &lossy{}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			p.seen.Add(1)
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true},
		ModifyResponse: func(*http.Response) error {
			if p.lose.Add(-1) >= 0 {
				return errLost
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			if !errors.Is(err, errLost) {
				t.Error("the proxy:", err)
			}
			panic(http.ErrAbortHandler) // Closes the connection.
		},
	})
	t.Cleanup(server.Close)
	p.url = server.URL
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	p.ca = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(p.ca, append(own, ca...), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// loseNext loses the next answers and counts requests from now.
func (p *lossy) loseNext(answers int32) {
	p.lose.Store(answers)
	p.seen.Store(0)
}
