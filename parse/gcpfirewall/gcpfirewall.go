// Package gcpfirewall reads the firewall rules log of Google Cloud: log entries in JSON, one to a line, as Cloud Logging
// exports them. It never infers a verdict from a rule: what happened is the disposition.
//
// Source: https://cloud.google.com/firewall/docs/firewall-rules-logging#log-format
package gcpfirewall

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/internal/scan"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.GCPFirewall,
		Anchor: `JSON with jsonPayload.connection and jsonPayload.disposition`,
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Google Cloud: firewall rules logging",
			Accepts: []string{
				"log entries of VPC firewall rules and of firewall policies, one to a line, with and without metadata",
				"numbers as numbers or as strings, nested or dotted keys, the time of BigQuery exports",
			},
			Examples: []string{
				`{"timestamp":"2026-01-05T09:11:12.345Z","jsonPayload":{"connection":{"src_ip":"203.0.113.9","src_port":51234,"dest_ip":"192.0.2.25","dest_port":25,"protocol":6},"disposition":"DENIED","rule_details":{"reference":"network:mail/firewall:deny-smtp","direction":"INGRESS","action":"DENY","priority":1000},"instance":{"vm_name":"mx1","zone":"europe-west3-a","project_id":"example","region":"europe-west3"}}}`,
				`{"insertId":"1a2b3c","jsonPayload":{"connection":{"dest_ip":"203.0.113.19","dest_port":"587","protocol":"6","src_ip":"192.0.2.25","src_port":"40112"},"disposition":"ALLOWED","rule_details":{"reference":"network:mail/firewall:mail-out"}},"logName":"projects/example/logs/compute.googleapis.com%2Ffirewall","receiveTimestamp":"2026-01-05T09:11:20.1Z","resource":{"type":"gce_subnetwork"},"timestamp":"2026-01-05T09:11:13.004567891Z"}`,
			},
			Sources: []string{"https://cloud.google.com/firewall/docs/firewall-rules-logging#log-format"},
		},
	}
}

var errDisposition = errors.New("disposition is not known")

type parser struct {
	doc   jsonscan.Doc
	arena jsonscan.Arena
}

// Match looks for keys that no other log has.
func (*parser) Match(body string, _ *parse.Record) bool {
	return body != "" && body[0] == '{' && strings.Contains(body, `disposition":`) && strings.Contains(body, `"jsonPayload`) &&
		strings.Contains(body, "connection")
}

// Parse reads one log entry.
func (p *parser) Parse(body string, r *parse.Record) error {
	l := line{Fill: scan.Fill{Entry: r.Entry}}
	whole := p.doc.Parse(body)
	fields := p.doc.Fields()
	if !whole {
		l.Fail(parse.ErrTruncated)
		if n := len(fields) - 1; n >= 0 && fields[n].Value.Kind == jsonscan.Number { // it may be cut
			fields = fields[:n]
		}
	}
	for i := range fields {
		l.store(&fields[i], &p.arena)
	}
	l.time(r)
	return l.finish()
}

// A line is one log entry while it is read.
type line struct {
	scan.Fill
	timestamp, received, disposition, direction string
}

// store keeps the value of a key.
func (l *line) store(f *jsonscan.Field, a *jsonscan.Arena) {
	key, inside := strings.CutPrefix(f.Key, "jsonPayload.")
	if !inside {
		switch key {
		case "timestamp":
			l.timestamp = f.Value.String(a)
		case "receiveTimestamp":
			l.received = f.Value.String(a)
		}
		return
	}
	e := l.Entry
	switch key {
	case "connection.src_ip":
		l.Src(f.Value.String(a))
	case "connection.dest_ip":
		l.Dst(f.Value.String(a))
	case "connection.src_port":
		l.SrcPort(f.Value.String(a))
	case "connection.dest_port":
		l.DstPort(f.Value.String(a))
	case "connection.protocol":
		l.Proto(f.Value.String(a))
	case "disposition":
		l.disposition = f.Value.String(a)
	case "rule_details.reference":
		e.Rule = f.Value.String(a)
	case "rule_details.direction":
		l.direction = f.Value.String(a)
	case "instance.vm_name": // the machine whose traffic the rule was applied to, where VPC firewalls filter
		if name := f.Value.String(a); name != "" {
			e.Host = name
		}
	}
}

// time stores when the connection began; BigQuery writes "2026-01-05 09:11:12.345 UTC".
func (l *line) time(r *parse.Record) {
	s := l.timestamp
	if s == "" {
		s = l.received
	}
	if s == "" {
		return
	}
	s, utc := strings.CutSuffix(s, " UTC")
	st, n := parse.ScanDateTime(s)
	if n == 0 || n != len(s) {
		l.Fail(scan.ErrTime)
		return
	}
	st.Zoned = st.Zoned || utc
	r.SetInnerTime(st)
}

// finish stores the direction and the verdict.
func (l *line) finish() error {
	e := l.Entry
	switch l.direction {
	case "INGRESS":
		e.Direction = event.In
	case "EGRESS":
		e.Direction = event.Out
	}
	switch l.disposition {
	case "ALLOWED":
		l.Verdict(event.Allow, event.VerdictField)
	case "DENIED":
		l.Verdict(event.Deny, event.VerdictField)
	case "INTERCEPTED": // handed to a firewall endpoint, which decides
		l.Verdict(event.Observe, event.VerdictField)
		e.Reason = "intercepted"
	default:
		l.Fail(errDisposition)
	}
	return l.Finish()
}
