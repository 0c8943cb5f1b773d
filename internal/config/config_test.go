package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func noEnv(string) (string, bool) { return "", false }

// The example of the design, with secrets from the environment.
const full = `
state_dir: /var/lib/mailstop
sources:
  - file: {paths: [/var/log/kern.log, /var/log/ufw.log], host: web-1, timezone: Europe/Berlin}
  - file: {paths: ["C:/Windows/System32/LogFiles/Firewall/pfirewall.log"], format: pfirewall}
  - kafka: {brokers: [127.0.0.1:9092], topics: [firewall], group: mailstop, tls: {}, sasl: {}}
  - syslog: {udp: 127.0.0.1:5514, tcp: 127.0.0.1:5514}
mail:
  servers: [192.0.2.25]
  networks: [192.0.2.0/24, 10.0.0.0/8]
  trusted: [smtp.office365.com, example.org, 203.0.113.7]
  ports: [25, 465, 587, 2525]
store:
  clickhouse: {dsn: "clickhouse://user:${PW}@ch1:9000,ch2:9000/mailstop?secure=true", cluster: main}
  keep: mail
  ttl: {entries: 30d, rollup_1m: 7d, rollup_1h: 400d, findings: 400d}
alerts:
  slack: {token: "${TOKEN}", app_token: "${TOKEN}", channel: C0123456, min_severity: medium,
          api_url: "", routes: [{match: {host: "mx-*"}, channel: C0MAIL}]}
http: {listen: 127.0.0.1:9310}
`

func TestParseReadsEveryKey(t *testing.T) {
	env := func(name string) (string, bool) { return name + "-value", true }
	c, err := Parse("m.yaml", []byte(full), env)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Unused(); !slices.Equal(got, []string{"mail.trusted", "alerts"}) {
		t.Errorf("unused: %q", got)
	}
	f := c.Sources[0].File
	if f.Host != "web-1" || f.Timezone.String() != "Europe/Berlin" || len(f.Paths) != 2 {
		t.Errorf("file source: %+v", f)
	}
	if got := c.Store.ClickHouse.DSN.Reveal(); !strings.Contains(got, "user:PW-value@ch1") {
		t.Errorf("dsn %q lacks the password", got)
	}
	if c.Store.Embedded != nil {
		t.Error("a server was configured, yet the embedded default stays")
	}
	if got := c.Store.TTL.Rollup1h.String(); got != "400d" {
		t.Errorf("ttl %s", got)
	}
	if got := c.Mail.Networks[1].String(); got != "10.0.0.0/8" {
		t.Errorf("network %s", got)
	}
	if got := c.Alerts.Slack.Routes[0].Match["host"]; got != "mx-*" {
		t.Errorf("route %q", got)
	}
	for _, shown := range []string{c.Alerts.Slack.Token.String(), strings.Join(strings.Fields(sprint(c.Alerts.Slack)), " ")} {
		if strings.Contains(shown, "TOKEN-value") {
			t.Errorf("secret shown: %s", shown)
		}
	}
}

