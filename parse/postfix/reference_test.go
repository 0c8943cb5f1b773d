package postfix

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"mailstop/event"
	"mailstop/internal/golden"
	"mailstop/internal/mailtext"
)

// A grokCase is a test of whyscream/postfix-grok-patterns: a text and what a pattern finds in it.
type grokCase struct {
	Pattern string
	Data    string
	Results map[string]any
}

// grokDiffers lists, by file and field, what is read differently and why.
var grokDiffers = map[string]string{
	"cleanup_0003 milter_message": "a reason is what follows the fields: the new recipient",
	"cleanup_0004 milter_message": "a reason starts behind the client's name",
	"anvil_0003 client_ip":        "a statistic over some time, not a connection",
	"anvil_0005 client_ip":        "a statistic over some time, not a connection",
	"anvil_0007 client_ip":        "a statistic over some time, not a connection",
	"anvil_0002 client_ip":        "a statistic over some time, not a connection",
	"anvil_0004 client_ip":        "a statistic over some time, not a connection",
	"anvil_0006 client_ip":        "a statistic over some time, not a connection",
}

// pieces are patterns of parts of lines.
var pieces = regexp.MustCompile(`POSTFIX_(COMMAND_COUNTER_DATA|DELAYS|RELAY|TLS_FEATURES)\b`)

func TestGrokPatterns(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(golden.Corpus(t), "mail", grok, "*.yaml"))
	if err != nil || len(names) != 191 {
		t.Fatalf("%d cases, want 191: %v", len(names), err)
	}
	compared, differs := 0, map[string]bool{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var c grokCase
		if err := yaml.Unmarshal(b, &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if pieces.MatchString(c.Pattern) {
			continue
		}
		program := strings.ToLower(strings.NewReplacer("^", "", "$", "", "%{POSTFIX_", "", "}", "", "_", "-").Replace(c.Pattern))
		e := read("Jan  5 10:11:42 mx1 postfix/" + program + "[1]: " + c.Data)
		if e.Error != "" || e.Delivery == nil {
			t.Errorf("%s: error %q: %s", name, e.Error, c.Data)
			continue
		}
		short := strings.TrimSuffix(filepath.Base(name), ".yaml")
		for field, want := range c.Results {
			got, ok := grokField(field, e.Delivery)
			if !ok {
				continue
			}
			compared++
			key := short + " " + strings.TrimPrefix(field, "postfix_")
			expected := grokWant(field, want)
			if strings.HasSuffix(field, "_response") && strings.Contains(got, expected) {
				continue // a reason has the host before a reply, and the command behind it, too
			}
			if got != expected {
				if differs[key] = true; grokDiffers[key] == "" {
					t.Errorf("%s: %q, want %q: %s", key, got, expected, c.Data)
				}
			}
		}
	}
	for key := range grokDiffers {
		if !differs[key] {
			t.Errorf("%s does not differ", key)
		}
	}
	t.Logf("%d fields compared", compared)
}

// grokField returns what is read for a field of the patterns.
func grokField(name string, d *event.Delivery) (string, bool) {
	switch name {
	case "postfix_queueid":
		return d.QueueID, true
	case "postfix_client_ip", "postfix_relay_ip":
		if !d.RemoteIP.IsValid() {
			return "", true
		}
		return d.RemoteIP.String(), true
	case "postfix_client_port", "postfix_relay_port":
		return strconv.Itoa(int(d.RemotePort)), true
	case "postfix_client_hostname", "postfix_relay_hostname":
		return d.RemoteHost, true
	case "postfix_status":
		return d.Status.String(), true
	case "postfix_status_code", "postfix_proxy_status_code":
		return strconv.Itoa(int(d.SMTPCode)), true
	case "postfix_status_code_enhanced", "postfix_proxy_status_code_enhanced":
		return d.DSN, true
	case "postfix_smtp_response", "postfix_local_response", "postfix_pipe_response", "postfix_error_response", "postfix_milter_message":
		return d.Reason, true
	case "postfix_keyvalue_data":
		return d.RcptDomain, true
	}
	return "", false
}

var recipient = regexp.MustCompile(`\bto=<?[^@> ,]*@([^>, ]+)`)

// grokWant returns a result of the patterns in the words of deliveries.
func grokWant(field string, v any) string {
	s := fmt.Sprint(v)
	switch field {
	case "postfix_queueid":
		return strings.TrimPrefix(s, "NOQUEUE") // is no id
	case "postfix_client_hostname":
		return hostName(s)
	case "postfix_status":
		switch s {
		case "undeliverable-but-not-cached", "expired":
			return "bounced"
		}
	case "postfix_keyvalue_data":
		if m := recipient.FindStringSubmatch(s); m != nil {
			return strings.ToLower(m[1])
		}
		return ""
	}
	return mailtext.Mask(new(mailtext.Arena), s)
}

