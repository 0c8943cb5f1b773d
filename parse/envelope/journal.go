package envelope

import (
	"time"

	"mailstop/event"
	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// A journal is an entry of systemd's journal (Journal Export Formats, "JSON"). All its numbers are strings there, but
// pipelines that touched it may have made numbers of them.
type journal struct {
	message, host, program      jsonscan.Value
	realtime, source, transport jsonscan.Value
}

// readJournal finds the members of a journal entry. False means that text is something else.
func readJournal(d *jsonscan.Doc, line string) (j journal, ok bool) {
	if !d.Parse(line) {
		return j, false
	}
	for _, f := range d.Fields() {
		switch f.Key {
		case "MESSAGE":
			j.message = f.Value
		case "__REALTIME_TIMESTAMP":
			j.realtime = f.Value
		case "_SOURCE_REALTIME_TIMESTAMP":
			j.source = f.Value
		case "_HOSTNAME":
			j.host = f.Value
		case "SYSLOG_IDENTIFIER":
			j.program = f.Value
		case "_TRANSPORT":
			j.transport = f.Value
		}
	}
	return j, j.message.Kind != jsonscan.Absent &&
		(j.realtime.Kind != jsonscan.Absent || j.transport.Kind != jsonscan.Absent)
}

// unwrap stores what the entry says in r. The journal has taken the kernel's own stamp off.
func (j *journal) unwrap(a *jsonscan.Arena, r *parse.Record) (string, bool) {
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
	if host := j.host.String(a); host != "" {
		r.Host = host
	}
	switch program := j.program.String(a); {
	case program != "":
		r.Program = program
	case j.transport.Raw == "kernel":
		r.Program = "kernel"
	}
	return j.message.String(a), true
}

// epoch reads a time since 1970 and returns it in nanoseconds. The unit is told by the number of digits: the journal
// writes microseconds.
func epoch(v jsonscan.Value) (int64, bool) {
	if v.Kind != jsonscan.Text && v.Kind != jsonscan.Number || len(v.Raw) < 9 || len(v.Raw) > 19 {
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(v.Raw) {
		if c-'0' > 9 || n > (1<<63-10)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	unit := int64(time.Nanosecond)
	switch digits := len(v.Raw); {
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
