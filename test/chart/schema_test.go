// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestWrongValuesAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ set, want string }{
		"an unknown key":                        {"replica=2", "additional properties 'replica' not allowed"},
		"an unknown key further down":           {"image.repo=x", "at '/image': additional properties 'repo' not allowed"},
		"replicas in words":                     {"replicas=two", "at '/replicas': got string, want integer"},
		"replicas below zero":                   {"replicas=-1", "at '/replicas': minimum"},
		"no replica":                            {"replicas=0", "at '/replicas': minimum"},
		"replicas taken away":                   {"replicas=null", "missing property 'replicas'"},
		"a switch in words":                     {"crds.install=maybe", "at '/crds/install': got string, want boolean"},
		"a pull policy that does not exist":     {"image.pullPolicy=Sometimes", "at '/image/pullPolicy'"},
		"a tag with a blank":                    {"image.tag=a b", "at '/image/tag'"},
		"half a digest":                         {"image.digest=sha256:abc", "at '/image/digest'"},
		"keys without a name":                   {"keys.secretName=", "at '/keys/secretName'"},
		"a name that no Secret can have":        {"tls.secretName=Big", "at '/tls/secretName'"},
		"an argument smuggled into a name":      {`tls.dnsNames={a.b --leader-elect=false}`, "at '/tls/dnsNames/0'"},
		"an address that is a name":             {"tls.ipAddresses={example.com}", "at '/tls/ipAddresses/0'"},
		"a path prefix without a slash":         {"endpoint.pathPrefix=licensing", "at '/endpoint/pathPrefix'"},
		"a public URL without https":            {"endpoint.publicURL=http://a.example", "at '/endpoint/publicURL'"},
		"a public URL with a slash at its end":  {"endpoint.publicURL=https://a.example/", "at '/endpoint/publicURL'"},
		"links that never end":                  {"endpoint.linkLifetimeHours=8761", "at '/endpoint/linkLifetimeHours'"},
		"a rate below zero":                     {"endpoint.callerRate=-1", "at '/endpoint/callerRate'"},
		"no request to the API server":          {"apiServer.rate=0", "at '/apiServer/rate'"},
		"a delay that the operator refuses":     {"shutdownDelaySeconds=61", "at '/shutdownDelaySeconds'"},
		"a burst below zero":                    {"endpoint.anonymousBurst=-5", "at '/endpoint/anonymousBurst'"},
		"an address in place of a network":      {"webhooks.allowCIDRs={127.0.0.1}", "at '/webhooks/allowCIDRs/0'"},
		"a CA in what no Secret can be called":  {"webhooks.caSecretName=Big", "at '/webhooks/caSecretName'"},
		"a log level that does not exist":       {"log.level=loud", "at '/log/level'"},
		"a service type that does not exist":    {"service.type=ExternalName", "at '/service/type'"},
		"a port that does not exist":            {"service.port=65536", "at '/service/port'"},
		"an interval without a unit":            {"metrics.serviceMonitor.interval=30", "at '/metrics/serviceMonitor/interval'"},
		"a quantity that is none":               {"resources.limits.memory=much", "at '/resources/limits/memory'"},
		"a resource that is none":               {"resources.limits.licences=1", "additional properties 'licences' not allowed"},
		"a label that the chart sets":           {`podLabels.app\.kubernetes\.io/name=x`, "invalid propertyName"},
		"a field that no toleration has":        {"tolerations[0].keys=x", "additional properties 'keys' not allowed"},
		"a peer of nobody":                      {"networkPolicy.endpointFrom[0].ipBlock.net=x", "additional properties 'net' not allowed"},
		"a kill before running requests end":    {"terminationGracePeriodSeconds=14", "at least 10 more than shutdownDelaySeconds"},
		"a monitor without what it watches":     {"metrics.service.enabled=false,metrics.serviceMonitor.enabled=true", "needs metrics.service.enabled"},
		"an account that is not made nor named": {"serviceAccount.create=false", "serviceAccount.name must be set"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := helm(t, "template", "x", chartDir(), "--set", test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestTheSchemaLeavesNothingOpen(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(chartDir(), "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	// Helm gives every subchart the globals of its parent.
	delete(schema["properties"].(map[string]any), "global")
	visited := 0
	open(schema, "#", &visited, func(path, fault string) { t.Errorf("%s: %s", path, fault) })
	if visited < 80 {
		t.Errorf("only %d schemas were looked at", visited)
	}
}

// open reports every schema within node that lets in more than it names, or
// more than a bounded amount.
func open(node any, path string, visited *int, report func(path, fault string)) {
	switch node := node.(type) {
	case []any:
		for i, v := range node {
			open(v, fmt.Sprintf("%s/%d", path, i), visited, report)
		}
	case map[string]any:
		types := fmt.Sprint(node["type"])
		lacks := func(kind string, keys ...string) {
			if !strings.Contains(types, kind) {
				return
			}
			*visited++
			for _, key := range keys {
				if node[key] == nil {
					report(path, kind+" without "+key)
				}
			}
		}
		lacks("object", "additionalProperties")
		lacks("array", "items", "maxItems")
		lacks("string", "maxLength")
		lacks("integer", "minimum", "maximum")
		lacks("number", "maximum")
		switch more := node["additionalProperties"].(type) {
		case bool:
			if more {
				report(path, "any additional property")
			}
		case map[string]any:
			if node["maxProperties"] == nil || node["propertyNames"] == nil {
				report(path, "a map without maxProperties or propertyNames")
			}
		}
		for key, v := range node {
			open(v, path+"/"+key, visited, report)
		}
	}
}

func TestEveryValueIsUsedAndExplained(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(chartDir(), "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(chartDir(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var templates strings.Builder
	files, _ := filepath.Glob(filepath.Join(chartDir(), "templates", "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		templates.Write(text)
	}
	paths := leaves(values, "")
	if len(paths) < 50 {
		t.Errorf("only %d values were found", len(paths))
	}
	for _, path := range paths {
		if !regexp.MustCompile(`\.Values\.` + regexp.QuoteMeta(path) + `\b`).MatchString(templates.String()) {
			t.Errorf("no template uses %s", path)
		}
		if !strings.Contains(string(readme), "| `"+path+"` |") {
			t.Errorf("README.md does not explain %s", path)
		}
	}
}

// leaves returns the paths of all values. The resources are one value.
func leaves(values map[string]any, prefix string) []string {
	var paths []string
	for key, v := range values {
		if m, ok := v.(map[string]any); ok && len(m) > 0 && key != "resources" {
			paths = append(paths, leaves(m, prefix+key+".")...)
			continue
		}
		paths = append(paths, prefix+key)
	}
	return paths
}