func TestEveryErrorHasLineKeyAndHint(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "mail:\n  server: [192.0.2.1]\n", "m.yaml:2: mail.server: unknown key\n  hint: did you mean servers?"},
		{"unknown key, nothing near", "colour: red\n", "m.yaml:1: colour: unknown key\n  hint: keys here: state_dir, sources"},
		{"two errors at once", "colour: red\nmail: {ports: [99999]}\n", "m.yaml:2: mail.ports[0]: \"99999\" is not a number from 0 to 65535"},
		{"unknown key and unknown word", "colour: red\nstore: {keep: some}\n", "m.yaml:2: store.keep: unknown word"},
		{"in the order of the file", "store: {keep: some}\ncolour: red\n", "unknown word \"some\"\n  hint: mail or all\nm.yaml:2: colour: unknown key"},
		{"bad address", "mail:\n  servers:\n    - 192.0.2.1\n    - 192.0.2.x\n", "m.yaml:4: mail.servers[1]: \"192.0.2.x\" is not an address\n  hint: such as"},
		{"bad range", "mail: {networks: [10.0.0.0/40]}\n", "m.yaml:1: mail.networks[0]: \"10.0.0.0/40\" is not a range of addresses\n  hint: such as"},
		{"bad zone", "sources:\n  - file: {paths: [a], timezone: CEST}\n", "m.yaml:2: sources[0].file.timezone: time zone \"CEST\" is not an IANA name"},
		{"bad duration", "store: {ttl: {entries: 3 weeks}}\n", "m.yaml:1: store.ttl.entries: duration \"3 weeks\": write it as"},
		{"list expected", "mail: {ports: 25}\n", "m.yaml:1: mail.ports: must be a list\n  hint: write it as [a, b]"},
		{"object expected", "mail: yes\n", "m.yaml:1: mail: must hold keys"},
		{"scalar expected", "state_dir: [a]\n", "m.yaml:1: state_dir: must be a single value"},
		{"no value", "state_dir:\n", "m.yaml:1: state_dir: has no value"},
		{"given twice", "state_dir: a\nhttp: {}\nstate_dir: b\n", "m.yaml:3: "},
		{"unset variable", "alerts:\n  slack:\n    token: ${NO_SUCH}\n", "m.yaml:3: alerts.slack.token: environment variable NO_SUCH is not set"},
		{"bad regexp", "prefixes:\n  - {match: '[UFW', action: drop}\n", "m.yaml:2: prefixes[0].match: error parsing regexp"},
		{"bad action", "prefixes:\n  - {match: 'x', action: block}\n", "m.yaml:2: prefixes[0].action: unknown action \"block\"\n  hint: known: unknown allow drop"},
		{"source of no kind", "sources:\n  - {}\n", "m.yaml:2: sources[0]: has 0 kinds of source, needs one"},
		{"both stores", "store:\n  embedded: {path: /x}\n  clickhouse: {dsn: 'clickhouse://h:9000/d'}\n", "store: has both embedded and clickhouse"},
		{"bad dsn", "store:\n  clickhouse: {dsn: 'h:9000'}\n", "m.yaml:2: store.clickhouse.dsn: is not a ClickHouse address"},
		{"bad keep", "store: {keep: some}\n", "m.yaml:1: store.keep: unknown word \"some\"\n  hint: mail or all"},
		{"syntax", "mail: {ports: [25\n", "m.yaml:1: "},
		{"trusted", "mail: {trusted: ['a b']}\n", "m.yaml:1: mail.trusted[0]: \"a b\" is neither"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("m.yaml", []byte(tt.text), noEnv)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// A key whose text is wrong is complained about once.
func TestOneErrorPerKey(t *testing.T) {
	for _, text := range []string{
		"mail: {ports: [99999]}\n", "sources:\n  - {fil: {}}\n", "mail: {ports: 25}\n", "sources: [a]\n", "[a]\n",
		"store: {clickhouse: {dsn: '${NO_SUCH}'}}\n", "store: {keep: [a]}\n", "mail: 1\n",
	} {
		_, err := Parse("m.yaml", []byte(text), noEnv)
		if err == nil || strings.Count(err.Error(), "m.yaml") != 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSecretFromFile(t *testing.T) {
	path := t.TempDir() + "/token"
	if err := os.WriteFile(path, []byte("xoxb-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse("m.yaml", []byte("alerts: {slack: {token_file: "+path+", channel: C1}}\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Alerts.Slack.Token.Reveal(); got != "xoxb-1" {
		t.Errorf("token %q", got)
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	c, err := Parse("m.yaml", []byte("# nothing\n"), noEnv)
	if err != nil || c.Store.Embedded.Path != Default().Store.Embedded.Path {
		t.Errorf("%+v, %v", c, err)
	}
}

// The reference must itself be a valid configuration, and the file in configs/ must be it.
func TestReference(t *testing.T) {
	ref := Reference()
	if _, err := Parse("reference.yaml", []byte(ref), noEnv); err != nil {
		t.Errorf("reference is not valid: %v\n%s", err, ref)
	}
	const path = "../../configs/reference.yaml"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(ref), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != ref {
		t.Error("configs/reference.yaml is not what \"mailstop config reference\" prints: run make generate")
	}
}

// The commented keys of the reference must be valid too: without their marks the file still reads.
func TestReferenceNamesEveryKey(t *testing.T) {
	ref := Reference()
	for _, key := range []string{"paths", "brokers", "udp", "servers", "match", "dsn_file", "cluster", "min_severity", "listen"} {
		if !strings.Contains(ref, key+":") {
			t.Errorf("reference lacks %s", key)
		}
	}
}

func sprint(v any) string {
	return strings.Join([]string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v)}, " ")
}
