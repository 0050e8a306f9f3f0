// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long one test may take in the browser.
const patience = 2 * time.Minute

// tab is one tab of a browser with a profile of its own.
type tab struct {
	*testing.T
	ctx context.Context

	mu sync.Mutex
	// complaints are what the browser says of a page: violations of its policy,
	// errors, mixed content.
	complaints []string
	// answers are the statuses of the documents that were loaded, by URL without
	// its query.
	statuses map[string]int64
}

// open starts a browser that trusts the operator's CA.
func open(t *testing.T) *tab {
	t.Helper()
	home := t.TempDir()
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(chromium), chromedp.Env("HOME="+home), chromedp.UserDataDir(filepath.Join(home, "profile")),
		// The tests' own sites are reached, and nothing else.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))
	options = append(options, trust(t, home)...)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	b := &tab{T: t, statuses: map[string]int64{}}
	ctx, stopTab := chromedp.NewContext(ctx, chromedp.WithListener(b.hear))
	t.Cleanup(stopTab)
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{audits.Enable, log.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			t.Fatalf("start the browser: %v", err)
		}
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.ctx, stop = context.WithTimeout(ctx, patience)
	t.Cleanup(stop)
	return b
}

// trust has the browser trust the operator's CA: by its own list of
// authorities, as a person would, or where there is no certutil by the hash of
// the CA's key.
func trust(t *testing.T, home string) []chromedp.ExecAllocatorOption {
	t.Helper()
	file := filepath.Join(home, "ca.crt")
	if err := os.WriteFile(file, operator.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		block, _ := pem.Decode(operator.CA)
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
		return []chromedp.ExecAllocatorOption{chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(sum[:]))}
	}
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-N", "--empty-password"},
		{"-A", "-n", "license-operator", "-t", "C,,", "-i", file},
	} {
		if out, err := exec.CommandContext(t.Context(), certutil, append([]string{"-d", "sql:" + db}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("certutil %v: %v\n%s", args, err, out)
		}
	}
	return nil
}

// hear takes down what the browser complains of.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, string(e.Entry.Source)+": "+e.Entry.Text)
	case *audits.EventIssueAdded:
		complaint := "issue: " + string(e.Issue.Code)
		if d := e.Issue.Details; d != nil && d.GenericIssueDetails != nil {
			complaint += " " + string(d.GenericIssueDetails.ErrorType)
		}
		b.complaints = append(b.complaints, complaint)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "console: "+string(e.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			url, _, _ := strings.Cut(e.Response.URL, "?")
			b.statuses[url] = e.Response.Status
		}
	}
}

// do runs actions.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatalf("%v\nThe browser complained of %q, and is at:\n%s", err, b.complained(), b.where())
	}
}

// where is what the browser shows, for messages.
func (b *tab) where() string {
	ctx, stop := context.WithTimeout(b.ctx, 5*time.Second)
	defer stop()
	url, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if at := strings.LastIndex(url, "/"); len(url)-at > 60 {
		url = url[:at] + "/…" // A link.
	}
	return url + "\n" + text
}

// go to an address, and wait for a heading.
func (b *tab) visit(url, heading string) {
	b.Helper()
	b.do(chromedp.Navigate(url))
	b.reads(heading)
}

// reads waits until the page has a heading.
func (b *tab) reads(heading string) {
	b.Helper()
	var shown string
	for range 400 {
		// While the page changes there is an error, or no heading.
		shown, _ = chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("h1")?.textContent ?? ""`))
		if shown == heading {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("the heading is %q, want %q; the browser complained of %q, and is at %s", shown, heading, b.complained(), b.where())
}

// text is what an element holds.
func (b *tab) text(selector string) string {
	b.Helper()
	return value[string](b, "document.querySelector("+quote(selector)+").innerText")
}

// back is the Back button. chromedp's own waits for a page to load, which a page
// that the browser has kept does not.
func (b *tab) back() {
	b.Helper()
	value[bool](b, "history.back(), true")
}

// click clicks the page's button.
func (b *tab) click() {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS("button")))
}

// value is the result of an expression.
func value[V any](b *tab, expression string) V {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		b.Fatalf("%s: %v\nThe browser is at:\n%s", expression, err, b.where())
	}
	return v
}

// complained are the browser's complaints since the last call.
func (b *tab) complained() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.complaints
	b.complaints = nil
	return list
}

// content expects that the browser has complained of nothing.
func (b *tab) content() {
	b.Helper()
	if list := b.complained(); len(list) > 0 {
		b.Errorf("the browser complains of %q", list)
	}
}

// status is that of the document at an address.
func (b *tab) status(url string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	url, _, _ = strings.Cut(url, "?")
	return b.statuses[url]
}

// quote is a text as an expression.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
