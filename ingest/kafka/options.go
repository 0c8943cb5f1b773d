package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"mailstop/event"
	"mailstop/internal/extent"
)

// Where to begin, and what to do when the wanted messages are gone.
const (
	First    = "first"
	Last     = "last"
	Earliest = "earliest"
	Latest   = "latest"
	Stop     = "stop"
)

// TLS says how connections are encrypted.
type TLS struct {
	Enabled    bool
	CA         string // PEM file; empty: the system's
	Cert, Key  string // PEM files, for brokers that ask who we are
	ServerName string // in the broker's certificate, if it is not the name that is dialled
	Insecure   bool   // accept any certificate
}

// SASL says who we are. An empty mechanism: nobody asks.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User      string
	Password  string
}

// String leaves out the password.
func (s SASL) String() string {
	if s.Mechanism == "" {
		return "none"
	}
	return s.Mechanism + " " + s.User + " <secret>"
}

// GoString leaves out the password.
func (s SASL) GoString() string { return s.String() }

// LogValue leaves out the password.
func (s SASL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Options of a source. Default fills what has a default.
type Options struct {
	Brokers  []string // host:port, to begin with
	Topics   []string
	Group    string
	ClientID string
	// Start is where partitions begin that have no committed offset: First or Last.
	Start string
	// OutOfRange is what to do when the message to go on with is gone: Earliest, Latest or Stop.
	OutOfRange string
	TLS        TLS
	SASL       SASL

	Host   string // of lines that do not tell, and messages without a header of that name
	Format event.Format
	Zone   *time.Location

	Ledger     extent.Ledger // nil: no store
	Checkpoint func()        // asks for a checkpoint; nil: nobody to ask
	Log        *slog.Logger  // nil: nowhere

	BatchBytes  int           // of a batch's lines
	ExtentBytes int           // of an extent's lines
	Extents     int           // how many extents of that size are held at once, over all partitions
	FetchBytes  int           // of one answer of a broker, as stored; a larger message comes all the same
	FetchWait   time.Duration // how long a broker may wait for the next message
	Age         time.Duration // how long an extent may wait for more lines
	Heartbeat   time.Duration
	Session     time.Duration // without a heartbeat for that long a member has lost its partitions
	Rebalance   time.Duration // how long the group waits for its members to join again
	Drain       time.Duration // how long a partition that goes to another member is held, until all is stored and committed
	Watch       time.Duration // how often to look for new partitions
	Backoff     time.Duration // the first pause after an error; later ones are up to 30 times longer
	Timeout     time.Duration // of one request
	Stuck       time.Duration // say so when nothing was acknowledged for that long

	// MaxBehind bounds how many messages between a restored position and the committed offset are read again for the
	// detectors' sake. If there are more, and where no position is known, Reread and RereadAge bound how many messages
	// before the committed offset are.
	MaxBehind int64
	Reread    int64
	RereadAge time.Duration
}

// Default returns the options that a configuration starts from.
func Default() Options {
	return Options{
		Group: "mailstop", ClientID: "mailstop", Start: First, OutOfRange: Earliest,
		BatchBytes: 512 << 10, ExtentBytes: 16 << 20, Extents: 4, FetchBytes: 8 << 20,
		FetchWait: 250 * time.Millisecond, Age: time.Second,
		Heartbeat: 3 * time.Second, Session: 30 * time.Second, Rebalance: 30 * time.Second, Drain: 10 * time.Second,
		Watch: 5 * time.Second, Backoff: 250 * time.Millisecond, Timeout: 5 * time.Second, Stuck: 10 * time.Minute,
		MaxBehind: 5_000_000, Reread: 200_000, RereadAge: time.Hour,
	}
}

// Validate says what is wrong with the options, all of it.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(o.Brokers) == 0 {
		bad("brokers: none is given (hint: brokers: [127.0.0.1:9092])")
	}
	for _, b := range o.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			bad("brokers: %q is not host:port", b)
		}
	}
	if len(o.Topics) == 0 {
		bad("topics: none is given")
	}
	seen := map[string]bool{}
	for _, t := range o.Topics {
		if t == "" || len(t) > 249 || strings.Trim(t, topicLetters) != "" || seen[t] {
			bad("topics: %q is empty, given twice, or no name that Kafka allows", t)
		}
		seen[t] = true
	}
	if o.Group == "" {
		bad("group: it must have a name, under which the brokers keep how far it has read")
	}
	if o.Start != First && o.Start != Last {
		bad("start: %q is neither %q nor %q", o.Start, First, Last)
	}
	if o.OutOfRange != Earliest && o.OutOfRange != Latest && o.OutOfRange != Stop {
		bad("out_of_range: %q is none of %q, %q, %q", o.OutOfRange, Earliest, Latest, Stop)
	}
	errs = append(errs, o.SASL.validate(), o.TLS.validate(), o.sizes())
	return errors.Join(errs...)
}

const topicLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

func (o *Options) sizes() error {
	if o.BatchBytes <= 0 || o.ExtentBytes < o.BatchBytes || o.Extents <= 0 || o.FetchBytes <= 0 {
		return errors.New("sizes must be above 0, and an extent not smaller than a batch")
	}
	for _, d := range []time.Duration{o.FetchWait, o.Age, o.Heartbeat, o.Watch, o.Backoff, o.Timeout, o.Stuck, o.Drain} {
		if d <= 0 {
			return errors.New("times must be above 0")
		}
	}
	if o.Heartbeat > o.Session/3 {
		return fmt.Errorf("heartbeat: %v is more than a third of the session's %v", o.Heartbeat, o.Session)
	}
	// No heartbeat is sent while a generation of the group ends.
	if limit := min(o.Session, o.Rebalance) - o.Heartbeat; o.Drain >= limit {
		return fmt.Errorf("drain: %v is not below %v, the session's length without a heartbeat", o.Drain, limit)
	}
	if o.MaxBehind < 0 || o.Reread < 0 || o.RereadAge < 0 {
		return errors.New("how much is read again must not be below 0")
	}
	return nil
}

func (s SASL) validate() error {
	switch {
	case s.Mechanism == "" && s == SASL{}:
		return nil
	case s.Mechanism != "PLAIN" && s.Mechanism != "SCRAM-SHA-256" && s.Mechanism != "SCRAM-SHA-512":
		return fmt.Errorf("sasl: mechanism %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", s.Mechanism)
	case s.User == "" || s.Password == "":
		return errors.New("sasl: user and password are needed")
	}
	return nil
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, s.User, s.Password)
	default:
		return scram.Mechanism(scram.SHA512, s.User, s.Password)
	}
}

func (t TLS) validate() error {
	if !t.Enabled && t != (TLS{}) {
		return errors.New("tls: settings are given, but it is not enabled (hint: tls: {enabled: true})")
	}
	if (t.Cert == "") != (t.Key == "") {
		return errors.New("tls: cert and key go together")
	}
	return nil
}

// config reads the files. It returns nil where nothing is encrypted.
func (t TLS) config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls: no certificate in %s", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
