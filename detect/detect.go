// Package detect says what a detector is, and holds what all of them need: whose addresses are ours, which ports are
// mail, which packets are one attempt, and counters that stay small whatever comes. Detectors live in event time:
// they read no clock and do no I/O, and the same entries give the same findings.
package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"mailstop/event"
)

// A Detector draws findings from the entries of one shard: all entries of a host reach the same detector. It belongs
// to one goroutine. Its memory is bounded whatever the input, and its findings do not depend on how the entries were
// cut into calls.
type Detector interface {
	// Observe sees entries in order. All have a time, no error, and are blocked or TCP from or to a mail port;
	// Opening and FirstAttempt are set. It must clone any string it keeps.
	Observe(es []*event.Entry)
	// Findings appends every finding that changed since the last call, in its present form, and returns the slice.
	Findings(out []event.Finding) []event.Finding
}

// The kinds of finding that this package's folders make.
const (
	MailOutBlocked    = "mail-out-blocked"
	MailInBlocked     = "mail-in-blocked"
	MailReturnDropped = "mail-return-dropped"
	BlanketDeny       = "blanket-deny"
	SourceSilent      = "source-silent"
)

// Other is the host that stands for those beyond a detector's bounds: their packets are counted, but together.
const Other = "(other)"

// ID returns the id of the finding of a kind with the given key: 16 hexadecimal digits.
func ID(kind string, key ...string) string {
	h := sha256.New()
	h.Write([]byte(kind))
	for _, k := range key {
		// The length keeps ("a", "bc") apart from ("ab", "c").
		h.Write(strconv.AppendInt([]byte{0}, int64(len(k)), 10))
		h.Write([]byte{':'})
		h.Write([]byte(k))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Answer reports whether e is the second packet of a TCP handshake.
func Answer(e *event.Entry) bool {
	const flags = event.SYN | event.ACK | event.RST | event.FIN
	return e.Proto == event.TCP && e.Is(event.HasTCPFlags) && e.TCPFlags&flags == event.SYN|event.ACK
}

// Packets returns how many packets e stands for.
func Packets(e *event.Entry) uint64 { return uint64(max(e.Count, 1)) }

// Attempt returns 1 if e is the first packet of an attempt, else 0.
func Attempt(e *event.Entry) uint64 {
	if e.FirstAttempt {
		return 1
	}
	return 0
}

// UTC returns the time of ns nanoseconds since 1970.
func UTC(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// Plausible bounds how far apart two times of one story are believed to be: a clock in 1970 or 2099 is not
// believed when it would make an outage look long, or look ended.
const Plausible = 400 * 24 * time.Hour

// After reports whether time b comes after time a, both in nanoseconds, and plausibly belongs to the same story.
func After(a, b int64) bool { return b > a && uint64(b)-uint64(a) <= uint64(Plausible) }
