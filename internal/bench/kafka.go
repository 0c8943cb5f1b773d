package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// partitions is how many a topic for measuring has.
const partitions = 4

// A Topic is one that was made to be read once, and is deleted after that.
type Topic struct {
	Name   string
	broker string
}

// NewTopic makes a topic, and fills it with a log's lines, so many in each message, compressed by lz4.
func NewTopic(ctx context.Context, broker, log string, perMessage int) (t *Topic, err error) {
	t = &Topic{Name: fmt.Sprintf("mailstop-bench-%d-%d", perMessage, time.Now().UnixNano()), broker: broker}
	if err := t.admin(ctx, func(c *kafka.Conn) error {
		return c.CreateTopics(kafka.TopicConfig{Topic: t.Name, NumPartitions: partitions, ReplicationFactor: 1})
	}); err != nil {
		return nil, fmt.Errorf("make topic %s: %w", t.Name, err)
	}
	if err := t.wait(ctx); err != nil {
		return nil, fmt.Errorf("make topic %s: %w", t.Name, err)
	}
	if err := t.fill(ctx, log, perMessage); err != nil {
		return nil, errors.Join(fmt.Errorf("fill topic %s: %w", t.Name, err), t.Delete(ctx))
	}
	return t, nil
}

// wait waits until the broker knows of its own topic.
func (t *Topic) wait(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	for {
		c, err := kafka.DialContext(ctx, "tcp", t.broker)
		if err != nil {
			return err
		}
		ps, err := c.ReadPartitions(t.Name)
		_ = c.Close()
		if err == nil && len(ps) == partitions {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Delete deletes the topic.
func (t *Topic) Delete(ctx context.Context) error {
	if err := t.admin(ctx, func(c *kafka.Conn) error { return c.DeleteTopics(t.Name) }); err != nil {
		return fmt.Errorf("delete topic %s: %w", t.Name, err)
	}
	return nil
}

// admin talks to the broker that manages topics.
func (t *Topic) admin(ctx context.Context, f func(*kafka.Conn) error) error {
	c, err := kafka.DialContext(ctx, "tcp", t.broker)
	if err != nil {
		return err
	}
	defer c.Close()
	b, err := c.Controller()
	if err != nil {
		return err
	}
	controller, err := kafka.DialContext(ctx, "tcp", net.JoinHostPort(b.Host, strconv.Itoa(b.Port)))
	if err != nil {
		return err
	}
	defer controller.Close()
	return f(controller)
}

func (t *Topic) fill(ctx context.Context, log string, perMessage int) error {
	f, err := os.Open(log)
	if err != nil {
		return err
	}
	defer f.Close()
	fresh := &kafka.Transport{} // the shared one may remember the cluster as it was before the topic
	defer fresh.CloseIdleConnections()
	w := &kafka.Writer{
		Transport: fresh, Addr: kafka.TCP(t.broker), Topic: t.Name, Balancer: &kafka.RoundRobin{}, Compression: kafka.Lz4, RequiredAcks: kafka.RequireAll,
		BatchSize: 10_000, BatchBytes: 8 << 20, BatchTimeout: 10 * time.Millisecond,
	}
	defer w.Close() // an error of what was not waited for shows as lines that never come
	in := bufio.NewReaderSize(f, 1<<20)
	var messages []kafka.Message
	var value []byte
	for lines := 0; ; {
		line, err := in.ReadBytes('\n')
		if value = append(value, line...); len(line) > 0 {
			lines++
		}
		if end := errors.Is(err, io.EOF); len(value) > 0 && (lines == perMessage || end) {
			messages = append(messages, kafka.Message{Value: bytes.TrimSuffix(value, []byte{'\n'})})
			value, lines = nil, 0
		} else if err != nil && !end {
			return err
		}
		if err != nil || len(messages) >= 40_000/perMessage+1 {
			if err := w.WriteMessages(ctx, messages...); err != nil {
				return err
			}
			messages = messages[:0]
		}
		if err != nil {
			return nil
		}
	}
}
