package clickhouse

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"mailstop/event"
)

// insertCounts adds to the roll-ups.
func (s *Sink) insertCounts(ctx context.Context, token string, counts []event.Count) error {
	if len(counts) == 0 {
		return nil
	}
	var err error
	if s.db != nil {
		err = s.stream(ctx, insertCountsSQL(s.database, token), func(e *encoder) error { return e.counts(counts) })
	} else {
		err = s.insert(ctx, "rollup_1m", token, countColumns(counts))
	}
	if err != nil {
		return fmt.Errorf("insert %d counts: %w", len(counts), err)
	}
	return nil
}

func insertCountsSQL(database, token string) string {
	return "INSERT INTO " + quoteName(database) + ".rollup_1m (minute, host, action, direction, proto, port, packets, attempts)" +
		settings(token)
}

// lastMinute is the last one a DateTime holds, in 2106: clocks beyond it are kept as that.
const lastMinute = math.MaxUint32 / 60 * 60

func minuteOf(c *event.Count) uint32 { return uint32(min(max(c.Minute, 0), lastMinute)) }

// protoText spells a protocol of the roll-ups.
func protoText(n uint8) string {
	if name := event.ProtoName(n); name != "" {
		return name
	}
	return strconv.Itoa(int(n))
}

// countColumns returns the counts as clickhouse-go takes them.
func countColumns(counts []event.Count) []insertColumn {
	n := len(counts)
	minute, port := make([]time.Time, n), make([]uint16, n)
	packets, attempts := make([]uint64, n), make([]uint64, n)
	host, action, direction, proto := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range counts {
		c := &counts[i]
		minute[i] = time.Unix(int64(minuteOf(c)), 0).UTC()
		port[i], packets[i], attempts[i] = c.Port, c.Packets, c.Attempts
		host[i], action[i], direction[i], proto[i] = c.Host, c.Action.String(), c.Direction.String(), protoText(c.Proto)
	}
	return []insertColumn{
		values("minute", "DateTime('UTC')", minute),
		values("host", "LowCardinality(String)", host),
		values("action", "LowCardinality(String)", action),
		values("direction", "LowCardinality(String)", direction),
		values("proto", "LowCardinality(String)", proto),
		values("port", "UInt16", port),
		values("packets", "UInt64", packets),
		values("attempts", "UInt64", attempts),
	}
}

// counts writes the counts as one block in FORMAT Native, the columns as countColumns has them.
func (e *encoder) counts(counts []event.Count) error {
	n := len(counts)
	minute, port := make([]uint32, n), make([]uint16, n)
	packets, attempts := make([]uint64, n), make([]uint64, n)
	var texts [4]words
	for i := range texts {
		texts[i].reset()
	}
	for i := range counts {
		c := &counts[i]
		minute[i], port[i], packets[i], attempts[i] = minuteOf(c), c.Port, c.Packets, c.Attempts
		for k, s := range [4]string{c.Host, c.Action.String(), c.Direction.String(), protoText(c.Proto)} {
			texts[k].rows = append(texts[k].rows, uint16(texts[k].number(s))) // a batch has at most some 4,000 hosts
		}
	}
	e.uvarint(8)
	e.uvarint(uint64(n))
	column := func(name, kind string, write func()) {
		e.text(name)
		e.text(kind)
		write()
	}
	column("minute", "DateTime('UTC')", func() { e.bytes(memory(minute)) })
	for k, name := range []string{"host", "action", "direction", "proto"} {
		column(name, "LowCardinality(String)", func() { e.words([]*words{&texts[k]}) })
	}
	column("port", "UInt16", func() { e.bytes(memory(port)) })
	column("packets", "UInt64", func() { e.bytes(memory(packets)) })
	column("attempts", "UInt64", func() { e.bytes(memory(attempts)) })
	e.flush()
	return e.err
}
