// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// serviceRange is where Services get their addresses. Nothing routes them; the
// API server wants a range all the same.
const serviceRange = "10.0.0.0/24"

// disabledAdmission are default admission plugins that only work together with
// kube-controller-manager, which does not run here:
//
//   - ServiceAccount rejects every Pod until the namespace has a service
//     account "default", which a controller makes.
//   - StorageObjectInUseProtection puts finalizers on volumes and claims that
//     only a controller takes off, so they could never be deleted.
//
// The others stay. ResourceQuota waits for a controller too, but only in a
// namespace that has a ResourceQuota. NamespaceLifecycle works by itself; that
// a deleted namespace stays Terminating is not its doing.
var disabledAdmission = []string{"ServiceAccount", "StorageObjectInUseProtection"}

// ports are free TCP ports on 127.0.0.1.
type ports struct {
	etcdClient, etcdPeer, apiserver int
}

// freePorts finds ports that nothing listens on now. Another process may take
// one before the child does; the caller then tries again with new ones.
func freePorts() (ports, error) {
	var p ports
	// All stay open until all are found, so that they differ.
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			l.Close()
		}
	}()
	for _, port := range []*int{&p.etcdClient, &p.etcdPeer, &p.apiserver} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, err
		}
		listeners = append(listeners, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// localURL is the URL of a port on this machine.
func localURL(port int) string { return fmt.Sprintf("https://127.0.0.1:%d", port) }

// etcdArgs are the arguments of etcd. Both of its ports demand a certificate
// from our authority, since other users of the machine can reach them.
func etcdArgs(dir, pkiDir string, p ports, durable bool) []string {
	client, peer := localURL(p.etcdClient), localURL(p.etcdPeer)
	crt, key := certFiles(pkiDir, etcdServerFile)
	ca, _ := certFiles(pkiDir, caFile)
	args := []string{
		"--name=local",
		"--data-dir=" + filepath.Join(dir, "etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=local=" + peer,
		"--cert-file=" + crt,
		"--key-file=" + key,
		"--trusted-ca-file=" + ca,
		"--client-cert-auth",
		"--peer-cert-file=" + crt,
		"--peer-key-file=" + key,
		"--peer-trusted-ca-file=" + ca,
		"--peer-client-cert-auth",
		"--log-level=warn",
	}
	if !durable {
		// The data does not outlive the process, so waiting for the disk only
		// makes tests slow.
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

// apiserverArgs are the arguments of kube-apiserver.
func apiserverArgs(pkiDir string, p ports) []string {
	crt, key := certFiles(pkiDir, apiserverFile)
	etcdCrt, etcdKey := certFiles(pkiDir, etcdClientFile)
	ca, _ := certFiles(pkiDir, caFile)
	serviceAccount := filepath.Join(pkiDir, serviceAccountFile)
	return []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.apiserver),
		"--advertise-address=127.0.0.1",
		// A loopback address is not allowed in the endpoints of "kubernetes".
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceRange,
		"--etcd-servers=" + localURL(p.etcdClient),
		"--etcd-cafile=" + ca,
		"--etcd-certfile=" + etcdCrt,
		"--etcd-keyfile=" + etcdKey,
		"--cert-dir=" + pkiDir,
		"--tls-cert-file=" + crt,
		"--tls-private-key-file=" + key,
		"--client-ca-file=" + ca,
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=" + strings.Join(disabledAdmission, ","),
		// The audience of tokens is the issuer unless a request names another.
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + serviceAccount + ".key",
		"--service-account-key-file=" + serviceAccount + ".pub",
		"--allow-privileged",
		"--profiling=false",
	}
}

// certFiles are the paths of a certificate and its key.
func certFiles(dir, name string) (crt, key string) {
	return filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
}
