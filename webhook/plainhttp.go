// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// tlsHandshake is the first byte of every TLS connection (RFC 8446, 5.1).
const tlsHandshake = 22

// plainListener is below TLS. A client that speaks plain HTTP is told so in the
// protocol's own form, RequiresSSL; net/http would answer with a line of text
// that no client of the protocol can read.
type plainListener struct {
	net.Listener
	clock clock.PassiveClock
}

// Accept implements net.Listener.
func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &plainConn{Conn: c, clock: l.clock}, nil
}

type plainConn struct {
	net.Conn
	clock clock.PassiveClock
	first sync.Once
}

// Read implements net.Conn. The first read tells what the client speaks.
func (c *plainConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	plain := false
	c.first.Do(func() { plain = n > 0 && b[0] != tlsHandshake })
	if plain {
		c.refuse()
		return 0, io.EOF
	}
	return n, err
}

// refuse answers. What can't be written is lost with the connection.
func (c *plainConn) refuse() {
	answer := &plainAnswer{header: http.Header{}}
	id := uuid.NewString()
	answer.header.Set("x-amzn-RequestId", id)
	answer.header.Set("Date", c.clock.Now().UTC().Format(http.TimeFormat))
	answer.header.Set("Connection", "close")
	_ = query.WriteError(answer, id, fault.New(fault.TLSRequired, "Use https: this port speaks TLS only."))
	_, _ = io.WriteString(c.Conn, answer.text.String())
	// What is still to come is read, or else closing would reset the connection
	// before the client has read the answer. The handshake's deadline holds.
	_, _ = io.CopyN(io.Discard, c.Conn, maxBody)
}

// plainAnswer is an http.ResponseWriter that keeps the answer as text.
type plainAnswer struct {
	header http.Header
	text   strings.Builder
}

func (a *plainAnswer) Header() http.Header { return a.header }

func (a *plainAnswer) WriteHeader(status int) {
	a.text.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	_ = a.header.Write(&a.text)
	a.text.WriteString("\r\n")
}

func (a *plainAnswer) Write(b []byte) (int, error) { return a.text.Write(b) }
