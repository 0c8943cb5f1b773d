package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// live has every key of every live source.
const live = `
sources:
  - file: {paths: [/var/log/ufw.log], start: end, poll: true, silent_after: 15m}
  - kafka:
      brokers: [k1:9093, k2:9093]
      topics: [firewall, mail.log]
      group: g
      client_id: ms-1
      start: last
      out_of_range: stop
      tls: {enabled: true, ca_file: /ca, cert_file: /crt, key_file: /key, server_name: kafka, insecure_skip_verify: true}
      sasl: {mechanism: SCRAM-SHA-512, username: u, password: "${PW}"}
      host: fw-1
      timezone: Europe/Berlin
      format: netfilter
      silent_after: never
  - syslog:
      udp: ":5514"
      tcp: 127.0.0.1:5514
      tls: {listen: "[::1]:6514", cert_file: /crt, key_file: /key, client_ca_file: /ca}
      unix: /run/mailstop/log
      unix_stream: /run/mailstop/stream
      stdin: true
      host: fw-2
      timezone: UTC
      format: pf_text
      max_connections: 50
      spool_limit: 512MiB
      silent_after: 1d
  - journald: {matches: [_TRANSPORT=kernel, +, PRIORITY=4], units: [postfix.service], directory: /var/log/journal, start: end, host: fw-3, silent_after: ""}
`

func TestLiveSources(t *testing.T) {
	c, err := Parse("m.yaml", []byte(live), func(string) (string, bool) { return "geheim", true })
	if err != nil {
		t.Fatal(err)
	}
	f, k, s, j := c.Sources[0].File, c.Sources[1].Kafka, c.Sources[2].Syslog, c.Sources[3].Journald
	if f.Start != "end" || !f.Poll || f.SilentAfter.After() != 15*time.Minute {
		t.Errorf("file: %+v", f)
	}
	if k.Start != "last" || k.OutOfRange != "stop" || k.SASL.Password.Reveal() != "geheim" || !k.SASL.On() || !k.TLS.On() ||
		k.ClientID != "ms-1" || k.SilentAfter != Never || k.Timezone.String() != "Europe/Berlin" || k.TLS.ServerName != "kafka" {
		t.Errorf("kafka: %+v", k)
	}
	if s.MaxConnections != 50 || s.SpoolLimit != 512<<20 || !s.Stdin || s.TLS.ClientCAFile != "/ca" || s.UnixStream != "/run/mailstop/stream" || s.SilentAfter.After() != 24*time.Hour {
		t.Errorf("syslog: %+v", s)
	}
	if len(j.Matches) != 3 || j.Start != "end" || j.SilentAfter != 0 {
		t.Errorf("journald: %+v", j)
	}
	if shown := sprint(c.Sources) + sprint(*k); strings.Contains(shown, "geheim") {
		t.Errorf("secret shown: %s", shown)
	}
	if !c.Live() {
		t.Error("not live")
	}
}

