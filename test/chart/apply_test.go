// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/test/env"
)

func TestConfigAppliesAndAppliesAgain(t *testing.T) {
	c := newCluster(t)
	for _, attempt := range []string{"first", "second"} {
		must(t)(kubectl(t, "apply", "--server-side", "--kubeconfig", c.kubeconfig, "-k",
			filepath.Join(env.Root(), "config", "default")))
		for _, o := range kustomize(t) {
			if !c.has(t, o) {
				t.Errorf("%s is not in the cluster after the %s time", id(o), attempt)
			}
		}
	}

	// The namespace that config makes is one of those that must admit us.
	c.restricted(t, "restricted")
	for name, pod := range map[string]corev1.PodSpec{
		"config":                        deployment(t, kustomize(t)).Spec.Template.Spec,
		"chart":                         deployment(t, template(t)).Spec.Template.Spec,
		"chart with everything changed": withoutPriority(deployment(t, template(t, everything...)).Spec.Template.Spec),
	} {
		t.Run("the pods of "+name+" meet the restricted standard", func(t *testing.T) {
			for _, namespace := range []string{env.OperatorNamespace, "restricted"} {
				if err := c.admit(t, namespace, pod); err != nil {
					t.Errorf("not admitted in %s: %v", namespace, err)
				}
			}
		})
	}

	for name, weaken := range map[string]func(*corev1.PodSpec){
		"root":                 func(p *corev1.PodSpec) { p.SecurityContext.RunAsNonRoot, p.SecurityContext.RunAsUser = nil, nil },
		"privilege escalation": func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.AllowPrivilegeEscalation = ptr.To(true) },
		"capabilities":         func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.Capabilities = nil },
		"any system call":      func(p *corev1.PodSpec) { p.SecurityContext.SeccompProfile = nil },
	} {
		t.Run("a pod with "+name+" is refused", func(t *testing.T) {
			pod := deployment(t, template(t)).Spec.Template.Spec
			weaken(&pod)
			err := c.admit(t, env.OperatorNamespace, pod)
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "PodSecurity") {
				t.Errorf("the error is %v, want one of PodSecurity", err)
			}
		})
	}
}

// withoutPriority drops a priority class that this cluster does not have.
func withoutPriority(pod corev1.PodSpec) corev1.PodSpec {
	pod.PriorityClassName = ""
	return pod
}

func TestThePodsAreLockedDown(t *testing.T) {
	for name, objects := range map[string][]object{
		"config": kustomize(t), "chart": template(t), "chart with everything changed": template(t, everything...),
	} {
		t.Run(name, func(t *testing.T) {
			pod := deployment(t, objects).Spec.Template.Spec
			if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
				t.Fatalf("%d containers, %d to begin with", len(pod.Containers), len(pod.InitContainers))
			}
			// Beyond what the restricted standard asks for.
			if got := pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem; got == nil || !*got {
				t.Error("the root file system can be written")
			}
			if got := pod.SecurityContext.RunAsUser; got == nil || *got != 65532 {
				t.Errorf("runs as %v, want the image's user 65532", got)
			}
			for _, v := range pod.Volumes {
				if v.Secret == nil {
					t.Errorf("volume %s is not a Secret", v.Name)
				}
			}
			for _, port := range pod.Containers[0].Ports {
				if port.HostPort != 0 || port.ContainerPort < 1024 {
					t.Errorf("port %+v", port)
				}
			}
		})
	}
}
