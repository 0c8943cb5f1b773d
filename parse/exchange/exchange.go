// Package exchange reads the transport logs of Microsoft Exchange: the protocol logs of SMTP, the connectivity log and
// message tracking, and the log of the SMTP service of IIS that Exchange 2003 used. It never keeps a local part, and nothing
// from one line for another but the names of the columns: lines of a session carry the session's id in place of a queue id.
//
// Sources: learn.microsoft.com, "Protocol logging in Exchange Server", "Connectivity logging in Exchange Server", "Message
// tracking", and "Log Formats" of the SMTP service.
package exchange

import (
	"errors"
	"strings"

	"mailstop/event"
	"mailstop/internal/mailtext"
	"mailstop/parse"
)

// Kind returns the format.
func Kind() parse.Kind {
	return parse.Kind{
		Format: event.Exchange,
		Anchor: "#Software: Microsoft Exchange, or its columns: time in UTC, connector, session, number, endpoints, event",
		New:    func() parse.Parser { return new(parser) },
		Doc: parse.Doc{
			Title: "Microsoft Exchange: protocol, connectivity and tracking logs, SMTP service of IIS",
			Accepts: []string{
				"SMTP Send and Receive protocol logs, with the columns that #Fields names, or those of Exchange 2007 to 2019",
				"connectivity logs",
				"message tracking, recipient-status with LED, FQDN and IP",
				"the SMTP service of IIS, W3C extended and IIS format",
				"CSV with quotes, endpoints of both families, connector names in any language",
			},
			Examples: []string{
				"#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context",
				"2026-01-05T09:11:12.345Z,Internet,08DE4C0011223344,0,,203.0.113.19:25,*,,attempting to connect",
				`2026-01-05T09:11:33.401Z,Internet,08DE4C0011223344,1,,203.0.113.19:25,*,,"Failed to connect. Winsock error code: 10060, Win32 error code: 10060, Error Message: A connection attempt failed [203.0.113.19]:25"`,
				`2026-01-05T09:12:01.010Z,Internet,08DE4C0011223355,2,192.0.2.25:44276,203.0.113.20:25,<,"451 4.7.1 Greylisted, try later",`,
			},
			Sources: []string{
				"https://learn.microsoft.com/exchange/mail-flow/connectors/protocol-logging",
				"https://learn.microsoft.com/exchange/mail-flow/transport-logs/connectivity-logging",
				"https://learn.microsoft.com/exchange/mail-flow/transport-logs/message-tracking",
				"https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2",
			},
		},
	}
}

var (
	errTime     = errors.New("time is not a time")
	errEndpoint = errors.New("endpoint is not an address and a port")
	errAddr     = errors.New("remote address is not an address")
)

type parser struct {
	deliveries event.Deliveries
	arena      mailtext.Arena
	told       layout // what the header lines say, if they are of a log that is known
	row        row    // the fields of the line
}

// Headers implements parse.HeaderReader.
func (p *parser) Headers(lines []string) {
	p.told = layout{}
	sending, receiving := false, false
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "#Fields: "):
			p.told = columns(strings.TrimSpace(line[len("#Fields: "):]))
		case strings.HasPrefix(line, "#Log-type: "):
			sending = strings.Contains(line, "SMTP Send ")
			receiving = strings.Contains(line, "SMTP Receive ")
		}
	}
	p.told.sending, p.told.receiving = sending, receiving
}

// Match looks for the shape of a row: a time in UTC, then what stands in the columns of one of the logs.
func (p *parser) Match(body string, _ *parse.Record) bool {
	if len(body) < 20 || body[0]-'0' > 9 {
		return false
	}
	if isService(body) {
		return true
	}
	if body[4] != '-' || body[10] != 'T' || stampLen(body) == 0 {
		return false
	}
	p.row.split(body)
	return p.layout(&p.row) != nil
}

// stampLen returns the length of "2026-01-05T09:11:12.345Z" if a comma follows it.
func stampLen(s string) int {
	i := strings.IndexByte(s[:min(len(s), 32)], ',')
	if i < 20 || s[i-1] != 'Z' {
		return 0
	}
	if _, n := parse.ScanDateTime(s[:i]); n != i {
		return 0
	}
	return i
}

// Parse reads one line.
func (p *parser) Parse(body string, r *parse.Record) error {
	e := r.Entry
	e.Delivery = p.deliveries.New()
	l := line{parser: p, d: e.Delivery, r: r}
	err := l.read(body)
	l.d.Reason = mailtext.Mask(&p.arena, l.d.Reason)
	e.Raw = mailtext.Mask(&p.arena, e.Raw)
	return err
}
