// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	health, metrics, err := freeAddresses(ctx)
	if err != nil {
		return nil, err
	}
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
		p.CA, err = e.authority(ctx)
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
		if answers(ctx, url) {
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

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// authority reads the CA that the operator publishes.
func (e *Env) authority(ctx context.Context) ([]byte, error) {
	published := &corev1.ConfigMap{}
	err := e.Client.Get(ctx, client.ObjectKey{Namespace: OperatorNamespace, Name: serving.CAConfigMapName}, published)
	return []byte(published.Data[serving.CADataKey]), err
}

// freeAddresses returns two addresses of this machine where nothing listens.
func freeAddresses(ctx context.Context) (first, second string, err error) {
	var listen net.ListenConfig
	one, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = one.Close() }()
	two, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = two.Close() }()
	return one.Addr().String(), two.Addr().String(), nil
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
