package backend_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// pair are the files of a certificate and its key.
type pair struct{ certificate, key string }

// newPair makes a certificate for 127.0.0.1 that signs itself.
func newPair(t *testing.T, name string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ok(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ok(t, err)
	dir := t.TempDir()
	p := pair{filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{
		p.certificate: {Type: "CERTIFICATE", Bytes: certificate},
		p.key:         {Type: "PRIVATE KEY", Bytes: private},
	} {
		// What stands before a block is none of it. It makes each pair's files as long as
		// their name, however coarse the file system's clock.
		ok(t, os.WriteFile(path, append([]byte(name+"\n"), pem.EncodeToMemory(block)...), 0o600))
	}
	return p
}

// shakeHands connects and returns what was agreed upon.
func (s *served) shakeHands(cfg *tls.Config) (tls.ConnectionState, error) {
	s.t.Helper()
	c, err := (&tls.Dialer{Config: cfg}).DialContext(s.t.Context(), "tcp", "127.0.0.1:"+s.port)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close() //nolint:errcheck // nothing was sent
	return c.(*tls.Conn).ConnectionState(), nil
}

func TestTLSVersions(t *testing.T) {
	t.Parallel()
	p := newPair(t, "server")
	s := serve(t, backend.ServerConfig{CertificateFile: p.certificate, KeyFile: p.key})
	with := func(version uint16) (tls.ConnectionState, error) {
		return s.shakeHands(&tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		state, err := with(version)
		ok(t, err)
		same(t, "version", tls.VersionName(state.Version), tls.VersionName(version))
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := with(version); err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// TestCertificateFilesAreReloaded replaces them as a program does that renews
// certificates, and as one does that fails.
func TestCertificateFilesAreReloaded(t *testing.T) {
	t.Parallel()
	used := newPair(t, "first")
	s := serve(t, backend.ServerConfig{CertificateFile: used.certificate, KeyFile: used.key})
	want := func(what, name string) {
		t.Helper()
		state, err := s.shakeHands(&tls.Config{InsecureSkipVerify: true})
		ok(t, err)
		same(t, "certificate "+what, state.PeerCertificates[0].Subject.CommonName, name)
	}
	replace := func(file, by string) {
		t.Helper()
		content, err := os.ReadFile(by)
		ok(t, err)
		ok(t, os.WriteFile(file, content, 0o600))
	}
	second, third := newPair(t, "the second"), newPair(t, "the third of all")
	want("at the start", "first")
	replace(used.certificate, second.certificate)
	want("with the former's key", "first")
	want("with the former's key still", "first")
	replace(used.key, second.key)
	want("of which both were replaced", "the second")
	ok(t, os.WriteFile(used.certificate, []byte("-----BEGIN"), 0o600))
	want("that is damaged", "the second")
	ok(t, os.Remove(used.key))
	want("whose key is gone", "the second")
	replace(used.key, third.key)
	want("that is damaged, with another key", "the second")
	replace(used.certificate, third.certificate)
	want("after all", "the third of all")
	same(t, "lines about another certificate", len(s.logged("another certificate is in use")), 2)
	if len(s.logged("the certificate stays the one before")) == 0 {
		t.Error("the log says nothing of files that are no good")
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	ok(t, err)
	return string(content)
}

// answers says how a client gets on that trusts an authority.
func (s *served) answers(host, authority string) error {
	s.t.Helper()
	_, err := s.client(httpapi.ClientConfig{Endpoint: "https://" + host + ":" + s.port, CACertificate: authority}).ServerInfo(s.t.Context())
	return err
}

func TestSelfSigned(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "authority")
	// Another address than loopback needs no permission with TLS.
	s := serve(t, backend.ServerConfig{Listen: "0.0.0.0:0", SelfSigned: dir})
	authority, key := read(t, dir, "ca.pem"), read(t, dir, "ca-key.pem")
	for _, host := range []string{"127.0.0.1", "localhost"} {
		ok(t, s.answers(host, authority))
	}
	for name, other := range map[string]string{"another authority": read(t, filepath.Dir(newPair(t, "x").certificate), "certificate.pem"), "the system's authorities": ""} {
		var failure *httpapi.Failure
		if err := s.answers("127.0.0.1", other); !errors.As(err, &failure) || failure.Kind != httpapi.FailureAuthority {
			t.Errorf("with %s: %v", name, err)
		}
	}
	// HTTP without TLS is no way in.
	if err := func() error {
		_, err := s.client(httpapi.ClientConfig{Endpoint: "http://127.0.0.1:" + s.port}).ServerInfo(t.Context())
		return err
	}(); err == nil {
		t.Error("it answers without TLS")
	}

	if strings.Contains(authority, "PRIVATE") || !strings.Contains(key, "PRIVATE") {
		t.Error("the key is not where it belongs")
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "ca-key.pem": 0o600, "ca.pem": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		ok(t, err)
		same(t, "mode of "+name, info.Mode().Perm(), want)
	}
	files, err := os.ReadDir(dir)
	ok(t, err)
	same(t, "files", mapped(files, os.DirEntry.Name), []string{"ca-key.pem", "ca.pem"})
	before, err := os.Stat(filepath.Join(dir, "ca.pem"))
	ok(t, err)
	ok(t, s.end())

	again := serve(t, backend.ServerConfig{SelfSigned: dir})
	after, err := os.Stat(filepath.Join(dir, "ca.pem"))
	ok(t, err)
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("the authority is written again, so that who reads it at that moment gets half of it")
	}
	same(t, "authority and key after a restart", []string{read(t, dir, "ca.pem"), read(t, dir, "ca-key.pem")}, []string{authority, key})
	ok(t, again.answers("127.0.0.1", authority))
	ok(t, again.end())

	// What is lost, or is another authority's, is put right.
	for name, do := range map[string]func(string) error{
		"lost":      os.Remove,
		"another's": func(path string) error { return os.WriteFile(path, []byte("another's"), 0o600) },
	} {
		ok(t, do(filepath.Join(dir, "ca.pem")))
		ok(t, serve(t, backend.ServerConfig{SelfSigned: dir}).end())
		same(t, "authority that was "+name, read(t, dir, "ca.pem"), authority)
	}
}

// TestOneAuthority: servers that start at once in one folder agree on one.
func TestOneAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "authority")
	database := "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
	var starting sync.WaitGroup
	begin := make(chan struct{})
	var all [4]*served
	for i := range all {
		starting.Go(func() {
			<-begin
			all[i] = serve(t, backend.ServerConfig{SelfSigned: dir, Database: database})
		})
	}
	close(begin)
	starting.Wait()
	if t.Failed() {
		return
	}
	for _, s := range all {
		ok(t, s.answers("127.0.0.1", read(t, dir, "ca.pem")))
	}
}

// TestNoAuthority: what is in the folder is used or refused, never replaced.
func TestNoAuthority(t *testing.T) {
	t.Parallel()
	p := newPair(t, "a certificate that is no authority's")
	for name, content := range map[string]string{
		"something else":              "nothing in PEM",
		"a certificate without a key": read(t, filepath.Dir(p.certificate), "certificate.pem"),
		"no authority's certificate":  read(t, filepath.Dir(p.certificate), "certificate.pem") + read(t, filepath.Dir(p.key), "key.pem"),
		"an authority that expired":   expiredAuthority(t),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ok(t, os.WriteFile(filepath.Join(dir, "ca-key.pem"), []byte(content), 0o600))
			_, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(dir, "vcc.db"), SelfSigned: dir})
			if err == nil || !strings.Contains(err.Error(), "no self-signed certificate can be made") || !strings.Contains(err.Error(), dir) {
				t.Errorf("error: %v", err)
			}
			same(t, "the file", read(t, dir, "ca-key.pem"), content)
		})
	}
}

