package clickhouse

import (
	"context"
	"math"
	"net/netip"
	"strings"
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

// insertDeliveries stores the deliveries of blocks as one insert, under the token of their extent.
func (s *Sink) insertDeliveries(ctx context.Context, token string, blocks []*Block) error {
	rows := 0
	for _, b := range blocks {
		rows += len(b.deliveries)
	}
	if rows == 0 {
		return nil
	}
	if s.db != nil {
		return s.stream(ctx, insertDeliveriesSQL(s.database, token), func(e *encoder) error { return e.deliveries(blocks) })
	}
	all := allDeliveries(blocks)
	cols := make([]insertColumn, len(deliveryColumns))
	for i, c := range deliveryColumns {
		cols[i] = values(c.name, c.kind, c.values(all))
	}
	return s.insert(ctx, "deliveries", token, cols)
}

func insertDeliveriesSQL(database, token string) string {
	names := make([]string, len(deliveryColumns))
	for i, c := range deliveryColumns {
		names[i] = c.name
	}
	return "INSERT INTO " + quoteName(database) + ".deliveries (" + strings.Join(names, ", ") + ")" + settings(token)
}

func allDeliveries(blocks []*Block) []*delivery {
	var all []*delivery
	for _, b := range blocks {
		for i := range b.deliveries {
			all = append(all, &b.deliveries[i])
		}
	}
	return all
}

// deliveries writes the deliveries of blocks as one block in FORMAT Native.
func (e *encoder) deliveries(blocks []*Block) error {
	all := allDeliveries(blocks)
	e.uvarint(uint64(len(deliveryColumns)))
	e.uvarint(uint64(len(all)))
	for _, c := range deliveryColumns {
		e.text(c.name)
		e.text(c.kind)
		c.native(e, all)
	}
	e.flush()
	return e.err
}

// A deliveryColumn is a column of the table deliveries, on either road.
type deliveryColumn struct {
	name, kind string
	native     func(e *encoder, rows []*delivery)
	values     func(rows []*delivery) any
}

var deliveryColumns = []deliveryColumn{
	{
		"time", "DateTime64(9, 'UTC')",
		func(e *encoder, rows []*delivery) {
			e.bytes(memory(eachDelivery(rows, func(d *delivery) int64 { return d.time })))
		},
		func(rows []*delivery) any {
			return eachDelivery(rows, func(d *delivery) time.Time { return time.Unix(0, d.time).UTC() })
		},
	},
	deliveryWord("host", func(d *delivery) string { return d.host }),
	deliveryWord("mta", func(d *delivery) string { return d.mta.String() }),
	deliveryText("queue_id", func(d *delivery) string { return d.QueueID }),
	deliveryWord("status", func(d *delivery) string { return d.Status.String() }),
	deliveryText("remote_host", func(d *delivery) string { return d.RemoteHost }),
	{
		"remote_ip", "IPv6",
		func(e *encoder, rows []*delivery) {
			e.bytes(memory(eachDelivery(rows, func(d *delivery) [16]byte { return address(d.RemoteIP) })))
		},
		func(rows []*delivery) any {
			return eachDelivery(rows, func(d *delivery) netip.Addr { return netip.AddrFrom16(address(d.RemoteIP)) })
		},
	},
	deliveryNumber("remote_port", "UInt16", func(d *delivery) uint16 { return d.RemotePort }),
	deliveryText("rcpt_domain", func(d *delivery) string { return d.RcptDomain }),
	deliveryWord("dsn", func(d *delivery) string { return d.DSN }),
	deliveryNumber("smtp_code", "UInt16", func(d *delivery) uint16 { return d.SMTPCode }),
	{
		"delay", "Float64",
		func(e *encoder, rows []*delivery) {
			e.bytes(memory(eachDelivery(rows, func(d *delivery) uint64 { return math.Float64bits(d.Delay.Seconds()) })))
		},
		func(rows []*delivery) any {
			return eachDelivery(rows, func(d *delivery) float64 { return d.Delay.Seconds() })
		},
	},
	deliveryText("reason", func(d *delivery) string { return d.Reason }),
	deliveryWord("reason_class", func(d *delivery) string { return d.ReasonClass.String() }),
	deliveryWord("source", func(d *delivery) string { return d.source }),
	deliveryNumber("pos", "Int64", func(d *delivery) int64 { return d.pos }),
}

// eachDelivery returns one value per row.
func eachDelivery[T any](rows []*delivery, of func(*delivery) T) []T {
	out := make([]T, len(rows))
	for i, d := range rows {
		out[i] = of(d)
	}
	return out
}

func deliveryNumber[T number](name, kind string, of func(*delivery) T) deliveryColumn {
	return deliveryColumn{
		name, kind,
		func(e *encoder, rows []*delivery) { e.bytes(memory(eachDelivery(rows, of))) },
		func(rows []*delivery) any { return eachDelivery(rows, of) },
	}
}

func deliveryText(name string, of func(*delivery) string) deliveryColumn {
	return deliveryColumn{
		name, "String",
		func(e *encoder, rows []*delivery) {
			for _, d := range rows {
				e.text(of(d))
				if len(e.buf) >= flushSize {
					e.flush()
				}
			}
		},
		func(rows []*delivery) any { return eachDelivery(rows, of) },
	}
}

func deliveryWord(name string, of func(*delivery) string) deliveryColumn {
	return deliveryColumn{
		name, "LowCardinality(String)",
		func(e *encoder, rows []*delivery) {
			var w words
			w.reset()
			w.add(eachDelivery(rows, of))
			e.words([]*words{&w})
		},
		func(rows []*delivery) any { return eachDelivery(rows, of) },
	}
}
