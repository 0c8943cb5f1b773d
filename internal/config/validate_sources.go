package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mailstop/event"
)

func (d *decoder) sources(all []Source, fail failFunc) {
	for i, s := range all {
		key := fmt.Sprintf("sources[%d]", i)
		if n := len(s.kinds()); n != 1 {
			fail(key, "begin the item with - file: or - kafka: or - syslog: or - journald:", "has %d kinds of source, needs one", n)
		}
		if s.File != nil {
			s.File.validate(key+".file", fail)
		}
		if s.Kafka != nil {
			d.kafka(key+".kafka", s.Kafka, fail)
		}
		if s.Syslog != nil {
			s.Syslog.validate(key+".syslog", fail)
		}
		if s.Journald != nil {
			s.Journald.validate(key+".journald", fail)
		}
	}
	distinct(all, fail)
}

func (f *File) validate(key string, fail failFunc) {
	if len(f.Paths) == 0 {
		fail(key, "add paths: [/var/log/kern.log]", "names no paths")
	}
	for i, p := range f.Paths {
		if _, err := filepath.Match(p, ""); p == "" || err != nil {
			fail(fmt.Sprintf("%s.paths[%d]", key, i), "* and ? match within a name, [a-z] a range, ** any folders; a backslash takes a sign as it is", "%q is neither a path nor a pattern", p)
		}
	}
	oneOf(key+".start", f.Start, fail, "beginning", "end")
	logFormat(key+".format", f.Format, fail)
}

// A topic's name as brokers allow it. Source: org.apache.kafka.common.internals.Topic.
var topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

func (d *decoder) kafka(key string, k *Kafka, fail failFunc) {
	if len(k.Brokers) == 0 {
		fail(key, "add brokers: [127.0.0.1:9092]", "names no brokers")
	}
	for i, b := range k.Brokers {
		hostPort(fmt.Sprintf("%s.brokers[%d]", key, i), b, "127.0.0.1:9092", fail)
	}
	if len(k.Topics) == 0 {
		fail(key, "add topics: [firewall]", "names no topics")
	}
	for i, t := range k.Topics {
		if !topicName.MatchString(t) {
			fail(fmt.Sprintf("%s.topics[%d]", key, i), "letters, digits, . _ and -; patterns are not supported", "%q is not the name of a topic", t)
		}
	}
	notEmpty(key+".group", k.Group, fail)
	notEmpty(key+".client_id", k.ClientID, fail)
	oneOf(key+".start", k.Start, fail, "first", "last")
	oneOf(key+".out_of_range", k.OutOfRange, fail, "earliest", "latest", "stop")
	logFormat(key+".format", k.Format, fail)
	d.kafkaTLS(key+".tls", k.TLS, fail)
	kafkaSASL(key+".sasl", &k.SASL, fail)
}

func (d *decoder) kafkaTLS(key string, t KafkaTLS, fail failFunc) {
	certAndKey(key, t.CertFile, t.KeyFile, fail)
	switch {
	case d.lines[key+".enabled"] > 0 && !t.Enabled && t.On():
		fail(key+".enabled", "remove the files, or this key", "is false, yet files are named")
	case !t.On() && (t.ServerName != "" || t.InsecureSkipVerify):
		fail(key, "add enabled: true", "has settings, but is off")
	}
}

