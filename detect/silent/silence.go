package silent

import (
	"strings"
	"time"

	"mailstop/detect"
	"mailstop/event"
)

const day = int64(24 * time.Hour)

// days is how long pauses are remembered: two weekends, and a day.
const days = 15

// pauses are the longest ones of each day, by the day on which they ended.
type pauses [days]pause

type pause struct {
	day      int64 // since 1970
	short    int64 // the longest that was not reported, nanoseconds
	reported int64 // the longest that was
}

func (p *pauses) add(t, length int64, reported bool) {
	d := &p[uint64(t/day)%days]
	if d.day != t/day {
		*d = pause{day: t / day}
	}
	if reported {
		d.reported = max(d.reported, length)
	} else {
		d.short = max(d.short, length)
	}
}

// longest returns the longest usual pause: of those that were reported, the second longest, which has come twice.
func (p *pauses) longest(t int64) int64 {
	var short, first, second int64
	for _, d := range p {
		if d.day <= t/day-days {
			continue
		}
		short = max(short, d.short)
		if d.reported > first {
			first, second = d.reported, first
		} else {
			second = max(second, d.reported)
		}
	}
	return max(short, second)
}

// begin returns since when a line is waited for.
func (s *source) begin() int64 {
	if s.lines == 0 {
		return s.since
	}
	return s.last
}

// quiet returns for how long no line has come that could have.
func (s *source) quiet(t int64) int64 { return max(t-s.begin()-s.paused, 0) }

// came notes that lines came.
func (s *source) came(t int64, lines uint64) {
	switch {
	case s.lines == 0:
		s.first = t
	default:
		s.usual.add(t, s.quiet(t), s.silent)
	}
	if s.silent {
		s.again, s.ended = true, t
	}
	s.lines += lines
	s.last, s.paused = t, 0
}

// allowed returns how long the source may be quiet, and whether that can be said at all.
func (s *source) allowed(t int64) (int64, bool) {
	switch {
	case s.after > 0:
		return int64(s.after), true
	case s.lines < minLines || s.last-s.first < int64(minSpan):
		return 0, false
	}
	return max(int64(minLimit), factor*s.usual.longest(t)), true
}

// silence appends what changed.
func (s *source) silence(out []event.Finding, t int64) []event.Finding {
	if s.silent && s.again {
		out = append(out, s.end(s.ended, "lines come again"))
		s.silent, s.again = false, false
	}
	if s.silent {
		return out
	}
	limit, ok := s.allowed(t)
	if !ok || s.quiet(t) <= limit || s.lines == 0 && !s.expected {
		return out
	}
	s.silent, s.limit = true, limit
	s.told = s.found(t)
	return append(out, s.told)
}

func (s *source) found(t int64) event.Finding {
	name := detect.Clean(s.name)
	f := event.Finding{
		ID: detect.ID(detect.SourceSilent, s.name, "silence"), Kind: detect.SourceSilent, Severity: event.Medium, Host: s.host,
		First: detect.UTC(s.begin()), Last: detect.UTC(t),
		Cause: event.Cause{Code: event.CauseUnknown, Confidence: event.Possible, Missing: toCheck(s.name)},
	}
	if s.lines == 0 {
		f.Severity = event.Info
		f.Summary = name + " has given no line yet, " + span(s.quiet(t)) + " after it was to be read"
		f.Cause.Text = "there may be nothing to log, or it is not the right place to look"
		return f
	}
	f.Summary = "no line of " + name + " has come since " + stamp(s.last)
	usual := "its limit is " + span(s.limit)
	if s.after == 0 {
		usual = "its longest usual pause is " + span(s.usual.longest(t))
	}
	f.Cause.Text = "the latest line came " + span(s.quiet(t)) + " before this was found; " + usual
	return f
}

// end returns the finding of a silence that is over.
func (s *source) end(t int64, why string) event.Finding {
	f := s.told
	f.State, f.Last = event.Resolved, detect.UTC(max(t, s.told.First.UnixNano()))
	name := detect.Clean(s.name)
	if f.Severity == event.Info {
		f.Summary = name + " had given no line yet: " + why
	} else {
		f.Summary = "no line of " + name + " came since " + stamp(f.First.UnixNano()) + ": " + why
	}
	return f
}

func stamp(t int64) string { return detect.UTC(t).Format("2006-01-02 15:04:05 UTC") }

// span returns a length of time in words: "45 minutes", "3 hours".
func span(ns int64) string {
	switch d := time.Duration(ns); {
	case d < 2*time.Minute:
		return detect.Plural(uint64(d/time.Second), "second")
	case d < 2*time.Hour:
		return detect.Plural(uint64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return detect.Plural(uint64(d/time.Hour), "hour")
	default:
		return detect.Plural(uint64(d/(24*time.Hour)), "day")
	}
}

// toCheck says what is not known of a source of the name's kind.
func toCheck(name string) []string {
	switch kind, _, _ := strings.Cut(name, ":"); kind {
	case "kafka":
		return []string{
			"whether the shipper runs that writes to the topic, and reaches the brokers",
			"whether the topic still gets messages, and keeps them (retention, quotas, permissions)",
			"whether another member of the consumer group has taken the partitions",
		}
	case "syslog":
		return []string{
			"whether the senders run, and still send here (address, port, certificate)",
			"whether a firewall between them and this host stops the messages",
		}
	case "journald", "journal":
		return []string{
			"whether journald runs, and what logs to it (systemctl status systemd-journald)",
			"whether Mailstop may still read the journal (group systemd-journal)",
			"whether its disk is full or rate limits drop messages",
		}
	}
	return []string{
		"whether the program that writes the file runs (rsyslog, ulogd, the firewall's logging)",
		"whether it writes elsewhere since a rotation",
		"whether Mailstop may still read it (permissions)",
		"whether the disk is full",
	}
}
