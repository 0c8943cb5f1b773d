package clickhouse

import (
	"context"
	"net/netip"
	"time"

	"mailstop/event"
)

// A delivery is a row of the table deliveries.
type delivery struct {
	event.Delivery
	time         int64
	host, source string
	mta          event.Format
	pos          int64
}

// addDelivery adds the delivery that e tells of. Lines of other steps than its end are not stored.
func (b *Block) addDelivery(e *event.Entry) {
	if e.Delivery.Status == event.StatusNone {
		return
	}
	d := delivery{Delivery: *e.Delivery, host: e.Host, source: e.Source, mta: e.Format, pos: e.Pos}
	if e.TimeQuality != event.TimeNone {
		d.time = e.Time
	}
	b.deliveries = append(b.deliveries, d)
}

// insertDeliveries stores the deliveries of blocks as one insert, under the token of their extent. Mail logs are short
// beside those of firewalls: this goes through the client in both places.
func (s *Sink) insertDeliveries(ctx context.Context, token string, blocks []*Block) error {
	rows := 0
	for _, b := range blocks {
		rows += len(b.deliveries)
	}
	if rows == 0 {
		return nil
	}
	all := make([]*delivery, 0, rows)
	for _, b := range blocks {
		for i := range b.deliveries {
			all = append(all, &b.deliveries[i])
		}
	}
	const word = "LowCardinality(String)"
	return s.insert(ctx, "deliveries", token, []insertColumn{
		deliveryColumn(all, "time", "DateTime64(9, 'UTC')", func(d *delivery) time.Time { return time.Unix(0, d.time).UTC() }),
		deliveryColumn(all, "host", word, func(d *delivery) string { return d.host }),
		deliveryColumn(all, "mta", word, func(d *delivery) string { return d.mta.String() }),
		deliveryColumn(all, "queue_id", "String", func(d *delivery) string { return d.QueueID }),
		deliveryColumn(all, "status", word, func(d *delivery) string { return d.Status.String() }),
		deliveryColumn(all, "remote_host", "String", func(d *delivery) string { return d.RemoteHost }),
		deliveryColumn(all, "remote_ip", "IPv6", func(d *delivery) netip.Addr { return netip.AddrFrom16(address(d.RemoteIP)) }),
		deliveryColumn(all, "remote_port", "UInt16", func(d *delivery) uint16 { return d.RemotePort }),
		deliveryColumn(all, "rcpt_domain", "String", func(d *delivery) string { return d.RcptDomain }),
		deliveryColumn(all, "dsn", word, func(d *delivery) string { return d.DSN }),
		deliveryColumn(all, "smtp_code", "UInt16", func(d *delivery) uint16 { return d.SMTPCode }),
		deliveryColumn(all, "delay", "Float64", func(d *delivery) float64 { return d.Delay.Seconds() }),
		deliveryColumn(all, "reason", "String", func(d *delivery) string { return d.Reason }),
		deliveryColumn(all, "reason_class", word, func(d *delivery) string { return d.ReasonClass.String() }),
		deliveryColumn(all, "source", word, func(d *delivery) string { return d.source }),
		deliveryColumn(all, "pos", "Int64", func(d *delivery) int64 { return d.pos }),
	})
}

// deliveryColumn is a column of one value per row.
func deliveryColumn[T any](rows []*delivery, name, kind string, of func(*delivery) T) insertColumn {
	out := make([]T, len(rows))
	for i, d := range rows {
		out[i] = of(d)
	}
	return values(name, kind, out)
}
