package backend

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certificateFiles are a certificate and its key that may be replaced at any time, as
// programs that renew certificates do.
type certificateFiles struct {
	certificate, key string
	log              *slog.Logger

	mu      sync.Mutex
	state   [2]fileState // of the files that were looked at last
	current *tls.Certificate
}

// fileState changes when a file does.
type fileState struct {
	modified time.Time
	size     int64
}

func (c *certificateFiles) look() (state [2]fileState, err error) {
	for i, name := range []string{c.certificate, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return state, err
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}

func (c *certificateFiles) load() error {
	state, err := c.look()
	c.state = state
	if err != nil {
		return fmt.Errorf("the certificate or its key cannot be read: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err != nil {
		return fmt.Errorf("%s and %s are no certificate and its key: %w", c.certificate, c.key, err)
	}
	c.current = &pair
	return nil
}

// get returns the certificate for a connection. Files that are no good, such as those
// of which only one has been replaced so far, change nothing.
func (c *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state, _ := c.look(); state != c.state { // a file that is not there has a state, too
		if err := c.load(); err != nil {
			c.log.Error("the certificate stays the one before", "error", err)
		} else {
			c.log.Info("another certificate is in use", "file", c.certificate)
		}
	}
	return c.current, nil
}

// The files of a self-signed server's folder.
const (
	caFile    = "ca.pem"     // for those who are to trust it
	caKeyFile = "ca-key.pem" // the certificate and its key
)

// How long self-signed certificates are good for. The server's own is made anew at each
// start, and once two thirds of its time are over. The authority's is made anew then, with the same key, in the
// two years before it expires: those who trust the one before trust what it signs until that expires, so they
// have more than a year to take the new one.
const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	caRenewal    = 2 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour
	leafRenewal  = leafLifetime / 3
	// renewalPause is between attempts that fail.
	renewalPause = time.Minute
)

// ownCertificate is a certificate that a server makes itself, and makes anew in time. It is safe
// for concurrent use.
type ownCertificate struct {
	dir, listen string
	log         *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	renewal time.Time
}

func newOwnCertificate(dir, listen string, log *slog.Logger) (*ownCertificate, error) {
	o := &ownCertificate{dir: dir, listen: listen, log: log}
	return o, o.renew()
}

func (o *ownCertificate) renew() error {
	made, err := selfSigned(o.dir, o.listen)
	if err != nil {
		return err
	}
	o.current, o.renewal = made, made.Leaf.NotAfter.Add(-leafRenewal)
	return nil
}

// get returns the certificate for a connection. One that cannot be renewed stays in use.
func (o *ownCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); !now.Before(o.renewal) {
		if err := o.renew(); err != nil {
			o.renewal = now.Add(renewalPause)
			o.log.Error("the self-signed certificate cannot be renewed", "expires", o.current.Leaf.NotAfter, "error", err)
		} else {
			o.log.Info("the self-signed certificate was renewed", "expires", o.current.Leaf.NotAfter)
		}
	}
	return o.current, nil
}

// selfSigned returns a certificate for the machine's names and addresses, signed by the
// authority in a folder, which is made if there is none. Servers that start at once
// agree on one.
func selfSigned(dir, listen string) (*tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ca, caKey, err := authority(dir)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := newTemplate("terraform-provider-vcc reference backend", leafLifetime)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames, template.IPAddresses = ownNames(listen)
	if template.NotAfter.After(ca.NotAfter) { // nobody would trust it any longer
		template.NotAfter = ca.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der, ca.Raw}, PrivateKey: key, Leaf: leaf}, err
}

func newTemplate(name string, lifetime time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // RFC 5280, 4.1.2.2
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime), // clocks differ
	}
}

// ownNames are what this machine can be called.
func ownNames(listen string) (names []string, addresses []net.IP) {
	names, addresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	host, _, _ := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); ip != nil {
		addresses = append(addresses, ip)
	} else if host != "" {
		names = append(names, host)
	}
	found, _ := net.InterfaceAddrs()
	for _, a := range found {
		if n, ok := a.(*net.IPNet); ok {
			addresses = append(addresses, n.IP)
		}
	}
	return names, addresses
}

// authority returns the certificate authority of a folder.
func authority(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	path := filepath.Join(dir, caKeyFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
			content, err = newAuthority(key)
		}
		if err == nil {
			content, err = publish(path, content, 0o600)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, nil, fmt.Errorf("%s has no certificate authority: %w", path, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA || time.Now().After(pair.Leaf.NotAfter) {
		return nil, nil, fmt.Errorf("the certificate authority in %s has expired or is another program's; remove the folder, and give the new %s to those who trust it", dir, caFile)
	}
	if time.Until(pair.Leaf.NotAfter) < caRenewal {
		if content, err = newAuthority(key); err == nil {
			err = replace(path, content, 0o600)
		}
		if err == nil {
			pair, err = tls.X509KeyPair(content, content)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the certificate authority in %s expires soon and cannot be renewed: %w", path, err)
		}
	}
	path = filepath.Join(dir, caFile)
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Leaf.Raw})
	content, err = publish(path, public, 0o644)      // for everybody to read
	if err == nil && !bytes.Equal(content, public) { // left from another authority
		err = replace(path, public, 0o644)
	}
	return pair.Leaf, key, err
}

// newAuthority returns the certificate and the key of an authority, in PEM.
func newAuthority(key *ecdsa.PrivateKey) ([]byte, error) {
	template := newTemplate("terraform-provider-vcc lab authority", caLifetime)
	template.IsCA, template.MaxPathLenZero, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), err
}

// publish makes a file appear whole, and returns its content: another process's, if
// that was faster.
func publish(path string, content []byte, mode os.FileMode) ([]byte, error) {
	temporary, err := writeBeside(path, content, mode)
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary) //nolint:errcheck // it has another name by then, or is of no use
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// replace puts a whole file in the place of another.
func replace(path string, content []byte, mode os.FileMode) error {
	temporary, err := writeBeside(path, content, mode)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	return err
}

// writeBeside writes a file under another name in the same folder, and returns the name.
func writeBeside(path string, content []byte, mode os.FileMode) (string, error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return "", err
	}
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Chmod(mode), temporary.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temporary.Name()))
	}
	return temporary.Name(), nil
}
