package config

import "slices"

// A Source is one item of sources.
type Source struct {
	File     *File     `yaml:"file" doc:"Log files. run follows them, replay reads them to their end."`
	Kafka    *Kafka    `yaml:"kafka" doc:"Kafka topics. Not used by replay."`
	Syslog   *Syslog   `yaml:"syslog" doc:"A syslog listener. Not used by replay."`
	Journald *Journald `yaml:"journald" doc:"The journal of systemd, read through journalctl. Not used by replay."`
}

// File names log files and what their lines do not say.
type File struct {
	Paths       []string `yaml:"paths" doc:"Files, folders with all below, or patterns, in which ** stands for any folders. They need not be there yet."`
	Host        string   `yaml:"host" doc:"The firewall's name, where the lines do not tell."`
	Timezone    Zone     `yaml:"timezone" doc:"IANA name of the zone of stamps without one, such as Europe/Berlin. Without it UTC is assumed, and marked."`
	Format      string   `yaml:"format" doc:"Log format; auto recognises it line by line."`
	Start       string   `yaml:"start" doc:"Where run begins in files that are there when it first starts: beginning or end. Later ones are read from their beginning."`
	Poll        bool     `yaml:"poll" doc:"Look for changes from time to time instead of being told. Network file systems are always polled."`
	SilentAfter Silence  `yaml:"silent_after" doc:"How long no line may come before that is reported; empty learns it from the log, never turns it off."`
}

// Kafka names topics.
type Kafka struct {
	Brokers     []string  `yaml:"brokers" doc:"Addresses to ask for the cluster, host:port."`
	Topics      []string  `yaml:"topics" doc:"Topics, by their names."`
	Group       string    `yaml:"group" doc:"Consumer group. Instances with the same group share the partitions."`
	ClientID    string    `yaml:"client_id" doc:"What brokers call this client in their logs and quotas."`
	Start       string    `yaml:"start" doc:"Where to begin in a partition of which the group has no offset: first or last."`
	OutOfRange  string    `yaml:"out_of_range" doc:"Where to go on if the broker has deleted what comes next: earliest, latest or stop."`
	TLS         KafkaTLS  `yaml:"tls" doc:"TLS. {} leaves it off; naming a file turns it on."`
	SASL        KafkaSASL `yaml:"sasl" doc:"Authentication. {} leaves it off."`
	Host        string    `yaml:"host" doc:"The firewall's name, where the lines do not tell."`
	Timezone    Zone      `yaml:"timezone" doc:"IANA name of the zone of stamps without one."`
	Format      string    `yaml:"format" doc:"Log format; auto recognises it line by line."`
	SilentAfter Silence   `yaml:"silent_after" doc:"How long no line may come before that is reported; empty learns it from the log, never turns it off."`
}

// KafkaTLS says how brokers are reached over TLS.
type KafkaTLS struct {
	Enabled            bool   `yaml:"enabled" doc:"Use TLS, with the system's certificate authorities where no ca_file is named."`
	CAFile             string `yaml:"ca_file" doc:"PEM file of the authorities that sign the brokers' certificates."`
	CertFile           string `yaml:"cert_file" doc:"PEM file of the client's certificate."`
	KeyFile            string `yaml:"key_file" doc:"PEM file of the client's key."`
	ServerName         string `yaml:"server_name" doc:"Name that the brokers' certificates must have, if not that of the address."`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify" doc:"Take any certificate. Whoever is on the way can read and forge the logs."`
}

// On reports whether TLS is used.
func (t KafkaTLS) On() bool {
	return t.Enabled || t.CAFile != "" || t.CertFile != "" || t.KeyFile != ""
}

// KafkaSASL says who we are.
type KafkaSASL struct {
	Mechanism    string `yaml:"mechanism" doc:"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."`
	Username     string `yaml:"username" doc:"User name."`
	Password     Secret `yaml:"password" doc:"Password, such as ${KAFKA_PASSWORD}."`
	PasswordFile string `yaml:"password_file" doc:"A file that holds the password."`
}

