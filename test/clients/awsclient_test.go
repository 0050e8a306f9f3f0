// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// object is what JSON calls so.
type object map[string]any

// text is a member that is a text, "" if there is none.
func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

// reply is what a client of AWS makes of an answer.
type reply struct {
	// Output has the members of the operation's answer.
	Output object `json:"output"`
	// Code and Message are those of an error; a Message without a Code is
	// something that the client says of itself.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Modelled says that the client has a type of its own for the error. Clients
	// without types never say so.
	Modelled bool `json:"modelled"`
}

// caller makes calls with one client.
type caller interface {
	call(t *testing.T, operation string, input object) reply
}

// settings are all that a client is told.
type settings struct {
	endpoint string
	// ca is a file with the authorities to trust.
	ca string
	// key, or nothing where the environment says where to find one.
	key         pair
	environment []string
}

// variables are the environment variables that the SDKs of AWS read.
func (s settings) variables() []string {
	var kept []string
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "AWS_") && name != "REQUESTS_CA_BUNDLE" {
			kept = append(kept, v)
		}
	}
	kept = append(kept,
		"AWS_ENDPOINT_URL="+s.endpoint,
		// The first is the SDKs' own; the second is for JavaScript, whose SDK
		// does not read the first; the third is for what Go's SDK asks for
		// credentials with, which does not either.
		"AWS_CA_BUNDLE="+s.ca, "NODE_EXTRA_CA_CERTS="+s.ca, "SSL_CERT_FILE="+s.ca,
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "PYTHONDONTWRITEBYTECODE=1")
	if s.key.id != "" {
		kept = append(kept, "AWS_ACCESS_KEY_ID="+s.key.id, "AWS_SECRET_ACCESS_KEY="+s.key.secret)
	}
	return append(kept, s.environment...)
}

// lines is a running client that reads calls from its input and writes replies,
// each on a line.
type lines struct {
	in  *json.Encoder
	out *bufio.Scanner
}

// maxLine is the longest reply: a page of licences, or two tokens.
const maxLine = 1 << 20

func startLines(t *testing.T, s settings, name string, args ...string) caller {
	t.Helper()
	// It ends with its input, not with the test's context, which ends sooner.
	cmd := exec.Command(name, args...)
	cmd.Env = s.variables()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(filepath.Base(name)+":", err)
		}
	})
	l := &lines{in: json.NewEncoder(in), out: bufio.NewScanner(out)}
	l.out.Buffer(nil, maxLine)
	return l
}

func (l *lines) call(t *testing.T, operation string, input object) reply {
	t.Helper()
	if err := l.in.Encode(object{"operation": operation, "input": input}); err != nil {
		t.Fatal(err)
	}
	if !l.out.Scan() {
		t.Fatalf("the client has not answered %s: %v", operation, l.out.Err())
	}
	var r reply
	if err := json.Unmarshal(l.out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, l.out.Text())
	}
	return r
}

// commandLine is the aws CLI.
type commandLine struct {
	settings
	program string
}

var (
	wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	cliError  = regexp.MustCompile(`An error occurred \(([^)]+)\) when calling the \w+ operation(?: \([^)]*\))?: (.*)`)
)

func (c commandLine) call(t *testing.T, operation string, input object) reply {
	t.Helper()
	command := strings.ToLower(wordStart.ReplaceAllString(operation, "$1-$2"))
	got := runWith(t, "", c.variables(), c.program, apiOf(t, operation).command, command, "--cli-input-json", encode(t, input),
		"--output", "json", "--endpoint-url", c.endpoint, "--ca-bundle", c.ca)
	if got.exit != 0 {
		if said := cliError.FindStringSubmatch(got.stderr); said != nil {
			return reply{Code: said[1], Message: strings.TrimSpace(said[2])}
		}
		return reply{Message: got.stderr}
	}
	var r reply
	if got.stdout != "" {
		decode(t, got.stdout, &r.Output)
	}
	return r
}

// curl is no client of AWS, but it can sign.
type curl struct{ settings }

func (c curl) call(t *testing.T, operation string, input object) reply {
	t.Helper()
	service := apiOf(t, operation)
	var sent any
	decode(t, encode(t, input), &sent)
	// Into a file: what it gets before it repeats a request must go.
	file := filepath.Join(t.TempDir(), "answer")
	got := run(t, nil, "curl", "--silent", "--show-error", "--cacert", c.ca, "--retry", "2", "--retry-all-errors",
		"--aws-sigv4", "aws:amz:us-east-1:"+service.signingName, "--user", c.key.id+":"+c.key.secret,
		"--header", "Content-Type: application/x-amz-json-1.1", "--header", "X-Amz-Target: "+service.target+"."+operation,
		"--data-raw", encode(t, secondsOf(t, sent)), "--output", file, "--write-out", "%{http_code}", c.endpoint)
	if got.exit != 0 {
		return reply{Message: got.stderr}
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if got.stdout == "200" {
		decode(t, string(body), &r.Output)
		return r
	}
	var failure object
	decode(t, string(body), &failure)
	r = reply{Code: failure.text("__type"), Message: failure.text(service.message)}
	if r.Code == "" {
		t.Fatalf("curl got %s without an error: %s", got.stdout, body)
	}
	return r
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
