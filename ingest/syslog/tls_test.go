package syslog

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An authority signs certificates for the tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes name.pem and name.key.
func (a *authority) issue(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.Subject = pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return out, key
}

func (a *authority) path(file string) string { return filepath.Join(a.dir, file) }

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	ca.issue("server", &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	ca.issue("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	client, err := tls.LoadX509KeyPair(ca.path("client.pem"), ca.path("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	for _, mutual := range []bool{false, true} {
		o := options(t)
		o.TLS = TLS{Listen: "127.0.0.1:0", Cert: ca.path("server.pem"), Key: ca.path("server.key")}
		if mutual {
			o.TLS.ClientCA = ca.path("ca.pem")
		}
		r := start(t, newStore(), o, never)
		address := r.address("tls")
		say := func(c *tls.Config, text string) {
			conn, err := tls.Dial("tcp", address, c)
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Write([]byte(text))
		}
		say(&tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, "<13>old\n")
		say(&tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}, "<13>nobody 1.2\n")
		say(&tls.Config{RootCAs: roots}, "<13>nobody 1.3\n")
		plain := dial(t, "tcp", address)
		send(t, plain, "<13>plain text\n")
		plain.Close()
		say(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client}}, "<13>client\n10 <13>second")
		if mutual {
			r.expect("<13>client", "<13>second")
		} else {
			r.expect("<13>client", "<13>second", "<13>nobody 1.2", "<13>nobody 1.3")
		}
		r.stop()
	}

	o := options(t)
	o.TLS = TLS{Listen: "127.0.0.1:0", Cert: ca.path("server.pem"), Key: ca.path("client.key")}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Restore(nil, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("runs with a key that is not the certificate's")
	}
}
