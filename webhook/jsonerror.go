// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
)

const (
	unknownOperation = "UnknownOperationException"
	throttling       = "ThrottlingException"
)

// writeJSONError answers a request of the AWS JSON 1.1 protocol, none of whose
// operations is served yet, in that protocol's form: clients find the error's
// name in the body or in the header, so it stands in both.
func writeJSONError(w http.ResponseWriter, err error) (code string, lost error) {
	code, message := unknownOperation, ""
	if f, ok := errors.AsType[*fault.Error](err); ok {
		message = f.Detail
	}
	if fault.KindOf(err) == fault.Throttled {
		code = throttling
		w.Header().Set("Retry-After", "1")
	}
	body, err := json.Marshal(map[string]string{"__type": code, "Message": message, "message": message})
	if err != nil {
		return code, err
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("x-amzn-ErrorType", code)
	w.WriteHeader(http.StatusBadRequest)
	_, err = w.Write(body)
	return code, err
}
