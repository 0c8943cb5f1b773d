package envelope

import (
	"time"

	"mailstop/event"
	"mailstop/parse"
)

// A journal is an entry of systemd's journal (Journal Export Formats, "JSON"). All its numbers are strings there, but
// pipelines that touched it may have made numbers of them.
type journal struct {
	message, host, program      value
	realtime, source, transport value
}

// readJournal finds the members of a journal entry. False means that text is something else.
func readJournal(line string) (j journal, ok bool) {
	p := scanner{s: line, at: 1}
	for more := true; more; {
		var (
			key string
			v   value
		)
		if key, v, more, ok = p.member(); !ok {
			return j, false
		}
		switch key {
		case "MESSAGE":
			j.message = v
		case "__REALTIME_TIMESTAMP":
			j.realtime = v
		case "_SOURCE_REALTIME_TIMESTAMP":
			j.source = v
		case "_HOSTNAME":
			j.host = v
		case "SYSLOG_IDENTIFIER":
			j.program = v
		case "_TRANSPORT":
			j.transport = v
		}
	}
	p.space()
	return j, p.at == len(line) && j.message.kind != absent &&
		(j.realtime.kind != absent || j.transport.kind != absent)
}

// unwrap stores what the entry says in r. The journal has taken the kernel's own stamp off.
func (j *journal) unwrap(a *arena, r *parse.Record) (string, bool) {
	at, known := epoch(j.realtime)
	if known {
		r.Received = at
	}
	if source, ok := epoch(j.source); ok {
		at, known = source, true
	}
	if known {
		r.Time, r.TimeDigits, r.TimeQuality = at, 6, event.TimeExact
		r.Reference = at
	}
	if host := j.host.string(a); host != "" {
		r.Host = host
	}
	switch program := j.program.string(a); {
	case program != "":
		r.Program = program
	case j.transport.raw == "kernel":
		r.Program = "kernel"
	}
	return j.message.string(a), true
}

// epoch reads a time since 1970 and returns it in nanoseconds. The unit is told by the number of digits: the journal
// writes microseconds.
func epoch(v value) (int64, bool) {
	if v.kind != text && v.kind != other || len(v.raw) < 9 || len(v.raw) > 19 {
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(v.raw) {
		if c-'0' > 9 || n > (1<<63-10)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	unit := int64(time.Nanosecond)
	switch digits := len(v.raw); {
	case digits <= 10:
		unit = int64(time.Second)
	case digits <= 13:
		unit = int64(time.Millisecond)
	case digits <= 16:
		unit = int64(time.Microsecond)
	}
	if n > latest/unit {
		return 0, false
	}
	return n * unit, true
}

// latest is as far ahead as times are believed: 2200.
const latest = 230 * 365 * 24 * int64(time.Hour)