func TestDefaultsOfSources(t *testing.T) {
	const text = `
sources:
  - file: {paths: [a]}
  - kafka: {brokers: [k:9092], topics: [t], tls: {}, sasl: {}}
  - syslog: {udp: 127.0.0.1:5514}
  - journald:
`
	c, err := Parse("m.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	f, k, s, j := c.Sources[0].File, c.Sources[1].Kafka, c.Sources[2].Syslog, c.Sources[3].Journald
	if f.Start != "beginning" || f.SilentAfter != 0 || j.Start != "beginning" {
		t.Errorf("%+v %+v", f, j)
	}
	if k.Group != "mailstop" || k.ClientID != "mailstop" || k.Start != "first" || k.OutOfRange != "earliest" || k.TLS.On() || k.SASL.On() {
		t.Errorf("%+v", k)
	}
	if s.MaxConnections != 256 || s.SpoolLimit != 1<<30 {
		t.Errorf("%+v", s)
	}
}

func TestErrorsOfSources(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"file: {paths: []}", "sources[0].file: names no paths"},
		{`file: {paths: [""]}`, "sources[0].file.paths[0]: \"\" is neither a path nor a pattern"},
		{"file: {paths: ['/var/log/[a']}", "sources[0].file.paths[0]: \"/var/log/[a\" is neither a path nor a pattern\n  hint: * and ?"},
		{"file: {paths: [a], start: top}", "sources[0].file.start: unknown word \"top\"\n  hint: beginning or end"},
		{"file: {paths: [a], poll: perhaps}", "sources[0].file.poll: \"perhaps\" is neither true nor false"},
		{"file: {paths: [a], silent_after: 0}", "silent_after: a silence of 0: write never"},
		{"file: {paths: [a], silent_after: soon}", "silent_after: duration \"soon\""},
		{"kafka: {topics: [t]}", "sources[0].kafka: names no brokers\n  hint: add brokers"},
		{"kafka: {brokers: [k], topics: [t]}", "sources[0].kafka.brokers[0]: \"k\" is not host:port"},
		{"kafka: {brokers: [k:kafka], topics: [t]}", "sources[0].kafka.brokers[0]: \"k:kafka\" is not host:port"},
		{"kafka: {brokers: [k:1]}", "sources[0].kafka: names no topics"},
		{"kafka: {brokers: [k:1], topics: ['fw.*']}", "sources[0].kafka.topics[0]: \"fw.*\" is not the name of a topic"},
		{"kafka: {brokers: [k:1], topics: [t], group: ''}", "sources[0].kafka.group: is empty"},
		{"kafka: {brokers: [k:1], topics: [t], start: earliest}", "kafka.start: unknown word \"earliest\"\n  hint: first or last"},
		{"kafka: {brokers: [k:1], topics: [t], out_of_range: first}", "hint: earliest, latest or stop"},
		{"kafka: {brokers: [k:1], topics: [t], tls: {cert_file: a}}", "sources[0].kafka.tls: has only one of cert_file and key_file"},
		{"kafka: {brokers: [k:1], topics: [t], tls: {server_name: a}}", "sources[0].kafka.tls: has settings, but is off\n  hint: add enabled: true"},
		{"kafka: {brokers: [k:1], topics: [t], tls: {enabled: false, ca_file: a}}", "tls.enabled: is false, yet files are named"},
		{"kafka: {brokers: [k:1], topics: [t], tls: {ca: a}}", "sources[0].kafka.tls.ca: unknown key"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {username: a}}", "sources[0].kafka.sasl: has settings, but no mechanism"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: plain, username: a, password: b}}", "unknown word \"plain\"\n  hint: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: PLAIN, username: a}}", "sources[0].kafka.sasl: has no password"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: PLAIN, password: a}}", "sources[0].kafka.sasl: names no user"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: PLAIN, username: a, password: b, password_file: c}}", "password_file: given besides"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: PLAIN, username: a, password_file: /nonexistent}}", "password_file: open /nonexistent"},
		{"kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: PLAIN, username: a, password_file: /dev/null}}", "password_file: /dev/null is empty"},
		{"syslog: {}", "sources[0].syslog: listens on nothing"},
		{"syslog: {tcp: 5514}", "sources[0].syslog.tcp: \"5514\" is not host:port"},
		{"syslog: {tls: {listen: ':6514'}}", "sources[0].syslog.tls: has no certificate"},
		{"syslog: {udp: ':514', tls: {client_ca_file: a}}", "sources[0].syslog.tls: has files, but listens on nothing"},
		{"syslog: {unix: log.sock}", "sources[0].syslog.unix: \"log.sock\" is not a full path"},
		{"syslog: {unix: /run/log, unix_stream: /run/log}", "sources[0].syslog.unix_stream: listens at the same place"},
		{"syslog: {unix: /" + strings.Repeat("x", 107) + "}", "too long for a socket's path"},
		{"syslog: {stdin: true, max_connections: 0}", "max_connections: 0 is not a number from 1 to 65536"},
		{"syslog: {stdin: true, max_connections: many}", "max_connections: \"many\" is not a whole number"},
		{"syslog: {stdin: true, spool_limit: 1MB}", "spool_limit: size \"1MB\": write it as 512MiB"},
		{"syslog: {stdin: true, spool_limit: 9999999999GiB}", "spool_limit: size \"9999999999GiB\""},
		{"syslog: {stdin: true, spool_limit: 4KiB}", "spool_limit: 4KiB is too little\n  hint: at least 16MiB"},
		{"journald: {matches: [--help]}", "sources[0].journald.matches[0]: \"--help\" is neither"},
		{"journald: {units: [--help]}", "sources[0].journald.units[0]: \"--help\" is not the name of a unit"},
		{"journald: {directory: journal}", "sources[0].journald.directory: \"journal\" is not a full path"},
		{"file: {paths: [a]}\n    journald: {}", "sources[0]: has 2 kinds of source, needs one"},
		{"file: {paths: [/a, /b/../a]}", "sources[0].file.paths[1]: reads the same path, as sources[0].file.paths[0] does"},
		{"file: {paths: [/a]}\n  - file: {paths: [/a]}", "m.yaml:3: sources[1].file.paths[0]: reads the same path"},
		{"kafka: {brokers: [k:1], topics: [t]}\n  - kafka: {brokers: [x:1], topics: [t]}", "sources[1].kafka.topics[0]: reads the same topic in the same group"},
		{"kafka: {brokers: [k:1], topics: [t]}\n  - kafka: {brokers: [k:1], topics: [t], group: g}", "sources[1].kafka.topics[0]: reads the same topic, as"},
		{"syslog: {udp: ':514'}\n  - syslog: {udp: ':514'}", "sources[1].syslog.udp: listens at the same place, as sources[0].syslog.udp does"},
		{"syslog: {stdin: true}\n  - syslog: {stdin: true}", "sources[1].syslog.stdin: reads standard input, as"},
		{"journald: {}\n  - journald: {host: a}", "sources[1].journald: reads the same entries, as sources[0].journald does"},
	} {
		_, err := Parse("m.yaml", []byte("sources:\n  - "+tt.text+"\n"), noEnv)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "m.yaml") != 1 {
			t.Errorf("%s\ngot %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// What looks alike and is not.
func TestDistinctSources(t *testing.T) {
	const text = `
sources:
  - file: {paths: [/a, /b]}
  - kafka: {brokers: [k:1], topics: [t, u]}
  - kafka: {brokers: [other:1], topics: [t], group: g}
  - syslog: {udp: ":514", tcp: ":514"}
  - syslog: {udp: "127.0.0.1:0"}
  - syslog: {udp: "127.0.0.1:0"}
  - journald: {units: [postfix.service]}
  - journald: {matches: [_TRANSPORT=kernel]}
`
	if _, err := Parse("m.yaml", []byte(text), noEnv); err != nil {
		t.Error(err)
	}
}

func TestNotes(t *testing.T) {
	const text = `
sources:
  - kafka: {brokers: [k:1], topics: [t], sasl: {mechanism: PLAIN, username: u, password: p}}
  - kafka: {brokers: [k:1], topics: [u], tls: {enabled: true, insecure_skip_verify: true}, sasl: {mechanism: PLAIN, username: u, password: p}}
  - syslog: {udp: ":514"}
mail: {trusted: [example.org]}
http: {listen: ":9310"}
`
	c, err := Parse("m.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Notes(), "\n")
	want := `^sources\[0\]\.kafka\.sasl: PLAIN without tls.*
sources\[1\]\.kafka\.tls\.insecure_skip_verify: .*
sources\[2\]\.syslog\.udp: .*
http\.listen: whoever .*
mail\.trusted is read but not used by this version$`
	for _, quiet := range []string{"127.0.0.1:1", "[::1]:1", "localhost:1", ""} {
		c, err := Parse("m.yaml", []byte("http: {listen: \""+quiet+"\"}"), noEnv)
		if err != nil || c.Notes() != nil {
			t.Errorf("%s: %q, %v", quiet, c.Notes(), err)
		}
	}
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got\n%s", got)
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]string{
		"512MiB": "512MiB", "1024 MiB": "1GiB", "1048576": "1MiB", "1000": "1000", "0": "0", "2TiB": "2TiB", "5B": "5",
	} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s.String() != want {
			t.Errorf("%q: %s, %v; want %s", in, s, err, want)
		}
	}
	for _, in := range []string{"", "MiB", "-1", "1.5GiB", "1MB", "1 G", "99999999999999999999", "9223372036854775807KiB"} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q is %s", in, s)
		}
	}
}

