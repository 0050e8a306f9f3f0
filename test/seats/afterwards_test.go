// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// afterwards are the tests of everything that the other tests have done, each
// with what is wrong.
var afterwards = []struct {
	name  string
	wrong func() []string
}{
	{"Every book is sound", unsound},
	{"No replica that lived ever failed", func() []string { return failures.list }},
	{"No replica has logged an error that nobody expects", loggedErrors},
	{"No secret is in a log, an event or an object", leaks},
}

// unsound holds all books against the invariants.
func unsound() []string {
	list := &v1alpha1.SeatLedgerList{}
	if err := cluster.Client.List(context.Background(), list); err != nil {
		return []string{err.Error()}
	}
	books := map[seats.Key][]*seats.Block{}
	var wrong []string
	for i := range list.Items {
		b, err := seats.Decode(&list.Items[i])
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		books[b.Key] = append(books[b.Key], b)
	}
	if len(books) == 0 {
		wrong = append(wrong, "there is no book to look at")
	}
	for key, blocks := range books {
		for _, d := range seats.Check(blocks) {
			wrong = append(wrong, fmt.Sprintf("%s: %s", key, d.What))
		}
	}
	return wrong
}

// expectedErrors are what a log may say of errors, by the message.
var expectedErrors = []string{
	// The tests take the lease from a leader that is dead.
	"Error initially creating lease lock",
	// controller-runtime says so of one that is stopped and never led.
	"error received after stop sequence was engaged",
}

func loggedErrors() []string {
	var wrong []string
	for name, text := range logs() {
		if len(text) == 0 {
			wrong = append(wrong, name+" is empty")
		}
		for line := range bytes.Lines(text) {
			var said struct{ Level, Msg string }
			if err := json.Unmarshal(line, &said); err != nil {
				wrong = append(wrong, fmt.Sprintf("%s has a line of another form: %s", name, line))
				continue
			}
			bad := said.Level == "ERROR" && !slices.Contains(expectedErrors, said.Msg)
			if bad || bytes.Contains(line, []byte("anic")) {
				wrong = append(wrong, fmt.Sprintf("%s: %s", name, bytes.TrimSpace(line)))
			}
		}
	}
	return wrong
}

// logs are those of all replicas that there were, by their names.
func logs() map[string][]byte {
	texts := map[string][]byte{}
	if text := ahead.String(); text != "" {
		texts["the log of the replica in this process"] = []byte(text)
	}
	for _, file := range both.logs {
		text, err := os.ReadFile(file)
		if err != nil {
			text = nil
		}
		texts[file] = text
	}
	return texts
}

// leaks greps everything that the operator has written, but Secrets and
// answers, for every secret that was made or used.
func leaks() []string {
	seen := map[string]string{
		"an object": cluster.Written(&v1alpha1.ProductList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.AccessKeyList{}, &v1alpha1.LicenseCheckoutList{}, &v1alpha1.SeatLedgerList{}, &corev1.ConfigMapList{}),
		"an event":  cluster.Written(&eventsv1.EventList{}),
	}
	for name, text := range logs() {
		seen[name] = string(text)
	}
	return canaries.Canaries(seen, "secret access key", "consumption token", "signed token")
}
