// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed templates
var files embed.FS

// style is the style sheet. It stands in each page, which then needs nothing
// else.
var style = func() string {
	text, err := files.ReadFile("templates/style.css")
	if err != nil {
		panic(err) // It is compiled in.
	}
	return string(text)
}()

// templates are the pages, each in the layout that all share.
var templates = func() map[string]*template.Template {
	pages := map[string]*template.Template{}
	for _, name := range []string{"register.html", "activate.html", "problem.html"} {
		pages[name] = template.Must(template.ParseFS(files, "templates/layout.html", "templates/"+name))
	}
	return pages
}()

// frame is what the layout shows.
type frame struct {
	Style     template.CSS
	RequestID string
	Content   any
}

// problem is the content of the page that tells what is wrong.
type problem struct{ Heading, Detail string }

// Write writes an answer, or an error if err is set, and returns the code and
// the status for the log, and the error if the answer could not be sent. A
// request with the method HEAD gets the headers alone.
func Write(w http.ResponseWriter, method, requestID string, page *Page, answer *Answer, err error) (code string, status int, lost error) {
	code, status = "OK", http.StatusOK
	if err != nil {
		failed, detail := failureOf(err)
		code, status = failed.code, failed.status
		answer = &Answer{template: "problem.html", content: problem{failed.heading, detail}}
	}
	h := w.Header()
	protect(h, answer.forms, answer.sandbox)
	if answer.location != "" {
		h.Set("Location", answer.location)
		w.WriteHeader(http.StatusSeeOther)
		return code, http.StatusSeeOther, nil
	}
	var body bytes.Buffer
	if err := templates[answer.template].ExecuteTemplate(&body, "layout.html", frame{
		Style: template.CSS(style), RequestID: requestID, Content: answer.content, //nolint:gosec // It is our own file.
	}); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return internalFailure.code, http.StatusInternalServerError, err
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", "en")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	switch status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", strings.Join(page.Methods, ", "))
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfterSeconds)
	}
	w.WriteHeader(status)
	if method != http.MethodHead {
		_, lost = w.Write(body.Bytes())
	}
	return code, status, lost
}
