// Package config is the configuration file of Mailstop: its keys, defaults, checks and reference. It opens nothing
// that the file names.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Config is the whole file. Every key has a doc tag, from which the reference is made.
type Config struct {
	StateDir string   `yaml:"state_dir" doc:"Where Mailstop keeps what it must remember: checkpoints, dead letters."`
	Sources  []Source `yaml:"sources" doc:"What to read. Each item has one of the keys file, kafka, syslog, journald."`
	Mail     Mail     `yaml:"mail" doc:"What is yours, and what is mail."`
	Prefixes []Prefix `yaml:"prefixes" doc:"What the prefixes of your own log rules mean. The first that matches wins, also over what Mailstop knows itself."`
	Store    Store    `yaml:"store" doc:"Where results are kept: in a folder (embedded) or in a ClickHouse server."`
	Alerts   Alerts   `yaml:"alerts" doc:"Who is told. Not used by replay."`
	HTTP     HTTP     `yaml:"http" doc:"Metrics and health of the daemon. Not used by replay."`

	given map[string]int // the keys that the file has, and their lines
}

// Has reports whether the file itself has a key, such as "store".
func (c *Config) Has(key string) bool { return c.given[key] > 0 }

// Mail says what is ours and what is mail.
type Mail struct {
	Servers  []netip.Addr   `yaml:"servers" doc:"Hosts that send or receive mail."`
	Networks []netip.Prefix `yaml:"networks" doc:"Your address ranges. Private addresses count as yours without being named."`
	Trusted  []string       `yaml:"trusted" doc:"Addresses, ranges and names that mail must reach or come from."`
	Ports    []uint16       `yaml:"ports" doc:"TCP ports that carry mail."`
}

// A Prefix says what a log prefix means.
type Prefix struct {
	Match     string `yaml:"match" doc:"Regular expression (RE2) over the prefix as it stands in the line, such as ^FW-OUT."`
	Action    string `yaml:"action" doc:"allow, drop, reject, deny, observe, nat, close or unknown."`
	Direction string `yaml:"direction" doc:"in, out or forward; empty leaves what the interfaces say."`
	Rule      string `yaml:"rule" doc:"What entries show as their rule; empty leaves the prefix."`
}

// Store says where results are kept.
type Store struct {
	Embedded   *Embedded   `yaml:"embedded" doc:"ClickHouse in this process, in a folder."`
	ClickHouse *ClickHouse `yaml:"clickhouse" doc:"A ClickHouse server or cluster, instead of embedded."`
	Keep       string      `yaml:"keep" doc:"Which entries are stored one by one: mail or all. Roll-ups always count all."`
	TTL        TTL         `yaml:"ttl" doc:"How long rows are kept after they were stored; 0 keeps them for ever."`
}

// Embedded names the folder of the embedded store.
type Embedded struct {
	Path string `yaml:"path" doc:"The store's folder. One process at a time can use it."`
}

// ClickHouse names a server.
type ClickHouse struct {
	DSN     Secret `yaml:"dsn" doc:"clickhouse://user:password@host:9000/database?secure=true, or http(s)://…"`
	DSNFile string `yaml:"dsn_file" doc:"A file that holds the DSN."`
	Cluster string `yaml:"cluster" doc:"Name of the cluster on which tables are made."`
}

// TTL says how long rows are kept.
type TTL struct {
	Entries  Duration `yaml:"entries" doc:"Single entries and deliveries."`
	Rollup1m Duration `yaml:"rollup_1m" doc:"Counts per minute."`
	Rollup1h Duration `yaml:"rollup_1h" doc:"Counts per hour."`
	Findings Duration `yaml:"findings" doc:"Findings."`
}

// Alerts says who is told.
type Alerts struct {
	Slack *Slack `yaml:"slack" doc:"Slack."`
}

// Slack is a Slack workspace.
type Slack struct {
	Token        Secret  `yaml:"token" doc:"Bot token."`
	TokenFile    string  `yaml:"token_file" doc:"A file that holds the bot token."`
	AppToken     Secret  `yaml:"app_token" doc:"App-level token, for buttons."`
	AppTokenFile string  `yaml:"app_token_file" doc:"A file that holds the app-level token."`
	Channel      string  `yaml:"channel" doc:"Channel id."`
	MinSeverity  string  `yaml:"min_severity" doc:"info, low, medium or high."`
	APIURL       string  `yaml:"api_url" doc:"Another API endpoint than Slack's."`
	Routes       []Route `yaml:"routes" doc:"Other channels for some findings; the first match wins."`
}

// A Route sends some findings to another channel.
type Route struct {
	Match   map[string]string `yaml:"match" doc:"Finding fields and their patterns, such as host: mx-*."`
	Channel string            `yaml:"channel" doc:"Channel id."`
}

// HTTP is where the daemon listens.
type HTTP struct {
	Listen string `yaml:"listen" doc:"Address, host:port; empty turns it off."`
}

const day = 24 * time.Hour

// Default returns what holds without a file.
func Default() Config {
	return Config{
		StateDir: "/var/lib/mailstop",
		Mail:     Mail{Ports: []uint16{25, 465, 587, 2525}},
		Store: Store{
			Embedded: &Embedded{Path: "/var/lib/mailstop/store"},
			Keep:     "mail",
			TTL: TTL{
				Entries: Duration(30 * day), Rollup1m: Duration(7 * day),
				Rollup1h: Duration(400 * day), Findings: Duration(400 * day),
			},
		},
		HTTP: HTTP{Listen: "127.0.0.1:9310"},
	}
}

// Unused returns the keys the file has that this version reads and checks, but does not use.
func (c *Config) Unused() []string {
	var out []string
	for _, key := range []string{"mail.trusted", "alerts"} {
		if c.Has(key) {
			out = append(out, key)
		}
	}
	return out
}

// Notes says what is worth knowing of a configuration that has no errors.
func (c *Config) Notes() []string {
	var out []string
	for i, s := range c.Sources {
		key := fmt.Sprintf("sources[%d].", i)
		if k := s.Kafka; k != nil {
			if k.TLS.InsecureSkipVerify {
				out = append(out, key+"kafka.tls.insecure_skip_verify: whoever is on the way to the brokers can read and forge the logs")
			}
			if k.SASL.Mechanism == "PLAIN" && !k.TLS.On() {
				out = append(out, key+"kafka.sasl: PLAIN without tls sends the password in the clear")
			}
		}
		if k := s.Syslog; k != nil && k.UDP != "" {
			out = append(out, key+"syslog.udp: datagrams that come faster than they can be read are lost, and counted; tcp loses none")
		}
	}
	if host, _, err := net.SplitHostPort(c.HTTP.Listen); err == nil && !loopback(host) {
		out = append(out, "http.listen: whoever can reach this address can read the metrics; there is no authentication")
	}
	for _, key := range c.Unused() {
		out = append(out, key+" is read but not used by this version")
	}
	return out
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}
