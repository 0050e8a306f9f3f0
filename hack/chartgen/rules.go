// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// roleHeader is what a role says before its rules. Of its labels the chart has
// its own account.
type roleHeader struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

// roleTemplates says which named template holds the rules of which role. The
// chart binds the operator's Role in its own namespace; there is one only, as
// controller-gen writes one for each namespace that the code names.
var roleTemplates = map[string]string{
	"ClusterRole/license-operator":      "license-operator.clusterRules",
	"Role/license-operator":             "license-operator.namespaceRules",
	"ClusterRole/license-operator-view": "license-operator.viewRules",
	"ClusterRole/license-operator-edit": "license-operator.editRules",
}

// ruleTemplate returns the named templates with the rules of the roles in the
// files. Each role of roleTemplates must be there once, and no other.
func ruleTemplate(files ...string) (string, error) {
	var out strings.Builder
	out.WriteString(notice)
	seen := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		for document := range strings.SplitSeq("\n"+string(data), "\n---\n") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			role, definition, err := ruleDocument(document)
			if err != nil {
				return "", fmt.Errorf("%s: %w", file, err)
			}
			if seen[role] {
				return "", fmt.Errorf("%s: more than one %s", file, role)
			}
			seen[role] = true
			out.WriteString(definition)
		}
	}
	for role := range roleTemplates {
		if !seen[role] {
			return "", fmt.Errorf("no %s", role)
		}
	}
	return out.String(), nil
}

// ruleDocument returns kind and name of one role, and its rules as a named
// template, taken over letter for letter.
func ruleDocument(document string) (role, definition string, err error) {
	head, rules, found := strings.Cut(document, "\nrules:\n")
	if !found {
		return "", "", errors.New("a document without rules")
	}
	var header roleHeader
	if err := yaml.UnmarshalStrict([]byte(head), &header); err != nil {
		return "", "", fmt.Errorf("before the rules: %w", err)
	}
	role = header.Kind + "/" + header.Metadata.Name
	name, known := roleTemplates[role]
	if !known {
		return "", "", fmt.Errorf("%s has no place in the chart", role)
	}
	rules = strings.TrimRight(escaper.Replace(rules), "\n")
	return role, fmt.Sprintf("{{- define %q -}}\n%s\n{{- end }}\n", name, rules), nil
}
