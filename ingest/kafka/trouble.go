package kafka

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"
)

// troubles keeps why nothing comes, per place: a partition, a topic, or the group. A text is logged once, however many
// places have it and however often they try.
type troubles struct {
	log   *slog.Logger
	mu    sync.Mutex
	now   map[string]string // by place
	count map[string]int    // by text
}

func newTroubles(log *slog.Logger) *troubles {
	return &troubles{log: log, now: make(map[string]string), count: make(map[string]int)}
}

// set says how a place does; empty: well.
func (t *troubles) set(place, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.now[place]
	if old == text {
		return
	}
	if text != "" {
		t.now[place] = text
		if t.count[text]++; t.count[text] == 1 {
			t.log.Warn("kafka: nothing comes", "place", place, "problem", text)
		}
	} else {
		delete(t.now, place)
	}
	if old == "" {
		return
	}
	if t.count[old]--; t.count[old] == 0 {
		delete(t.count, old)
		if text == "" {
			t.log.Info("kafka: messages come again", "place", place, "problem", old)
		}
	}
}

func (t *troubles) get(places ...string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range places {
		if text := t.now[p]; text != "" {
			return text
		}
	}
	return ""
}

// explain returns an error's text for people: without what differs from try to try, and with what to do about it.
func (o *Options) explain(err error) string {
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil { // without our own port, which is another each time
		text = fmt.Sprintf("%s %v: %v", op.Op, op.Addr, op.Err)
	}
	var code kafka.Error
	if errors.As(err, &code) {
		text = strings.ToLower(code.Title())
		if text == "" {
			text = code.Error()
		}
	}
	if hint := o.hint(err, code); hint != "" {
		text += " (hint: " + hint + ")"
	}
	return text
}

func (o *Options) hint(err error, code kafka.Error) string {
	text := err.Error()
	switch code {
	case kafka.UnknownTopicOrPartition:
		return "create the topic, or mend its name in topics; it is used as soon as it is there"
	case kafka.SASLAuthenticationFailed:
		return "check sasl.user and sasl.password"
	case kafka.UnsupportedSASLMechanism:
		return "the broker does not offer sasl.mechanism " + o.SASL.Mechanism
	case kafka.TopicAuthorizationFailed:
		return "allow the user to read and describe the topic"
	case kafka.GroupAuthorizationFailed:
		return "allow the user to read the group " + o.Group
	case kafka.InvalidSessionTimeout:
		return "the session's length is outside what the brokers allow"
	}
	switch {
	case strings.Contains(text, "SASL"): // SCRAM's own errors
		return "check sasl.mechanism, sasl.user and sasl.password"
	case strings.Contains(text, "x509:"):
		return "set tls.ca to the file of the authority that signed the brokers' certificates, and tls.server_name to their name"
	case strings.Contains(text, "tls:"):
		return "does this port of the broker speak TLS?"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "the broker hung up; does this port want tls or sasl?"
	}
	return ""
}
