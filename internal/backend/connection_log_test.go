package backend_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
)

// Who only connects gets no text into the log: not by the protocols that it offers, and not by what
// it sends in one that was agreed upon.
func TestConnectionsPutNoTextIntoTheLog(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2"
	p := newPair(t, "server")
	s := serve(t, backend.ServerConfig{CertificateFile: p.certificate, KeyFile: p.key})
	lines := func(of string) int { return strings.Count(s.log.String(), of) }

	if _, err := s.shakeHands(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{secret}}); err == nil {
		t.Error("an unknown protocol was agreed upon")
	}
	eventually(t, "a line about the protocols", func() bool { return lines("unsupported application protocols") > 0 })

	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}).DialContext(t.Context(), "tcp", "127.0.0.1:"+s.port)
	ok(t, err)
	_, err = c.Write([]byte(strings.Repeat(secret, 3)))
	ok(t, err)
	eventually(t, "a line about the first bytes", func() bool { return lines("bogus greeting") > 0 })
	ok(t, c.Close())

	if log := s.log.String(); strings.Contains(log, secret) {
		t.Errorf("the log has what a caller sent: %s", log)
	}
}
