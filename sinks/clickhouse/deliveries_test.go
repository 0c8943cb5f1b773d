package clickhouse

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailstop/event"
)

const deliverySums = `SELECT (SELECT count() FROM deliveries), (SELECT count() FROM entries)`

// delivered returns packets, and between them lines of a mail server, over two months.
func delivered(n int) []event.Entry {
	es := generate(n, 1)
	for i := range n / 3 {
		e := &es[3*i]
		*e = event.Entry{
			Time: e.Time + int64(i%2)*int64(40*24*time.Hour), TimeQuality: event.TimeExact, Host: "mx1", Format: event.Postfix,
			Source: "mail.log", Pos: int64(i), Raw: "to=<@example.com>", Count: 1,
			Delivery: &event.Delivery{QueueID: fmt.Sprint("4F", i), Status: event.Deferred, ReasonClass: event.ReasonTimeout},
		}
	}
	return es
}

func TestDeliveriesAreStoredOnce(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	es := delivered(3000)
	x := extent("p", "t1", 0, 100)
	const once = "1000|2000"
	for _, size := range []int{1000, 17, 3000} {
		write(t, s, batch(s, x, es, size))
		expect(t, s, deliverySums, once)
	}
	s = reopen(t, s)
	write(t, s, batch(s, x, es, 900))
	expect(t, s, deliverySums, once)
	write(t, s, batch(s, extent("t1", "t2", 100, 200), es, 1000))
	expect(t, s, deliverySums, "2000|4000")
}

func TestDeliveryColumns(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	full := event.Delivery{
		QueueID: "4F1C22A0B7", Status: event.Bounced, RemoteHost: "mx'1\"`;DROP TABLE x;--", RemoteIP: netip.MustParseAddr("192.0.2.9"),
		RemotePort: 587, RcptDomain: "exam\x00ple.com", DSN: "5.7.1", SMTPCode: 554, Delay: 35500 * time.Millisecond, HasDelay: true,
		Reason: "host \n\n said: \xff 'no' {x:String}", ReasonClass: event.ReasonPolicy,
	}
	es := []event.Entry{
		{Time: 1767607200123456789, TimeQuality: event.TimeExact, Host: "mx1", Format: event.Exim, Source: "mainlog", Pos: 7, Delivery: &full},
		{Source: "mainlog", Pos: 8, Format: event.Sendmail, Delivery: &event.Delivery{Status: event.Sent}}, // without a time and the rest
		{Source: "mainlog", Pos: 9, Delivery: &event.Delivery{QueueID: "not an outcome"}},
		{Source: "mainlog", Pos: 10, Note: "header"},
	}
	write(t, s, batch(s, extent("p", "t1", 0, 100), es, 2))
	const all = `SELECT pos, toUnixTimestamp64Nano(time), host, mta, queue_id, status, remote_host, toString(remote_ip), remote_port,
		hex(rcpt_domain), dsn, smtp_code, delay, hex(reason), reason_class, source FROM deliveries ORDER BY pos`
	x := func(s string) string { return strings.ToUpper(fmt.Sprintf("%x", s)) }
	want := fmt.Sprintf("7|1767607200123456789|mx1|exim|4F1C22A0B7|bounced|%s|::ffff:192.0.2.9|587|%s|5.7.1|554|35.5|%s|policy|mainlog",
		full.RemoteHost, x(full.RcptDomain), x(full.Reason)) +
		"\n8|0||sendmail||sent||::|0|||0|0||" + "|mainlog"
	expect(t, s, all, want)
	expect(t, s, "SELECT count() FROM entries", "0")
}
