// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"strings"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Pod is a Pod that a checkout through the API lives with.
type Pod struct{ Namespace, Name, UID string }

const (
	podSeparator         = "/"
	serviceAccountPrefix = "system:serviceaccount:"
	// escapedSeparator is how the separator looks in a block.
	escapedSeparator = "%2F"
)

// PodHolder is the Holder of a checkout that a ServiceAccount's token for one
// Pod asked for; "" for a token that is bound to no Pod.
func PodHolder(name, uid string) string {
	if name == "" || uid == "" {
		return ""
	}
	return name + podSeparator + uid
}

// Pod is the Pod that the entry lives with, if it came through the API by a
// ServiceAccount's token for one: the Pod is in the ServiceAccount's namespace.
func (e *Entry) Pod() (Pod, bool) {
	account, isAccount := strings.CutPrefix(e.Caller, serviceAccountPrefix)
	name, uid, isPod := strings.Cut(e.Holder, podSeparator)
	if e.Object != "" || !isAccount || !isPod {
		return Pod{}, false
	}
	namespace, _, _ := strings.Cut(account, ":")
	return Pod{Namespace: namespace, Name: name, UID: uid}, true
}

// Pods are the Pods that the entries of a block live with. It is for an index:
// a block without any costs next to nothing.
func Pods(l *v1alpha1.SeatLedger) []Pod {
	if !strings.Contains(l.Spec.Entries, escapedSeparator) {
		return nil
	}
	entries, err := decodeEntries(l.Spec.Entries)
	if err != nil {
		return nil
	}
	var pods []Pod
	for _, e := range entries {
		if pod, ok := e.Pod(); ok {
			pods = append(pods, pod)
		}
	}
	return pods
}
