// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/env"
)

// parse reads a Deployment's command line as the operator does, and returns
// the flags that were set.
func parse(t *testing.T, args []string) (options.Options, map[string]bool) {
	t.Helper()
	if len(args) == 0 || args[0] != "serve" {
		t.Fatalf("the arguments %q do not begin with the command serve", args)
	}
	var o options.Options
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	o.AddFlags(flags)
	if err := flags.Parse(args[1:]); err != nil {
		t.Fatal(err)
	}
	if flags.NArg() > 0 {
		t.Errorf("stray arguments %q", flags.Args())
	}
	if err := o.Validate(); err != nil {
		t.Errorf("the operator would refuse: %v", err)
	}
	set := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { set[f.Name] = true })
	return o, set
}

func TestTheDefaultsAreTheOperatorsOwn(t *testing.T) {
	t.Setenv("POD_NAMESPACE", env.OperatorNamespace)
	var want options.Options
	want.AddFlags(pflag.NewFlagSet("serve", pflag.ContinueOnError))
	for name, objects := range map[string][]object{"chart": template(t), "config": kustomize(t)} {
		t.Run(name, func(t *testing.T) {
			got, _ := parse(t, deployment(t, objects).Spec.Template.Spec.Containers[0].Args)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("options (-operator +%s):\n%s", name, diff)
			}
		})
	}
}

func TestEveryFlagCanBeSetByAValue(t *testing.T) {
	t.Setenv("POD_NAMESPACE", env.OperatorNamespace)
	d := deployment(t, template(t, everything...))
	_, set := parse(t, d.Spec.Template.Spec.Containers[0].Args)
	// The pod's own namespace, and what no value may turn off.
	given := map[string]bool{"namespace": true, "leader-elect": true}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	new(options.Options).AddFlags(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		if set[f.Name] == given[f.Name] {
			t.Errorf("--%s: set %t, given %t", f.Name, set[f.Name], given[f.Name])
		}
	})
}

func TestTheLongestDelayAndTheProbesFitTheOperator(t *testing.T) {
	t.Setenv("POD_NAMESPACE", env.OperatorNamespace)
	d := deployment(t, template(t, "--set", "shutdownDelaySeconds=60,terminationGracePeriodSeconds=70"))
	o, _ := parse(t, d.Spec.Template.Spec.Containers[0].Args)
	if o.ShutdownDelay != time.Minute {
		t.Errorf("the delay is %s, want 1m", o.ShutdownDelay)
	}
	ports := map[string]int32{}
	for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
		ports[port.Name] = port.ContainerPort
	}
	want := map[string]int32{"https": 8443, "health": 8081, "metrics": 8080}
	if diff := cmp.Diff(want, ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if o.ListenAddress != ":8443" || o.HealthAddress != ":8081" || o.MetricsAddress != ":8080" {
		t.Errorf("the operator listens elsewhere: %+v", o)
	}
	c := d.Spec.Template.Spec.Containers[0]
	if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" ||
		c.LivenessProbe.HTTPGet.Port.StrVal != "health" || c.ReadinessProbe.HTTPGet.Port.StrVal != "health" {
		t.Errorf("the probes ask elsewhere: %+v %+v", c.LivenessProbe, c.ReadinessProbe)
	}
}
