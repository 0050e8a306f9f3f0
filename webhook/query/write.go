// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
)

const (
	contentType = "text/xml; charset=utf-8"
	declaration = `<?xml version="1.0"?>`
	// namespace is written whatever Version was asked for: the strictest of
	// the real clients knows only this one.
	namespace = "http://ls.amazonaws.com/doc/2008-04-28/"
)

// WriteResult writes an action's answer with status 200. The request's id is
// written into the body only; the endpoint sets the header. No white space is
// written between elements, because several real clients do not trim it. The
// answer may hold secrets, so no cache may keep it.
func WriteResult(w http.ResponseWriter, requestID string, result Result) error {
	b := make([]byte, 0, 512)
	b = append(b, declaration+"<"...)
	b = append(b, result.name()...)
	b = append(b, `Response xmlns="`+namespace+`"><`...)
	b = append(b, result.name()...)
	b = append(b, "Result>"...)
	b = result.appendTo(b)
	b = append(b, "</"...)
	b = append(b, result.name()...)
	b = append(b, "Result><ResponseMetadata>"...)
	b = appendElement(b, "RequestId", requestID)
	b = append(b, "</ResponseMetadata></"...)
	b = append(b, result.name()...)
	b = append(b, "Response>"...)
	return write(w, http.StatusOK, b)
}

// WriteError writes the answer that FailureOf finds for an error.
func WriteError(w http.ResponseWriter, requestID string, err error) error {
	f := FailureOf(err)
	b := make([]byte, 0, 512)
	b = append(b, declaration+`<ErrorResponse xmlns="`+namespace+`"><Error>`...)
	b = appendElement(b, "Type", f.Type)
	b = appendElement(b, "Code", f.Code)
	b = appendElement(b, "Message", f.Message)
	b = append(b, "<Detail/></Error>"...)
	b = appendElement(b, "RequestId", requestID)
	b = append(b, "</ErrorResponse>"...)
	if f.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfterSeconds))
	}
	return write(w, f.Status, b)
}

// write sends a complete body. Its error is that of the connection, which only
// a log can use.
func write(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// appendElement appends an element that holds escaped text only.
func appendElement(b []byte, name, text string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, '>')
	b = appendText(b, text)
	b = append(b, '<', '/')
	b = append(b, name...)
	return append(b, '>')
}

// appendText appends text escaped for XML. Nearly every text is a token or a
// plain sentence, which needs no escape.
func appendText(b []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c > '~' || c == '&' || c == '<' || c == '>' || c == '"' || c == '\'' {
			var escaped bytes.Buffer
			// A bytes.Buffer never fails.
			_ = xml.EscapeText(&escaped, []byte(text))
			return append(b, escaped.Bytes()...)
		}
	}
	return append(b, text...)
}
