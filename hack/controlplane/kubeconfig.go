// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

// contextName is the current context, the cluster and the user of the
// kubeconfig that start writes.
const contextName = "license-operator-local"

// kubeconfigTemplate needs no quoting: its values are a URL that this program
// made and base64.
var kubeconfigTemplate = template.Must(template.New("kubeconfig").Parse(`apiVersion: v1
kind: Config
clusters:
- name: {{ .Name }}
  cluster:
    server: {{ .Server }}
    certificate-authority-data: {{ .CA }}
users:
- name: {{ .Name }}
  user:
    client-certificate-data: {{ .Cert }}
    client-key-data: {{ .Key }}
contexts:
- name: {{ .Name }}
  context:
    cluster: {{ .Name }}
    user: {{ .Name }}
    namespace: default
current-context: {{ .Name }}
`))

// renderKubeconfig is the text of a kubeconfig that is complete in itself.
// server is the URL of the API server, the others are PEM.
func renderKubeconfig(server string, caPEM, certPEM, keyPEM []byte) ([]byte, error) {
	var out bytes.Buffer
	err := kubeconfigTemplate.Execute(&out, map[string]string{
		"Name":   contextName,
		"Server": server,
		"CA":     base64.StdEncoding.EncodeToString(caPEM),
		"Cert":   base64.StdEncoding.EncodeToString(certPEM),
		"Key":    base64.StdEncoding.EncodeToString(keyPEM),
	})
	return out.Bytes(), err
}

// checkKubeconfigPath refuses to overwrite a kubeconfig that another program
// wrote, such as the user's own.
func checkKubeconfigPath(path string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := []byte("\ncurrent-context: " + contextName + "\n")
	if len(content) > 0 && !bytes.HasSuffix(content, ours) {
		return fmt.Errorf("%s exists and was not written by this program: name another file", path)
	}
	return nil
}

// writeAtomically writes a file that only its owner may read. Readers see the
// old content or the new, never a part.
func writeAtomically(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // Fails, as it should, once the file has its name.
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
