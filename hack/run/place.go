// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const operatorNamespace = "license-operator-system"

// place is the directory of a run and what has been found out so far.
type place struct {
	dir string
	// url of the endpoint.
	url string
}

func (p *place) path(names ...string) string {
	return filepath.Join(append([]string{p.dir}, names...)...)
}

func (p *place) kubectl(ctx context.Context, args ...string) (string, error) {
	return output(ctx, nil, p.path("bin", "kubectl"), append([]string{"--kubeconfig", p.path("kubeconfig")}, args...)...)
}

// clear removes what must not be found after the run: credentials that no
// longer open anything.
func (p *place) clear() {
	for _, name := range []string{"env", "kubeconfig", "operator.kubeconfig", "ca.crt", "ready"} {
		_ = os.Remove(p.path(name))
	}
}

// build makes the programs; what is built already is taken from the cache.
func (p *place) build(ctx context.Context) error {
	say("Building the operator (some minutes the first time, seconds afterwards)")
	done := sayStill("Still building the operator")
	defer func() { done() }()
	if err := visibly(ctx, ".", []string{"CGO_ENABLED=0"}, "go", "build", "-o", p.path("bin", "license-operator"), "./cmd/license-operator"); err != nil {
		return err
	}
	done()
	done = func() {}
	say("Building the control plane (some minutes the first time, seconds afterwards)")
	if err := visibly(ctx, filepath.Join("hack", "controlplane"), nil, "go", "build", "-o", p.path("bin", "controlplane"), "."); err != nil {
		return err
	}
	assets, err := p.assets(ctx)
	if err != nil {
		return err
	}
	link := p.path("bin", "kubectl")
	_ = os.Remove(link)
	return os.Symlink(filepath.Join(assets, "kubectl"), link)
}

func (p *place) assets(ctx context.Context) (string, error) {
	var out strings.Builder
	err := visiblyInto(ctx, &out, "", nil, p.path("bin", "controlplane"), "assets")
	return strings.TrimSpace(out.String()), err
}

func (p *place) startControlPlane(ctx context.Context) (*child, error) {
	say("Starting etcd and kube-apiserver")
	_ = os.Remove(p.path("ready"))
	c, err := start(p.path("controlplane.log"), nil, p.path("bin", "controlplane"), "start",
		"--kubeconfig", p.path("kubeconfig"), "--ready-file", p.path("ready"))
	if err != nil {
		return nil, err
	}
	return c, c.await(ctx, "the control plane", p.path("controlplane.log"), func() bool {
		_, err := os.Stat(p.path("ready"))
		return err == nil
	})
}

// await waits until a child is ready, and stops it if it never is.
func (c *child) await(ctx context.Context, what, log string, ready func() bool) error {
	var failure error
	err := waitFor(ctx, what, 2*time.Minute, func() bool {
		if gone, err := c.ended(); gone {
			failure = fmt.Errorf("%s has ended, see %s: %w", what, log, orUnknown(err))
			return true
		}
		return ready()
	})
	if err = errors.Join(err, failure); err != nil {
		c.stop(what)
	}
	return err
}

// install applies what the operator needs and returns a kubeconfig of its
// ServiceAccount: it runs under the shipped role, never as cluster admin.
func (p *place) install(ctx context.Context) (string, error) {
	for _, args := range [][]string{
		{"create", "namespace", operatorNamespace},
		{"apply", "--server-side", "-k", "config/crd"},
		{"apply", "--server-side", "-k", "config/rbac"},
		{"wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"},
	} {
		if _, err := p.kubectl(ctx, args...); err != nil {
			return "", err
		}
	}
	token, err := p.kubectl(ctx, "create", "token", "license-operator", "-n", operatorNamespace, "--duration", "8760h")
	if err != nil {
		return "", err
	}
	return p.path("operator.kubeconfig"), p.writeOperatorConfig(ctx, strings.TrimSpace(token))
}

// writeOperatorConfig writes the admin's kubeconfig with another user. It is
// JSON, which is YAML as well and needs no library: this program is built in
// seconds and says what the long builds are doing.
func (p *place) writeOperatorConfig(ctx context.Context, token string) error {
	text, err := p.kubectl(ctx, "config", "view", "--raw", "--flatten", "-o", "json")
	if err != nil {
		return err
	}
	config := map[string]any{}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	users, _ := config["users"].([]any)
	for _, u := range users {
		if user, ok := u.(map[string]any); ok {
			user["user"] = map[string]any{"token": token}
		}
	}
	data, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(p.path("operator.kubeconfig"), data, 0o600)
}

// startOperator starts one replica of the operator and waits until it is
// ready.
func (p *place) startOperator(ctx context.Context, kubeconfig, address string) (*child, error) {
	say("Starting the operator")
	endpoint, err := freeAddress(address)
	if err != nil {
		return nil, err
	}
	health, err := freeAddress("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, err
	}
	p.url = "https://localhost:" + port
	c, err := start(p.path("operator.log"), []string{"KUBECONFIG=" + kubeconfig}, p.path("bin", "license-operator"), "serve",
		"--namespace", operatorNamespace, "--listen-address", endpoint, "--health-address", health, "--public-url", p.url,
		"--metrics-address", "0", "--shutdown-delay", "0s", "--leader-elect=false")
	if err != nil {
		return nil, err
	}
	return c, c.await(ctx, "the operator", p.path("operator.log"), func() bool { return isReady(ctx, health) })
}

func isReady(ctx context.Context, health string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+health+"/readyz", nil)
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

// freeAddress returns the address if nothing listens there, or else another
// port of the same host.
func freeAddress(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		host, _, _ := net.SplitHostPort(address)
		if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return "", err
		}
	}
	return l.Addr().String(), l.Close()
}

// secretValue reads one key of a Secret.
func (p *place) secretValue(ctx context.Context, namespace, name, key string) (string, error) {
	text, err := p.kubectl(ctx, "get", "secret", name, "-n", namespace, "-o", "jsonpath={.data."+key+"}")
	if err != nil {
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(text)
	return string(value), err
}
