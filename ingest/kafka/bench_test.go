package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mailstop/event"
)

// The broker, in this process, answers each fetch with the same batch, so that what is measured is mostly reading. The first
// benchmark is kafka-go alone, for comparison.

var shapes = []struct {
	name  string
	bytes int
}{{"one line a message", 200}, {"hundred lines a message", 20000}}

func synthetic(b *testing.B, size int) []string {
	_, addrs := cluster(b, kfake.SeedTopics(1, "logs"), kfake.SyntheticFetch(kfake.SyntheticBatch{
		RecordBytes: size, RandomFrac: 0.3, Compression: kgo.Lz4Compression(),
	}))
	return addrs
}

func BenchmarkKafkaGo(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) {
			addrs := synthetic(b, s.bytes)
			c, err := kafka.DialLeader(context.Background(), "tcp", addrs[0], "logs", 0)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Seek(0, kafka.SeekStart); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(s.bytes))
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; {
				batch := c.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 8 << 20, MaxWait: time.Second})
				for ; n < b.N; n++ {
					if _, err := batch.ReadMessage(); err != nil {
						break
					}
				}
				batch.Close()
			}
		})
	}
}

func BenchmarkSource(b *testing.B) {
	for _, s := range shapes {
		for _, ledger := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s, ledger %v", s.name, ledger), func(b *testing.B) {
				o := Default()
				o.Brokers, o.Topics = synthetic(b, s.bytes), []string{"logs"}
				if ledger {
					o.Ledger = func(context.Context, string) ([]event.Extent, error) { return nil, nil }
				}
				src, err := New(o)
				if err != nil {
					b.Fatal(err)
				}
				defer src.Close()
				next := func() int {
					batch, err := src.Next(context.Background())
					if err != nil {
						b.Fatal(err)
					}
					batch.Done()
					return len(batch.Marks)
				}
				next()
				b.SetBytes(int64(s.bytes))
				b.ReportAllocs()
				b.ResetTimer()
				for n := 0; n < b.N; {
					n += next()
				}
			})
		}
	}
}
