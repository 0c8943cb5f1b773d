// Package config is the configuration file of Mailstop: its keys, defaults, checks and reference. It opens nothing
// that the file names.
package config

import (
	"fmt"
	"net/netip"
	"time"
)

// Config is the whole file. Every key has a doc tag, from which the reference is made.
type Config struct {
	StateDir string   `yaml:"state_dir" doc:"Where Mailstop keeps what it must remember: checkpoints, dead letters."`
	Sources  []Source `yaml:"sources" doc:"What to read. Each item has one of the keys file, kafka, syslog."`
	Mail     Mail     `yaml:"mail" doc:"What is yours, and what is mail."`
	Prefixes []Prefix `yaml:"prefixes" doc:"What the prefixes of your own log rules mean. The first that matches wins, also over what Mailstop knows itself."`
	Store    Store    `yaml:"store" doc:"Where results are kept: in a folder (embedded) or in a ClickHouse server."`
	Alerts   Alerts   `yaml:"alerts" doc:"Who is told. Not used by replay."`
	HTTP     HTTP     `yaml:"http" doc:"Metrics and health of the daemon. Not used by replay."`

	given map[string]int // the keys that the file has, and their lines
}

// Has reports whether the file itself has a key, such as "store".
func (c *Config) Has(key string) bool { return c.given[key] > 0 }

// A Source is one item of sources.
type Source struct {
	File   *File   `yaml:"file" doc:"Log files."`
	Kafka  *Kafka  `yaml:"kafka" doc:"Kafka topics. Not used by replay."`
	Syslog *Syslog `yaml:"syslog" doc:"A syslog listener. Not used by replay."`
}

// File names log files and what their lines do not say.
type File struct {
	Paths    []string `yaml:"paths" doc:"Files, folders or patterns."`
	Host     string   `yaml:"host" doc:"The firewall's name, where the lines do not tell."`
	Timezone Zone     `yaml:"timezone" doc:"IANA name of the zone of stamps without one, such as Europe/Berlin. Without it UTC is assumed, and marked."`
	Format   string   `yaml:"format" doc:"Log format; auto recognises it line by line."`
}

// Kafka names topics.
type Kafka struct {
	Brokers []string          `yaml:"brokers" doc:"Addresses, host:port."`
	Topics  []string          `yaml:"topics" doc:"Topics."`
	Group   string            `yaml:"group" doc:"Consumer group."`
	TLS     map[string]string `yaml:"tls" doc:"TLS settings."`
	SASL    map[string]Secret `yaml:"sasl" doc:"SASL settings."`
}

// Syslog names listening addresses.
type Syslog struct {
	UDP string `yaml:"udp" doc:"Address to listen on, host:port."`
	TCP string `yaml:"tcp" doc:"Address to listen on, host:port."`
}

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

// Unused returns the keys the file has that this version only reads: they belong to the daemon and its alerts.
func (c *Config) Unused() []string {
	var out []string
	for i, s := range c.Sources {
		if s.File == nil {
			out = append(out, fmt.Sprintf("sources[%d]", i))
		}
	}
	for _, key := range []string{"state_dir", "mail.trusted", "alerts", "http"} {
		if c.Has(key) {
			out = append(out, key)
		}
	}
	return out
}

// FilePaths returns the paths of all file sources.
func (c *Config) FilePaths() []string {
	var out []string
	for _, s := range c.Sources {
		if s.File != nil {
			out = append(out, s.File.Paths...)
		}
	}
	return out
}
