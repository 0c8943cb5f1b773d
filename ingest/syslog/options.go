package syslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"time"

	"mailstop/event"
)

// Options say where to listen and what to do with what comes. Default gives a value to start from. At least one way in
// must be given.
type Options struct {
	UDP string // address: "127.0.0.1:5514"; empty: none
	TCP string
	TLS TLS
	// Unix is the path of a datagram socket, as /dev/log is one; UnixStream that of one for streams. A socket that a dead process left
	// there is replaced.
	Unix       string
	UnixStream string
	UnixMode   fs.FileMode
	Stdin      io.Reader

	Name   string // what entries show as their source; empty: made from the addresses
	Host   string // who wrote lines that do not tell; empty: the address they came from
	Format event.Format
	Zone   *time.Location

	// MaxConnections bounds the connections that are read at a time, over all listeners. More wait to be accepted.
	MaxConnections int
	// MaxMessage is how many bytes of a message are kept. Of a longer one a byte more is kept, so that it is seen to be cut.
	MaxMessage int
	// Idle is after what time without a byte a connection is closed.
	Idle time.Duration
	// ReceiveBuffer is what the kernel is asked to hold of datagrams, in bytes. It may give less.
	ReceiveBuffer int

	SpoolDir   string // of this source alone
	SpoolLimit int64

	// ExtentSize and ExtentAge bound what is stored as one.
	ExtentSize int64
	ExtentAge  time.Duration
	// Ledger returns the extents that are planned or stored behind a token. Nil: there is no store.
	Ledger func(ctx context.Context, parent string) ([]event.Extent, error)
	// Checkpoint asks for a checkpoint; called when the spool fills. It must not block. Nil: nobody is asked.
	Checkpoint func()
	Log        *slog.Logger // nil: nothing is said
}

// TLS says where to listen with TLS, 1.2 or newer.
type TLS struct {
	Listen    string
	Cert, Key string // files, PEM
	ClientCA  string // file, PEM: clients must bring a certificate that one of these signed; empty: anybody may send
}

// Default returns the options that are used unless told otherwise.
func Default() Options {
	return Options{
		UnixMode: 0o666, MaxConnections: 256, MaxMessage: cutAt, Idle: 24 * time.Hour, ReceiveBuffer: 16 << 20,
		SpoolLimit: 1 << 30, ExtentSize: 16 << 20, ExtentAge: time.Second,
	}
}

// Validate says what is wrong with o.
func (o Options) Validate() error {
	switch {
	case o.UDP == "" && o.TCP == "" && o.TLS.Listen == "" && o.Unix == "" && o.UnixStream == "" && o.Stdin == nil:
		return errors.New("no address; hint: udp: 127.0.0.1:5514")
	case o.TLS.Listen != "" && (o.TLS.Cert == "" || o.TLS.Key == ""):
		return errors.New("tls: no certificate or no key")
	case o.TLS.Listen == "" && o.TLS != TLS{}:
		return errors.New("tls: no address")
	case o.Unix != "" && o.Unix == o.UnixStream:
		return fmt.Errorf("unix: %s cannot be both a datagram and a stream socket", o.Unix)
	case o.MaxConnections < 1 || o.MaxConnections > 65536:
		return fmt.Errorf("max connections %d: not between 1 and 65536", o.MaxConnections)
	case o.MaxMessage < 480 || o.MaxMessage > 512<<10: // RFC 5424 §6.1
		return fmt.Errorf("max message %d: not between 480 bytes and 512 KiB", o.MaxMessage)
	case o.Idle < time.Minute:
		return fmt.Errorf("idle time %s: less than a minute", o.Idle)
	case o.ReceiveBuffer < 4096:
		return fmt.Errorf("receive buffer %d: less than 4096 bytes", o.ReceiveBuffer)
	case o.SpoolDir == "":
		return errors.New("no spool folder")
	case o.SpoolLimit < 8<<20:
		return fmt.Errorf("spool limit %d: less than 8 MiB", o.SpoolLimit)
	case o.ExtentSize < 1 || o.ExtentAge < 0:
		return errors.New("extent size or age: not positive")
	}
	for _, a := range []string{o.UDP, o.TCP, o.TLS.Listen} {
		if a == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Errorf("%w; hint: 127.0.0.1:5514, or :5514 for all addresses", err)
		}
	}
	return nil
}
