// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// awsClient is a client of AWS License Manager and of AWS Marketplace.
type awsClient struct {
	name  string
	start func(t *testing.T, s settings) caller
	// fast starts the same on a computer whose clock is 20 minutes fast. Only
	// clients that correct such a clock have it.
	fast func(t *testing.T, s settings) caller
	// typed says that the client has types for the errors of the API.
	typed bool
	// pods says that the client can exchange a ServiceAccount's token for
	// credentials: it reads AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, which the
	// older ones don't, and can be told which authority to trust for that, which
	// botocore can't: it has certifi's only.
	pods bool
	// oldMetering says that the client's model of Marketplace Metering is of
	// before 2023. It has no LicenseArn and no ClientToken; BatchMeterUsage needs
	// a ProductCode, and its records know customers by CustomerIdentifier only.
	oldMetering bool
	// oldEntitlement says that the client's model of the Entitlement Service has
	// no CustomerAWSAccountId and no LicenseArn.
	oldEntitlement bool
	// checks says that the client looks at numbers itself: botocore does.
	checks bool
	// pages says that the client asks for page after page whatever it is told:
	// the aws CLI of version 1 does.
	pages bool
}

// awsClients are those that are here.
func (w *world) awsClients(t *testing.T) []awsClient {
	t.Helper()
	list := []awsClient{
		{
			name:  "AWS SDK for Go",
			start: program(w.path("clients", "sdk-go")), fast: program(w.path("clients", "sdk-go-fast")),
			// Newer clients of the Entitlement Service speak RPC v2 CBOR.
			typed: true, pods: true, oldEntitlement: true,
		},
		{
			name: "boto3 of Debian", start: w.debian(program("/usr/bin/python3", "testdata/sdk.py")),
			typed: true, oldMetering: true, oldEntitlement: true, checks: true,
		},
		{
			name: "aws of Debian", start: w.debian(cli(w.path("root", "usr", "bin", "aws"))),
			oldMetering: true, oldEntitlement: true, checks: true,
		},
		{name: "curl", start: func(_ *testing.T, s settings) caller { return curl{s} }},
	}
	if js := w.path("clients", "sdk-js"); exists(js) {
		list = append(list, awsClient{
			name:  "AWS SDK for JavaScript",
			start: program("node", js+"/main.mjs"), fast: program("node", "--import", js+"/fast-clock.mjs", js+"/main.mjs"),
			typed: true, pods: true,
		})
	} else {
		t.Log("The AWS SDK for JavaScript is not here: it needs npm and node 20")
	}
	// Newer ones than Debian's, if somebody has installed them.
	if version, found := says("aws", "--version"); found {
		name := strings.ReplaceAll(strings.Fields(version)[0], "/", " ")
		list = append(list, awsClient{name: name, start: cli("aws"), checks: true, pages: strings.HasPrefix(name, "aws-cli 1.")})
	} else {
		t.Log("No newer aws than Debian's is here")
	}
	if version, found := says("python3", "-c", "import boto3; print(boto3.__version__)"); found {
		list = append(list, awsClient{name: "boto3 " + version, start: program("python3", "testdata/sdk.py"), typed: true, checks: true})
	} else {
		t.Log("No newer boto3 than Debian's is here")
	}
	return list
}

// program is a client that reads calls from its input.
func program(name string, args ...string) func(*testing.T, settings) caller {
	return func(t *testing.T, s settings) caller {
		t.Helper()
		return startLines(t, s, name, args...)
	}
}

func cli(name string) func(*testing.T, settings) caller {
	return func(_ *testing.T, s settings) caller { return commandLine{settings: s, program: name} }
}

// debian is a client whose Python is in the unpacked packages.
func (w *world) debian(start func(*testing.T, settings) caller) func(*testing.T, settings) caller {
	return func(t *testing.T, s settings) caller {
		t.Helper()
		s.environment = append([]string{"PYTHONPATH=" + w.path("root", "usr", "lib", "python3", "dist-packages")}, s.environment...)
		return start(t, s)
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// says returns what a program prints, if it is there and works.
func says(name string, args ...string) (string, bool) {
	out, err := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out)), err == nil
}