func kafkaSASL(key string, s *KafkaSASL, fail failFunc) {
	secretFile(key+".password", &s.Password, s.PasswordFile, fail)
	if !s.On() {
		if s.Username != "" || !s.Password.IsZero() || s.PasswordFile != "" {
			fail(key, "add mechanism: PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512", "has settings, but no mechanism")
		}
		return
	}
	oneOf(key+".mechanism", s.Mechanism, fail, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
	if s.Username == "" {
		fail(key, "add username", "names no user")
	}
	if s.Password.IsZero() && s.PasswordFile == "" {
		fail(key, "add password: ${NAME} or password_file", "has no password")
	}
}

func (s *Syslog) validate(key string, fail failFunc) {
	if s.UDP == "" && s.TCP == "" && s.TLS.Listen == "" && s.Unix == "" && s.UnixStream == "" && !s.Stdin {
		fail(key, "add udp or tcp: 127.0.0.1:5514, tls: {listen: …}, unix: /run/mailstop/log or stdin: true", "listens on nothing")
	}
	for _, a := range []struct{ key, text, example string }{
		{".udp", s.UDP, "127.0.0.1:5514"}, {".tcp", s.TCP, "127.0.0.1:5514"}, {".tls.listen", s.TLS.Listen, "127.0.0.1:6514"},
	} {
		if a.text != "" {
			hostPort(key+a.key, a.text, a.example, fail)
		}
	}
	certAndKey(key+".tls", s.TLS.CertFile, s.TLS.KeyFile, fail)
	switch {
	case s.TLS.Listen == "" && s.TLS != SyslogTLS{}:
		fail(key+".tls", "add listen: 127.0.0.1:6514", "has files, but listens on nothing")
	case s.TLS.Listen != "" && s.TLS.CertFile == "":
		fail(key+".tls", "add cert_file and key_file", "has no certificate")
	}
	socket(key+".unix", s.Unix, fail)
	socket(key+".unix_stream", s.UnixStream, fail)
	logFormat(key+".format", s.Format, fail)
	if s.MaxConnections < 1 || s.MaxConnections > 1<<16 {
		fail(key+".max_connections", "leave the key out for 256", "%d is not a number from 1 to 65536", s.MaxConnections)
	}
	if s.SpoolLimit < minSpool {
		fail(key+".spool_limit", "at least "+minSpool.String(), "%s is too little", s.SpoolLimit)
	}
}

func socket(key, path string, fail failFunc) {
	if path == "" {
		return
	}
	absolute(key, path, fail)
	// sun_path has 108 bytes, the NUL at its end included (unix(7)).
	if len(path) > 107 {
		fail(key, "at most 107 bytes", "is too long for a socket's path")
	}
}

// minSpool holds a few of the largest messages and what is being written.
const minSpool Size = 16 << 20

// A match of journalctl. Fields are upper case (systemd.journal-fields(7)). What begins with - would be an option.
var journalMatch = regexp.MustCompile(`^([A-Z_][A-Z0-9_]*=|\+$)`)

func (j *Journald) validate(key string, fail failFunc) {
	for i, m := range j.Matches {
		if !journalMatch.MatchString(m) {
			fail(fmt.Sprintf("%s.matches[%d]", key, i), "such as _TRANSPORT=kernel", "%q is neither FIELD=value nor +", m)
		}
	}
	for i, u := range j.Units {
		if u == "" || u[0] == '-' {
			fail(fmt.Sprintf("%s.units[%d]", key, i), "such as postfix.service", "%q is not the name of a unit", u)
		}
	}
	if j.Directory != "" {
		absolute(key+".directory", j.Directory, fail)
	}
	oneOf(key+".start", j.Start, fail, "beginning", "end")
}

// distinct refuses sources that would read the same thing twice, or listen at the same place.
func distinct(all []Source, fail failFunc) {
	seen := make(map[string]string) // what is read, and the key that says so
	once := func(what, key, hint, text string) bool {
		at, twice := seen[what]
		if twice {
			fail(key, hint, text+", as %s does", at)
		} else {
			seen[what] = key
		}
		return !twice
	}
	for i, s := range all {
		key := fmt.Sprintf("sources[%d]", i)
		if s.File != nil {
			for n, p := range s.File.Paths {
				once("file "+filepath.Clean(p), fmt.Sprintf("%s.file.paths[%d]", key, n), "remove one of them", "reads the same path")
			}
		}
		if k := s.Kafka; k != nil {
			for n, t := range k.Topics {
				at := fmt.Sprintf("%s.kafka.topics[%d]", key, n)
				ok := once("kafka "+k.Group+" "+t, at, "remove one of them, or give each cluster a group of its own", "reads the same topic in the same group")
				for _, b := range slices.Compact(slices.Sorted(slices.Values(k.Brokers))) {
					ok = ok && once("broker "+b+" "+t, at, "remove one of them: each line would be stored twice", "reads the same topic")
				}
			}
		}
		if l := s.Syslog; l != nil {
			for _, a := range [][3]string{
				{"udp", l.UDP, ".udp"},
				{"tcp", l.TCP, ".tcp"},
				{"tcp", l.TLS.Listen, ".tls.listen"},
				{"unix", l.Unix, ".unix"},
				{"unix", l.UnixStream, ".unix_stream"},
			} {
				if a[1] != "" && !strings.HasSuffix(a[1], ":0") {
					once(a[0]+" "+a[1], key+".syslog"+a[2], "use another port", "listens at the same place")
				}
			}
			if l.Stdin {
				once("stdin", key+".syslog.stdin", "remove one of them", "reads standard input")
			}
		}
		if j := s.Journald; j != nil {
			what := fmt.Sprintf("journald %q %q %q", j.Directory, j.Matches, j.Units)
			once(what, key+".journald", "remove one of them", "reads the same entries")
		}
	}
}

func logFormat(key, f string, fail failFunc) {
	if f == "" || f == "auto" {
		return
	}
	if _, ok := event.ParseFormat(f); !ok {
		fail(key, "known: auto"+names(event.Formats()[1:]), "unknown format %q", f)
	}
}

func oneOf(key, s string, fail failFunc, known ...string) {
	if !slices.Contains(known, s) {
		last := len(known) - 1
		fail(key, strings.Join(known[:last], ", ")+" or "+known[last], "unknown word %q", s)
	}
}

func notEmpty(key, s string, fail failFunc) {
	if s == "" {
		fail(key, "leave the key out for the default", "is empty")
	}
}

func absolute(key, path string, fail failFunc) {
	if !strings.HasPrefix(path, "/") {
		fail(key, "begin it with /", "%q is not a full path", path)
	}
}

// certAndKey checks that a certificate comes with its key.
func certAndKey(key, cert, private string, fail failFunc) {
	if (cert == "") != (private == "") {
		fail(key, "name both", "has only one of cert_file and key_file")
	}
}
