// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// everything switches on what is off and sets what has no default.
var everything = []string{"--values", "testdata/everything.yaml"}

func TestTheChartPassesHelmsLinter(t *testing.T) {
	for name, values := range map[string][]string{
		"with its defaults":       nil,
		"with everything changed": everything,
	} {
		t.Run(name, func(t *testing.T) {
			must(t)(helm(t, slices.Concat([]string{"lint", "--strict", chartDir()}, values)...))
		})
	}
}

func TestEveryReleaseNameGivesValidNames(t *testing.T) {
	for release, want := range map[string]string{
		"license-operator":          "license-operator",
		"acme":                      "acme-license-operator",
		"my-license-operator":       "my-license-operator",
		"with.dots":                 "with-dots-license-operator",
		"3-licences":                "r3-licences-license-operator",
		strings.Repeat("long-", 10): strings.Repeat("long-", 9) + "long",
		strings.Repeat("x", 53):     strings.Repeat("x", 50),
	} {
		t.Run(release, func(t *testing.T) {
			release = strings.TrimSuffix(release, "-")
			objects := decode(t, must(t)(helm(t, "template", release, chartDir(), "--namespace", "any")))
			d := deployment(t, objects)
			if d.Name != want {
				t.Errorf("the Deployment's name is %q, want %q", d.Name, want)
			}
			for _, o := range objects {
				if len(o.GetName()) > 63 && o.GetKind() != "CustomResourceDefinition" {
					t.Errorf("%s has a name of more than 63 characters", id(o))
				}
			}
			args := d.Spec.Template.Spec.Containers[0].Args
			for _, arg := range []string{
				"--service-name=" + d.Name,
				"--keys-secret=license-operator-keys", "--tls-secret=license-operator-tls",
			} {
				if !slices.Contains(args, arg) {
					t.Errorf("the arguments %q lack %s", args, arg)
				}
			}
			if byID(t, objects)["Service any/"+d.Name] == nil {
				t.Errorf("no Service %s, the name that the operator is told", d.Name)
			}
		})
	}
}

