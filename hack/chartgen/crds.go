// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// keep tells Helm to leave an object in the cluster when it is no longer part
// of a release. Deleting a definition deletes every object of its kind.
const keep = "helm.sh/resource-policy: keep"

// escaper makes text of a manifest safe inside a template: braces that the
// template language would take as its own are printed by it instead.
var escaper = strings.NewReplacer("{{", `{{ "{{" }}`, "}}", `{{ "}}" }}`)

// crdHeader is what a definition says before its spec. Anything that
// controller-gen adds beyond these fields is an error: it would be lost.
type crdHeader struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// crdTemplate returns one template with all definitions of a directory, in the
// order of their file names.
func crdTemplate(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("no custom resource definitions in %s", dir)
	}
	var out strings.Builder
	out.WriteString(notice)
	out.WriteString("{{- if .Values.crds.install }}\n")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		document, err := crdDocument(string(data))
		if err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		out.WriteString(document)
	}
	out.WriteString("{{- end }}\n")
	return out.String(), nil
}

// crdDocument turns one definition into a document of a template. Its spec is
// taken over letter for letter, so that no number or line break can change.
func crdDocument(manifest string) (string, error) {
	head, spec, found := strings.Cut(strings.TrimPrefix(manifest, "---\n"), "\nspec:\n")
	if !found {
		return "", errors.New("no spec")
	}
	if strings.Contains(spec, "\n---") {
		return "", errors.New("more than one document")
	}
	var header crdHeader
	if err := yaml.UnmarshalStrict([]byte(head), &header); err != nil {
		return "", fmt.Errorf("before the spec: %w", err)
	}
	if header.Kind != "CustomResourceDefinition" {
		return "", fmt.Errorf("kind %q is not CustomResourceDefinition", header.Kind)
	}
	annotations, err := yaml.Marshal(header.Metadata.Annotations)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "---\napiVersion: %s\nkind: %s\nmetadata:\n", header.APIVersion, header.Kind)
	fmt.Fprintf(&out, "  name: %s\n  annotations:\n    %s\n", header.Metadata.Name, keep)
	if len(header.Metadata.Annotations) > 0 {
		for line := range strings.Lines(escaper.Replace(string(annotations))) {
			out.WriteString("    " + line)
		}
	}
	out.WriteString("  labels:\n    {{- include \"license-operator.labels\" . | nindent 4 }}\n")
	out.WriteString("spec:\n" + escaper.Replace(spec))
	return out.String(), nil
}