func expiredAuthority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ok(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ok(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// TestSelfSignedIsRenewed runs a server's certificate for twelve years: those who trust the authority
// always get one that is good, and take a new authority in the year before theirs expires.
func TestSelfSignedIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), new(logBuffer)
		get, err := backend.SelfSigned(dir, slog.New(slog.NewTextHandler(log, nil)))
		ok(t, err)
		first := read(t, dir, "ca.pem")
		trusted, taken := first, time.Now()
		seen := map[string]bool{}
		for range 12 * 52 {
			certificate, err := get(nil)
			ok(t, err)
			leaf := certificate.Leaf
			seen[leaf.SerialNumber.String()] = true
			roots, sent := x509.NewCertPool(), x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(trusted))
			for _, der := range certificate.Certificate[1:] {
				c, err := x509.ParseCertificate(der)
				ok(t, err)
				sent.AddCert(c)
			}
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent, CurrentTime: time.Now(), DNSName: "127.0.0.1"}); err != nil {
				t.Fatalf("%v after this authority was taken: %v", time.Since(taken), err)
			}
			if now := read(t, dir, "ca.pem"); now != trusted && time.Since(taken) > (9*365+300)*24*time.Hour {
				trusted, taken = now, time.Now()
			}
			time.Sleep(7 * 24 * time.Hour)
		}
		if len(seen) < 12 || len(seen) > 24 {
			t.Errorf("%d certificates in twelve years", len(seen))
		}
		if trusted == first {
			t.Error("the authority was never renewed")
		}
		same(t, "renewals in the log", strings.Count(log.String(), "was renewed"), len(seen)-1)

		// What cannot be renewed stays in use, and the log says so.
		before, err := get(nil)
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(dir, "ca-key.pem"), []byte("damaged"), 0o600))
		time.Sleep(300 * 24 * time.Hour)
		after, err := get(nil)
		ok(t, err)
		same(t, "certificate without an authority", after.Leaf.SerialNumber.String(), before.Leaf.SerialNumber.String())
		if !strings.Contains(log.String(), "cannot be renewed") {
			t.Errorf("the log: %s", log)
		}
	})
}