func TestSilence(t *testing.T) {
	for _, in := range []string{"", "never", "1h0m0s", "2d"} {
		var s Silence
		if err := s.UnmarshalText([]byte(in)); err != nil || s.String() != in {
			t.Errorf("%q: %q, %v", in, s, err)
		}
	}
}

func TestChanged(t *testing.T) {
	env := func(string) (string, bool) { return "x", true }
	parse := func(text string) Config {
		t.Helper()
		c, err := Parse("m.yaml", []byte(text), env)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := parse(full)
	if got := Changed(before, parse("# a comment more\n"+full)); got != nil {
		t.Errorf("the same file differs in %q", got)
	}
	for _, tt := range []struct{ from, to, want string }{
		{"host: web-1", "host: web-2", "sources"},
		{"timezone: Europe/Berlin", "timezone: Europe/Paris", "sources"},
		{"tls: {}", "tls: {enabled: true}", "sources"},
		{"ports: [25, 465, 587, 2525]", "ports: [25]", "mail"},
		{"10.0.0.0/8", "10.0.0.0/9", "mail"},
		{"${PW}", "y", "store"},
		{"entries: 30d", "entries: 31d", "store"},
		{"host: \"mx-*\"", "host: \"mx-1\"", "alerts"},
		{"token: \"${TOKEN}\"", "token: \"y\"", "alerts"},
		{"127.0.0.1:9310", "127.0.0.1:9311", "http"},
		{"state_dir: /var/lib/mailstop", "state_dir: /srv", "state_dir"},
	} {
		if !strings.Contains(full, tt.from) {
			t.Fatalf("%q is not in the text", tt.from)
		}
		if got := Changed(before, parse(strings.Replace(full, tt.from, tt.to, 1))); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: %q differ, want %s", tt.to, got, tt.want)
		}
	}
	if got := Changed(parse("mail: {servers: []}"), parse("http: {}\nsources: []")); got != nil {
		t.Errorf("defaults differ in %q", got)
	}
	if got := Changed(parse(live), parse("http: {listen: ''}")); !slices.Equal(got, []string{"sources", "http"}) {
		t.Errorf("%q", got)
	}
}

// The example is good as it is, and with each of its commented settings.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../configs/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("example.yaml", text, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) == 0 || len(c.Unused()) > 0 {
		t.Errorf("%d sources, unused %q", len(c.Sources), c.Unused())
	}
	// Settings that are commented out have no blank behind the mark; a server replaces the embedded store.
	all := regexp.MustCompile(`(?m)^( *)#([^ \n])`).ReplaceAllString(string(text), "$1$2")
	all = regexp.MustCompile(`(?m)^ *embedded:.*\n`).ReplaceAllString(all, "")
	more, err := Parse("example.yaml", []byte(all), func(string) (string, bool) { return "value", true })
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	for _, s := range more.Sources {
		if s.Kafka != nil && more.Store.ClickHouse != nil && more.Alerts.Slack != nil {
			return
		}
	}
	t.Error("the example lacks Kafka, ClickHouse or Slack")
}
