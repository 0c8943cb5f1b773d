package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mailstop/event"
)

// validate checks what the types cannot, and reads the files that secrets are in.
func (d *decoder) validate(c *Config) {
	unread := len(d.problems)
	fail := func(key, hint, format string, args ...any) {
		for _, p := range d.problems[:unread] {
			if p.Key == "" || within(key, p.Key) || within(p.Key, key) {
				return // what was wrong with the key's text is said already
			}
		}
		d.add(d.lineOf(key), key, fmt.Sprintf(format, args...), hint)
	}
	notEmpty("state_dir", c.StateDir, fail)
	d.sources(c.Sources, fail)
	d.mail(c.Mail, fail)
	for i, p := range c.Prefixes {
		d.prefix(fmt.Sprintf("prefixes[%d]", i), p, fail)
	}
	d.store(&c.Store, fail)
	if c.Alerts.Slack != nil {
		d.slack(c.Alerts.Slack, fail)
	}
	if c.HTTP.Listen != "" {
		hostPort("http.listen", c.HTTP.Listen, "127.0.0.1:9310", fail)
	}
}

// within reports whether key is outer or below it.
func within(key, outer string) bool {
	rest, ok := strings.CutPrefix(key, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

type failFunc func(key, hint, format string, args ...any)

// lineOf returns the line of a key, or of the nearest key around it.
func (d *decoder) lineOf(key string) int {
	for key != "" {
		if n := d.lines[key]; n > 0 {
			return n
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

func (d *decoder) mail(m Mail, fail failFunc) {
	if len(m.Ports) == 0 {
		fail("mail.ports", "leave the key out for 25, 465, 587 and 2525", "names no port")
	}
	if slices.Contains(m.Ports, 0) {
		fail("mail.ports", "", "0 is not a port")
	}
	for i, t := range m.Trusted {
		if !trusted(t) {
			fail(fmt.Sprintf("mail.trusted[%d]", i), "", "%q is neither an address, a range, nor a host name", t)
		}
	}
}

var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]\.?$`)

func trusted(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if _, err := netip.ParsePrefix(s); err == nil {
		return true
	}
	return hostName.MatchString(s)
}

func (d *decoder) prefix(key string, p Prefix, fail failFunc) {
	if p.Match == "" {
		fail(key+".match", "", "is empty")
	} else if _, err := regexp.Compile(p.Match); err != nil {
		fail(key+".match", "quote brackets: \\[", "%v", err)
	}
	if _, ok := event.ParseAction(p.Action); !ok {
		fail(key+".action", "known:"+names(event.Actions()), "unknown action %q", p.Action)
	}
	if _, ok := event.ParseDirection(p.Direction); !ok && p.Direction != "" {
		fail(key+".direction", "known:"+names(event.Directions()), "unknown direction %q", p.Direction)
	}
}

func (d *decoder) store(s *Store, fail failFunc) {
	if s.Keep != "mail" && s.Keep != "all" {
		fail("store.keep", "mail or all", "unknown word %q", s.Keep)
	}
	if s.ClickHouse != nil {
		if d.lines["store.embedded"] > 0 {
			fail("store", "remove one of them", "has both embedded and clickhouse")
		}
		s.Embedded = nil
		secretFile("store.clickhouse.dsn", &s.ClickHouse.DSN, s.ClickHouse.DSNFile, fail)
		if u, err := url.Parse(s.ClickHouse.DSN.Reveal()); err != nil || u.Host == "" ||
			!slices.Contains([]string{"clickhouse", "http", "https", "tcp"}, u.Scheme) {
			fail("store.clickhouse.dsn", "clickhouse://user:password@host:9000/mailstop", "is not a ClickHouse address")
		}
	} else if s.Embedded == nil || s.Embedded.Path == "" {
		fail("store.embedded.path", "", "is empty")
	}
}

func (d *decoder) slack(s *Slack, fail failFunc) {
	secretFile("alerts.slack.token", &s.Token, s.TokenFile, fail)
	secretFile("alerts.slack.app_token", &s.AppToken, s.AppTokenFile, fail)
	if _, ok := event.ParseSeverity(s.MinSeverity); !ok && s.MinSeverity != "" {
		fail("alerts.slack.min_severity", "known:"+names(event.Severities()), "unknown severity %q", s.MinSeverity)
	}
	for i, r := range s.Routes {
		if r.Channel == "" {
			fail(fmt.Sprintf("alerts.slack.routes[%d].channel", i), "", "is empty")
		}
	}
}

// secretFile reads a secret from its file, if one is named.
func secretFile(key string, s *Secret, file string, fail failFunc) {
	if file == "" {
		return
	}
	if !s.IsZero() {
		fail(key+"_file", "remove one of them", "given besides %s", key)
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		fail(key+"_file", "", "%v", err)
		return
	}
	if *s = NewSecret(strings.TrimSpace(string(b))); s.IsZero() {
		fail(key+"_file", "", "%s is empty", file)
	}
}

// hostPort checks an address; the host may be empty, and stands for all of this machine's.
func hostPort(key, s, example string, fail failFunc) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		fail(key, "such as "+example, "%q is not host:port", s)
	}
}

func names[T fmt.Stringer](words []T) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(" " + w.String())
	}
	return b.String()
}