var crowdsecField = regexp.MustCompile(`^results\["s01-parse"\]\["crowdsecurity/postfix-logs"\]\[(\d+)\]\.Evt\.(?:Parsed|Meta)\["(\w+)"\] == (".*")$`)

// CrowdSec's hub tells what its parser finds in its log.
func TestCrowdSec(t *testing.T) {
	lines := corpusLines(t, crowdsec+"postfix-logs/postfix-logs.log")
	compared := 0
	for _, text := range corpusLines(t, crowdsec+"postfix-logs/parser.assert") {
		m := crowdsecField.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		i, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		want, err := strconv.Unquote(m[3])
		if err != nil {
			t.Fatal(err)
		}
		e := read(lines[i])
		d := e.Delivery
		var got string
		switch m[2] {
		case "remote_addr", "source_ip":
			got = d.RemoteIP.String()
		case "remote_host", "source_hostname":
			got, want = d.RemoteHost, hostName(want)
		case "pid":
			got = strconv.Itoa(int(e.PID))
		case "program":
			got = e.Process
		case "machine":
			got = e.Host
		case "smtp_basic_status_code":
			got = strconv.Itoa(int(d.SMTPCode))
		case "smtp_enhanced_status_code":
			got = d.DSN
		default:
			continue
		}
		compared++
		if got != want {
			t.Errorf("line %d, %s: %q, want %q", i+1, m[2], got, want)
		}
	}
	if compared < 57 {
		t.Errorf("%d fields compared", compared)
	}
}

// The scenarios of the hub tell which address did it.
func TestCrowdSecScenarios(t *testing.T) {
	source := regexp.MustCompile(`^"([\d.]+)" in results\[\d\]\.Overflow\.GetSources\(\)$`)
	for _, name := range references[1:] {
		if !strings.HasSuffix(name, "scenario.assert") {
			continue
		}
		wants := map[string]bool{}
		for _, text := range corpusLines(t, name) {
			if m := source.FindStringSubmatch(text); m != nil {
				wants[m[1]] = true
			}
		}
		logs, err := filepath.Glob(filepath.Join(golden.Corpus(t), "mail", filepath.Dir(name), "*.log"))
		if err != nil || len(logs) != 1 {
			t.Fatal(logs, err)
		}
		found := map[string]bool{}
		for _, line := range corpusLines(t, filepath.ToSlash(filepath.Dir(name))+"/"+filepath.Base(logs[0])) {
			if d := read(line).Delivery; d != nil {
				found[d.RemoteIP.String()] = true
			}
		}
		for want := range wants {
			if !found[want] {
				t.Errorf("%s: %s is not found in %v", name, want, found)
			}
		}
	}
}

// fail2banDiffers lists, by line number, why another host is read.
var fail2banDiffers = map[int]string{}

// Before each line, fail2ban's samples say which host its filter finds.
func TestFail2Ban(t *testing.T) {
	compared, differs := 0, map[int]bool{}
	var want struct {
		Match bool
		Host  string
	}
	for i, line := range corpusLines(t, fail2ban) {
		if text, ok := strings.CutPrefix(line, "# failJSON: "); ok {
			want.Host, want.Match = "", false
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			continue
		}
		if line == "" || line[0] == '#' || want.Host == "" {
			continue
		}
		compared++
		if got := read(line).Delivery.RemoteIP; !got.IsValid() || got.String() != want.Host {
			if differs[i+1] = true; fail2banDiffers[i+1] == "" {
				t.Errorf("line %d: %v, want %s: %s", i+1, got, want.Host, line)
			}
		}
	}
	for i := range fail2banDiffers {
		if !differs[i] {
			t.Errorf("line %d does not differ", i)
		}
	}
	if compared < 50 {
		t.Errorf("%d lines compared", compared)
	}
}

// Wazuh's rules 3300 and 3306 are for refused mail.
func TestWazuh(t *testing.T) {
	lines := 0
	for _, text := range corpusLines(t, wazuh) {
		if _, line, ok := strings.Cut(text, " pass = "); ok {
			lines++
			d := read(line).Delivery
			if d == nil || d.RemoteIP.String() != "157.122.148.242" || d.RemotePort != 47407 || d.ReasonClass != event.ReasonPolicy {
				t.Errorf("%s\n%+v", line, d)
			}
		}
	}
	if lines != 2 {
		t.Errorf("%d lines", lines)
	}
}
