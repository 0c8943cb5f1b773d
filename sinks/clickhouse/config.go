package clickhouse

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"mailstop/internal/config"
)

// The values of Config.Keep. Roll-ups count all entries in either case.
const (
	KeepMail = "mail" // store the entries with a mail port
	KeepAll  = "all"  // store every line, also those that could not be read
)

// Config says where the store is, what it keeps and for how long.
type Config struct {
	Embedded   Embedded
	ClickHouse Server // instead of Embedded, if it has a DSN
	Keep       string
	TTL        TTL
	MailPorts  []uint16 // the ports of mail.ports
}

// Embedded is the engine in this process.
type Embedded struct {
	Path string // folder; it is created
}

// Server is a ClickHouse server or cluster.
type Server struct {
	DSN     config.Secret // clickhouse://user:password@host:9000,host2:9000/database?secure=true, or http://…
	Cluster string        // creates the tables ON CLUSTER and replicated; all nodes hold the same rows
}

// TTL says for how long rows are kept after they were stored; 0 means for ever. Entries and roll-ups go in blocks of
// about a month, so they can stay that much longer.
type TTL struct {
	Entries    time.Duration
	Deliveries time.Duration
	Rollup1m   time.Duration
	Rollup1h   time.Duration
	Findings   time.Duration
}

const day = 24 * time.Hour

// Default returns the configuration of an embedded store, without its path.
func Default() Config {
	return Config{
		Keep: KeepMail,
		TTL: TTL{
			Entries: 30 * day, Deliveries: 30 * day, Rollup1m: 7 * day, Rollup1h: 400 * day, Findings: 400 * day,
		},
		MailPorts: []uint16{25, 465, 587, 2525},
	}
}

// Validate says what is wrong with c.
func (c Config) Validate() error {
	var errs []error
	switch {
	case c.ClickHouse.DSN.IsZero() && c.Embedded.Path == "":
		errs = append(errs, errors.New("neither embedded.path nor clickhouse.dsn is set"))
	case !c.ClickHouse.DSN.IsZero():
		if _, err := clickhouse.ParseDSN(c.ClickHouse.DSN.Reveal()); err != nil {
			// The parser's error may quote the password.
			errs = append(errs, errors.New(`clickhouse.dsn: not understood; hint: clickhouse://user:password@host:9000/mailstop`))
		}
	}
	if c.ClickHouse.Cluster != "" && c.ClickHouse.DSN.IsZero() {
		errs = append(errs, errors.New("clickhouse.cluster: needs clickhouse.dsn"))
	}
	if c.Keep != KeepMail && c.Keep != KeepAll {
		errs = append(errs, fmt.Errorf("keep: %q is neither %q nor %q", c.Keep, KeepMail, KeepAll))
	}
	if c.Keep == KeepMail && (len(c.MailPorts) == 0 || slices.Contains(c.MailPorts, 0)) {
		errs = append(errs, errors.New("mail ports: none, or port 0 among them"))
	}
	for _, t := range c.TTL.tables() {
		if t.age < 0 || t.age > math.MaxInt32*time.Second {
			errs = append(errs, fmt.Errorf("ttl.%s: out of range", t.name))
		}
	}
	return errors.Join(errs...)
}

type tableAge struct {
	name string
	age  time.Duration
}

func (t TTL) tables() []tableAge {
	return []tableAge{
		{"entries", t.Entries},
		{"deliveries", t.Deliveries},
		{"rollup_1m", t.Rollup1m},
		{"rollup_1h", t.Rollup1h},
		{"findings", t.Findings},
	}
}