// On reports whether authentication is used.
func (s KafkaSASL) On() bool { return s.Mechanism != "" }

// Syslog names listening addresses.
type Syslog struct {
	UDP            string    `yaml:"udp" doc:"Address to listen on, host:port. UDP loses what the kernel has no room for; it is counted."`
	TCP            string    `yaml:"tcp" doc:"Address to listen on, host:port."`
	TLS            SyslogTLS `yaml:"tls" doc:"Syslog over TLS (RFC 5425), version 1.2 or newer."`
	Unix           string    `yaml:"unix" doc:"Path of a Unix datagram socket to make and listen on, as /dev/log is one."`
	UnixStream     string    `yaml:"unix_stream" doc:"Path of a Unix stream socket to make and listen on."`
	Stdin          bool      `yaml:"stdin" doc:"Read standard input, for a program that pipes into mailstop run."`
	Host           string    `yaml:"host" doc:"The firewall's name, where neither the lines nor the sender tell."`
	Timezone       Zone      `yaml:"timezone" doc:"IANA name of the zone of stamps without one."`
	Format         string    `yaml:"format" doc:"Log format; auto recognises it line by line."`
	MaxConnections int       `yaml:"max_connections" doc:"How many connections are read at a time; more wait."`
	SpoolLimit     Size      `yaml:"spool_limit" doc:"How much may wait in state_dir, such as 512MiB or 4GiB. When it is full, TCP senders wait and UDP drops."`
	SilentAfter    Silence   `yaml:"silent_after" doc:"How long no line may come before that is reported; empty learns it from the log, never turns it off."`
}

// SyslogTLS is a listener for syslog over TLS.
type SyslogTLS struct {
	Listen       string `yaml:"listen" doc:"Address to listen on, host:port; 6514 is usual."`
	CertFile     string `yaml:"cert_file" doc:"PEM file of the certificate, and of those that lead to its authority."`
	KeyFile      string `yaml:"key_file" doc:"PEM file of the key."`
	ClientCAFile string `yaml:"client_ca_file" doc:"PEM file of the authorities whose clients are let in; empty lets in all."`
}

// Journald says what to read of the journal.
type Journald struct {
	Matches     []string `yaml:"matches" doc:"Fields that entries must have, such as _TRANSPORT=kernel; + between two groups of them means or."`
	Units       []string `yaml:"units" doc:"Units whose entries are read, such as postfix.service. Without matches and units all entries are."`
	Directory   string   `yaml:"directory" doc:"Folder of the journal files; empty is the system's journal."`
	Start       string   `yaml:"start" doc:"Where to begin the first time: beginning or end."`
	Host        string   `yaml:"host" doc:"The firewall's name, where entries do not tell."`
	SilentAfter Silence  `yaml:"silent_after" doc:"How long no line may come before that is reported; empty learns it from the log, never turns it off."`
}

// A defaulter has defaults where it stands in a list or behind a pointer, out of reach of Default.
type defaulter interface{ setDefaults() }

func (f *File) setDefaults() { f.Start = "beginning" }

func (k *Kafka) setDefaults() {
	k.Group, k.ClientID, k.Start, k.OutOfRange = "mailstop", "mailstop", "first", "earliest"
}

func (s *Syslog) setDefaults() { s.MaxConnections, s.SpoolLimit = 256, 1<<30 }

func (j *Journald) setDefaults() { j.Start = "beginning" }

// kinds returns the names of the kinds that s has.
func (s Source) kinds() []string {
	var out []string
	for _, k := range []struct {
		name  string
		given bool
	}{{"file", s.File != nil}, {"kafka", s.Kafka != nil}, {"syslog", s.Syslog != nil}, {"journald", s.Journald != nil}} {
		if k.given {
			out = append(out, k.name)
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

// Live reports whether there is a source that replay does not read.
func (c *Config) Live() bool {
	return slices.ContainsFunc(c.Sources, func(s Source) bool { return s.File == nil && len(s.kinds()) > 0 })
}
