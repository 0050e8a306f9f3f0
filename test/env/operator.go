// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/internal/serving"
)

const (
	processReady = 2 * time.Minute
	processStop  = 40 * time.Second
	processPoll  = 50 * time.Millisecond
)

var errEnded = errors.New("the operator has ended by itself")

// Process is the operator's own binary, running beside the test.
type Process struct {
	// Log is the file that the operator logs to.
	Log string
	// Metrics is the URL of the operator's metrics.
	Metrics string
	// CA is the certificate of the endpoint's authority, PEM.
	CA []byte

	cmd *exec.Cmd
	// ended is closed when the process has ended, with err.
	ended chan struct{}
	err   error
}

// StartProcess starts the operator's binary under its own role, with its
// endpoint at an address and its files in a directory, and waits until it is
// ready. More arguments of the command serve can be given. The caller stops it.
func (e *Env) StartProcess(ctx context.Context, binary, dir, endpoint string, args ...string) (*Process, error) {
	kubeconfig := filepath.Join(dir, "operator.kubeconfig")
	if err := WriteKubeconfig(e.Operator, kubeconfig); err != nil {
		return nil, err
	}
	free, err := FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	health, metrics := free[0], free[1]
	p := &Process{Log: filepath.Join(dir, "operator.log"), Metrics: "http://" + metrics + "/metrics", ended: make(chan struct{})}
	log, err := os.Create(p.Log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	args = append([]string{"serve", "--namespace", OperatorNamespace, "--listen-address", endpoint,
		"--health-address", health, "--metrics-address", metrics,
		"--leader-elect=false", "--shutdown-delay", "0s"}, args...)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	err = p.waitReady(ctx, "http://"+health+"/readyz")
	if err == nil {
		p.CA, err = authority(ctx, e.Client)
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop asks the operator to end, waits, and kills it if it takes too long.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(processStop):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *Process) waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, processReady)
	defer cancel()
	for {
		if status, _ := Page(url); status == http.StatusOK {
			return nil
		}
		select {
		case <-p.ended:
			log, err := os.ReadFile(p.Log)
			return errors.Join(errEnded, p.err, err, errors.New(string(log)))
		case <-ctx.Done():
			return fmt.Errorf("the operator is not ready, see %s: %w", p.Log, ctx.Err())
		case <-time.After(processPoll):
		}
	}
}

// Page reads a page that is served over plain HTTP. The status is 0 where nobody
// answers.
func Page(url string) (status int, text string) {
	browser := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := browser.Get(url)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(body)
}

// Leads says whether the operator with the metrics at a URL runs the
// controllers.
func Leads(metrics string) bool {
	_, text := Page(metrics)
	return strings.Contains(text, `leader_election_master_status{name="license-operator"} 1`)
}

// FreeLease deletes the lease of a leader that is dead, so that nobody need wait
// until it expires.
func (e *Env) FreeLease(ctx context.Context) error {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: OperatorNamespace, Name: "license-operator"}}
	return client.IgnoreNotFound(e.Client.Delete(ctx, lease))
}

// authority reads the CA that the operator publishes.
func authority(ctx context.Context, c client.Reader) ([]byte, error) {
	published := &corev1.ConfigMap{}
	err := c.Get(ctx, client.ObjectKey{Namespace: OperatorNamespace, Name: serving.CAConfigMapName}, published)
	return []byte(published.Data[serving.CADataKey]), err
}

// Roots holds the CA that the operator publishes, which clients are told to
// trust.
func Roots(ctx context.Context, c client.Reader) (*x509.CertPool, error) {
	ca, err := authority(ctx, c)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("the published CA holds no certificate")
	}
	return roots, nil
}

// FreeAddresses returns so many addresses of this machine where nothing listens.
func FreeAddresses(count int) ([]string, error) {
	free := make([]string, count)
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		free[i] = l.Addr().String()
	}
	return free, nil
}

// WriteKubeconfig writes cfg as a kubeconfig file.
func WriteKubeconfig(cfg *rest.Config, file string) error {
	const name = "test"
	return clientcmd.WriteToFile(clientcmdapi.Config{
		CurrentContext: name,
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		Clusters: map[string]*clientcmdapi.Cluster{name: {
			Server: cfg.Host, CertificateAuthorityData: cfg.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{name: {
			Token: cfg.BearerToken, ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData}},
	}, file)
}