func TestEveryValueReachesItsPlace(t *testing.T) {
	objects := template(t, everything...)
	index := byID(t, objects)
	d := deployment(t, objects)
	want := []string{
		"serve", "--listen-address=:8443", "--health-address=:8081", "--metrics-address=:8080",
		"--service-name=seats", "--keys-secret=old-keys", "--accept-new-identity=true", "--tls-secret=old-tls",
		"--tls-dns-names=licences.example.com,*.licences.example.com",
		"--tls-ip-addresses=192.0.2.1,2001:db8::1",
		"--tls-cert-file=/etc/license-operator/tls/tls.crt", "--tls-key-file=/etc/license-operator/tls/tls.key",
		"--path-prefix=/licensing/v1", "--public-url=https://licences.example.com:8443/licensing/v1", "--link-lifetime=24h", "--allow-signature-version-0=true", "--allow-signature-version-1=false",
		"--caller-rate=12.5", "--caller-burst=100000", "--anonymous-rate=100000", "--anonymous-burst=20",
		"--api-rate=0.5", "--api-burst=10",
		"--ledger-write-rate=2097152", "--max-checkouts=500", "--projection-rate=0.5", "--max-clock-skew=60s",
		"--webhook-allow-cidrs=127.0.0.0/8,fd00::/8", "--webhook-ca-file=/etc/license-operator/webhook-ca/ca.crt",
		"--shutdown-delay=20s", "--log-level=debug", "--log-format=text",
	}
	if diff := cmp.Diff(want, d.Spec.Template.Spec.Containers[0].Args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	pod := d.Spec.Template.Spec
	if got, want := pod.Containers[0].Image, "registry.example.com/licences@sha256:"+strings.Repeat("0", 64); got != want {
		t.Errorf("the image is %s, want %s", got, want)
	}
	if *d.Spec.Replicas != 5 || *pod.TerminationGracePeriodSeconds != 60 || pod.ServiceAccountName != "licences" {
		t.Errorf("replicas, grace or account are wrong: %+v", d.Spec)
	}
	if len(pod.Volumes) != 2 || pod.Volumes[1].Secret == nil || pod.Volumes[1].Secret.SecretName != "webhook-ca" ||
		len(pod.Containers[0].VolumeMounts) != 2 || pod.Containers[0].VolumeMounts[1].MountPath != "/etc/license-operator/webhook-ca" {
		t.Errorf("the CA of webhooks is not mounted: %+v", pod)
	}
	if pod.Volumes[0].Secret == nil || pod.Volumes[0].Secret.SecretName != "own-certificate" ||
		pod.Containers[0].VolumeMounts[0].MountPath != "/etc/license-operator/tls" {
		t.Errorf("the certificate is not mounted: %+v", pod)
	}
	if pod.Affinity == nil || len(pod.Tolerations) != 1 || len(pod.NodeSelector) != 1 || len(pod.TopologySpreadConstraints) != 1 ||
		pod.PriorityClassName != "high" || len(pod.ImagePullSecrets) != 1 {
		t.Errorf("what places the pods is missing: %+v", pod)
	}
	if got := d.Spec.Template.Annotations["example.com/note"]; got != "x" {
		t.Errorf("the pods' annotation is %q", got)
	}
	if got := d.Spec.Template.Labels["example.com/team"]; got != "billing" {
		t.Errorf("the pods' label is %q", got)
	}
	service := &corev1.Service{}
	convert(t, index["Service license-operator-system/seats"], service)
	if port := service.Spec.Ports[0]; service.Spec.Type != corev1.ServiceTypeLoadBalancer || port.Port != 8443 || port.NodePort != 30443 ||
		len(service.Spec.LoadBalancerSourceRanges) != 1 {
		t.Errorf("the Service is wrong: %+v", service.Spec)
	}
	monitor := index["ServiceMonitor license-operator-system/seats"]
	if monitor == nil || monitor.GetLabels()["release"] != "prometheus" {
		t.Errorf("the ServiceMonitor is wrong: %v", monitor)
	}
	policy := &networkingv1.NetworkPolicy{}
	convert(t, index["NetworkPolicy license-operator-system/seats"], policy)
	if len(policy.Spec.Ingress) != 2 || len(policy.Spec.Ingress[0].From) != 1 || len(policy.Spec.Ingress[1].From) != 1 ||
		len(policy.Spec.Egress) != 3 || len(policy.Spec.Egress[0].To) != 1 || len(policy.Spec.Egress[0].Ports) != 1 ||
		len(policy.Spec.Egress[1].To) != 1 || len(policy.Spec.Egress[1].Ports) != 2 || len(policy.Spec.Egress[2].Ports) != 2 {
		t.Errorf("the NetworkPolicy is wrong: %+v", policy.Spec)
	}
}

func TestASwitchThatIsOffLeavesItsObjectsOut(t *testing.T) {
	for name, test := range map[string]struct {
		set   string
		kinds []string
	}{
		"no definitions":       {"crds.install=false", []string{"CustomResourceDefinition"}},
		"no roles":             {"rbac.create=false,rbac.aggregateUserRoles=false", []string{"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}},
		"no account":           {"serviceAccount.create=false,serviceAccount.name=x", []string{"ServiceAccount"}},
		"no disruption budget": {"podDisruptionBudget.enabled=false", []string{"PodDisruptionBudget"}},
	} {
		t.Run(name, func(t *testing.T) {
			defaults, changed := template(t), template(t, "--set", test.set)
			left := len(defaults)
			for _, kind := range test.kinds {
				without := len(ofKind(defaults, kind))
				if without == 0 || len(ofKind(changed, kind)) != 0 {
					t.Errorf("%d %s by default and %d when off", without, kind, len(ofKind(changed, kind)))
				}
				left -= without
			}
			if len(changed) != left {
				t.Errorf("%d objects are left, want %d", len(changed), left)
			}
		})
	}
}

func TestNothingOptionalIsOnByDefault(t *testing.T) {
	objects := template(t)
	for _, kind := range []string{"ServiceMonitor", "NetworkPolicy", "Secret", "Namespace", "ConfigMap"} {
		if found := ofKind(objects, kind); len(found) > 0 {
			t.Errorf("%d objects of kind %s", len(found), kind)
		}
	}
}
