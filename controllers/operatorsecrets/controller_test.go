// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operatorsecrets

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/env"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

const keysSecret = "license-operator-keys"

// run reconciles the operator's Secret as the operator may read it, and returns
// what was logged.
func run(t *testing.T, readers Readers, name string) string {
	t.Helper()
	operator := cluster.OperatorClient(t)
	var logged bytes.Buffer
	ctx := logf.IntoContext(t.Context(), funcr.New(func(_, args string) { logged.WriteString(args + "\n") }, funcr.Options{Verbosity: 1}))
	c := &Controller{Client: operator, Readers: readers}
	request := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: env.OperatorNamespace, Name: name}}
	result, err := reconcile.AsReconciler(operator, c).Reconcile(ctx, request)
	if err != nil || result != (reconcile.Result{}) {
		t.Errorf("the result is %v and the error %v, want neither", result, err)
	}
	return logged.String()
}

// put writes the operator's Secret.
func put(t *testing.T, data map[string][]byte) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: env.OperatorNamespace, Name: keysSecret}, Data: data}
	err := cluster.Client.Create(t.Context(), s)
	if err == nil {
		t.Cleanup(func() { _ = cluster.Client.Delete(context.WithoutCancel(t.Context()), s) })
		return
	}
	if err := cluster.Client.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func TestRotatedKeysAreTakenAndOthersAreNot(t *testing.T) {
	data, err := secrets.NewData(time.Unix(1_600_000_000, 0), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	put(t, data)
	operator := cluster.OperatorClient(t)
	holder := &secrets.Holder{}
	loaded, err := secrets.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Set(loaded); err != nil {
		t.Fatal(err)
	}
	readers := Readers{keysSecret: func(data map[string][]byte) error {
		changed, err := secrets.Parse(data)
		if err != nil {
			return err
		}
		return holder.Set(changed)
	}}
	key := client.ObjectKey{Namespace: env.OperatorNamespace, Name: keysSecret}
	if _, err := secrets.RotateSealing(t.Context(), operator, key, clock.RealClock{}, rand.Reader, 0); err != nil {
		t.Fatal(err)
	}
	far := time.Unix(4_000_000_000, 0)
	if got := holder.Get().Sealing.CurrentVersion(far); got != 1 {
		t.Fatalf("version %d is current before it was read", got)
	}
	run(t, readers, keysSecret)
	rotated := holder.Get()
	if got := rotated.Sealing.CurrentVersion(far); got != 2 {
		t.Errorf("version %d is current, want 2", got)
	}

	other, err := secrets.NewData(time.Unix(1_600_000_000, 0), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]map[string][]byte{
		"another identity": other,
		"nothing":          {},
		"half a key":       {secrets.IdentityDataKey: data[secrets.IdentityDataKey][:16], secrets.SealingDataKey: data[secrets.SealingDataKey]},
	} {
		put(t, data)
		logged := run(t, readers, keysSecret)
		if !strings.Contains(logged, "can't be used") {
			t.Errorf("%s: it was not logged: %s", name, logged)
		}
		for _, value := range data {
			if len(value) > 0 && strings.Contains(logged, string(value)) {
				t.Errorf("%s: the log holds a key: %s", name, logged)
			}
		}
		if holder.Get() != rotated {
			t.Errorf("%s: the keys that were in use are no longer", name)
		}
	}
}

func TestASecretThatIsGoneIsNotRead(t *testing.T) {
	run(t, Readers{"gone": func(map[string][]byte) error {
		t.Error("it was read")
		return errors.New("it was read")
	}}, "gone")
}
