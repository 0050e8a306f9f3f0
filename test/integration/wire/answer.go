// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// Namespace is the only one that the strictest of the real clients knows.
const Namespace = "http://ls.amazonaws.com/doc/2008-04-28/"

// Answer is an answer of the REST-Query protocol that was in form.
type Answer struct {
	Status int
	Header http.Header
	Body   string

	root  string
	texts map[string][]string
}

// Text returns the text of the only element of a name, and "" if there is not
// exactly one.
func (a *Answer) Text(element string) string {
	if found := a.texts[element]; len(found) == 1 {
		return found[0]
	}
	return ""
}

// Texts returns the texts of all elements of a name.
func (a *Answer) Texts(element string) []string { return a.texts[element] }

// Code returns the error's code, and "" of a success.
func (a *Answer) Code() string { return a.Text("Code") }

// Golden returns the body with names in place of values that differ from one
// run to the next: values by name. The request's id is always replaced.
func (a *Answer) Golden(values map[string]string) string {
	body := strings.ReplaceAll(a.Body, a.Text("RequestId"), "{{RequestId}}")
	for name, value := range values {
		body = strings.ReplaceAll(body, ">"+value+"<", ">{{"+name+"}}<")
	}
	return body
}

// read parses the body and says what is wrong with the answer by the contract.
func (a *Answer) read(headOnly bool) error {
	id := a.Header.Get("x-amzn-RequestId")
	if _, err := uuid.Parse(id); err != nil {
		return fmt.Errorf("status %d: the header x-amzn-RequestId is %q: %w", a.Status, id, err)
	}
	if a.Header.Get("Date") == "" {
		return errors.New("the answer has no Date")
	}
	if got := a.Header.Get("Content-Type"); got != "text/xml; charset=utf-8" {
		return fmt.Errorf("the content type is %q", got)
	}
	if headOnly {
		return nil
	}
	if err := a.parse(); err != nil {
		return fmt.Errorf("%w\n%s", err, a.Body)
	}
	if got := a.Text("RequestId"); got != id {
		return fmt.Errorf("the body's RequestId is %q, the header's %q", got, id)
	}
	if a.Status == http.StatusOK {
		return nil
	}
	if a.root != "ErrorResponse" {
		return fmt.Errorf("status %d with the element %s:\n%s", a.Status, a.root, a.Body)
	}
	want := "Sender"
	if a.Status >= http.StatusInternalServerError {
		want = "Receiver"
	}
	if a.Text("Type") != want || a.Code() == "" || a.Text("Message") == "" || len(a.texts["Detail"]) != 1 {
		return fmt.Errorf("status %d with an error that is not in form:\n%s", a.Status, a.Body)
	}
	return nil
}

// parse reads the body strictly: one namespace, no attributes but its
// declaration, and no text beside elements, because several real clients don't
// trim it.
func (a *Answer) parse() error {
	a.texts = map[string][]string{}
	if !strings.HasPrefix(a.Body, `<?xml version="1.0"?><`) {
		return errors.New("the body does not begin with the declaration and an element")
	}
	decoder := xml.NewDecoder(strings.NewReader(a.Body))
	var open []string
	text, leaf := "", false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Space != Namespace {
				return fmt.Errorf("the element %s is in the namespace %q", token.Name.Local, token.Name.Space)
			}
			if text != "" {
				return fmt.Errorf("text %q before the element %s", text, token.Name.Local)
			}
			if len(open) == 0 {
				a.root = token.Name.Local
			} else if len(token.Attr) > 0 {
				return fmt.Errorf("the element %s has attributes", token.Name.Local)
			}
			open, leaf = append(open, token.Name.Local), true
		case xml.EndElement:
			if leaf {
				a.texts[token.Name.Local] = append(a.texts[token.Name.Local], text)
			} else if text != "" {
				return fmt.Errorf("text %q at the end of the element %s", text, token.Name.Local)
			}
			open, text, leaf = open[:len(open)-1], "", false
		case xml.CharData:
			text += string(token)
		}
	}
	if text != "" {
		return fmt.Errorf("text %q after the document", text)
	}
	return nil
}
