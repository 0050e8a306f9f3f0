// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
)

// codeOK is the code of an answer that is no error.
const codeOK = "OK"

// WriteResult writes an operation's answer with status 200; nil is an answer
// without members. It returns the code for the log, and the error of the
// connection, which only a log can use. The answer may hold secrets, so no
// cache may keep it. The request's id is a header, which the endpoint sets.
func WriteResult(w http.ResponseWriter, op *Operation, result any) (code string, lost error) {
	body, err := op.encode(result)
	if err != nil {
		code, _ = WriteError(w, op.Service, err)
		return code, err
	}
	return codeOK, write(w, http.StatusOK, body)
}

// WriteError writes the answer that FailureOf finds for an error. The error's
// name stands in a header and in the body, because some clients read only the
// one and some only the other. It returns what WriteResult does.
func WriteError(w http.ResponseWriter, s *Service, err error) (code string, lost error) {
	f := s.FailureOf(err)
	message, err := marshal(f.Message)
	if err != nil {
		return f.Code, err
	}
	b := make([]byte, 0, 64+len(f.Code)+len(message))
	b = append(b, `{"__type":"`...)
	b = append(b, f.Code...)
	b = append(b, `","`...)
	b = append(b, s.message...)
	b = append(b, `":`...)
	b = append(b, message...)
	b = append(b, '}')
	w.Header().Set("x-amzn-ErrorType", f.Code)
	if f.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfterSeconds))
	}
	return f.Code, write(w, f.Status, b)
}

// write sends a complete body.
func write(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// encode returns the body of an answer, which must be a pointer to the struct
// that the operation answers with, or nil. Its lists may be filled in.
func (op *Operation) encode(result any) ([]byte, error) {
	if result == nil {
		return []byte("{}"), nil
	}
	v := reflect.ValueOf(result)
	if v.Type() != reflect.PointerTo(op.output.goType) || v.IsNil() {
		return nil, fmt.Errorf("%T is no answer of %s", result, op.Name)
	}
	op.output.fill(v.Elem())
	return marshal(result)
}

// marshal writes JSON without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// fill makes the lists that are always written empty rather than null: clients
// stumble over a list that is not there.
func (s *structure) fill(out reflect.Value) {
	for i := range s.fields {
		f := &s.fields[i]
		v := out.FieldByIndex(f.index)
		switch f.value.kind {
		case listKind:
			if f.always && v.IsNil() {
				v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			}
			if item := f.value.item; item.kind == structureKind {
				for n := range v.Len() {
					item.members.fill(v.Index(n))
				}
			}
		case structureKind:
			if !v.IsNil() {
				f.value.members.fill(v.Elem())
			}
		}
	}
}
