// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/license-operator/license-operator/internal/serving"
)

// constantCommand is the hidden command that serves the constant.
const constantCommand = "constant"

// answer is an answer to repeat: the operator's own, so that both servers send
// the same number of bytes.
type answer struct {
	Header http.Header
	Body   []byte
}

// constantServer is this program, running a second time.
type constantServer struct {
	address string
	roots   *x509.CertPool
	cmd     *exec.Cmd
}

// serveConstant serves the answer in a directory until it is killed: the same
// standard library and TLS configuration as the operator's, and nothing else.
func serveConstant(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "answer.json"))
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "constant.crt"), filepath.Join(dir, "constant.key"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	config := serving.TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil })
	server := &http.Server{TLSConfig: config, ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range a.Header {
				w.Header()[name] = values
			}
			_, _ = w.Write(a.Body)
		})}
	return server.Serve(tls.NewListener(listener, config))
}

// startConstant starts a server that repeats an answer.
func (b *bench) startConstant(ctx context.Context, a answer) (*constantServer, error) {
	dir, err := os.MkdirTemp(b.dir, "constant-")
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "answer.json"), data, 0o600); err != nil {
		return nil, err
	}
	c := &constantServer{roots: x509.NewCertPool()}
	if err := writeCertificate(dir, c.roots); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c.cmd = exec.CommandContext(ctx, self, constantCommand, dir)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c.address = strings.TrimSpace(line)
	if err != nil {
		c.stop()
	}
	return c, err
}

func (c *constantServer) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Wait()
}

// writeCertificate makes a certificate for localhost that only this run trusts.
func writeCertificate(dir string, roots *x509.CertPool) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots.AppendCertsFromPEM(crt)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "constant.crt"), crt, 0o600),
		os.WriteFile(filepath.Join(dir, "constant.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
