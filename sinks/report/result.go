package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"mailstop/event"
	"mailstop/internal/term"
)

// A Run is what only the caller knows of a replay.
type Run struct {
	Elapsed time.Duration
	Notes   []string // lines for the end of the text: "stored 1,204,000 entries in PATH"
	Anchors []string // what lines are recognised by, one per format, for when nothing was recognised
	Example string   // a line that would be read, for the same case
	Year    int      // in which the files begin, where the user said so; else 0
	Outside int64    // lines outside the range of times that was asked for: they are not in the report
}

// A Report is the result of a replay. Marshalled, it is the object of "-o json".
type Report struct {
	Findings []event.Finding `json:"findings"` // worst first
	Totals   Totals          `json:"totals"`
	Sources  []Source        `json:"sources"` // in the order they were read
	Notes    []string        `json:"notes"`   // what else is to be known: what was stored, what was left out

	run        Run
	pastAside  time.Time // the extremes of the times that were set aside
	aheadAside time.Time
}

// Totals is what was counted. Packets are more than entries where lines stand for several ("message repeated"); all
// counts below by_action are packets, unless they say lines or entries.
type Totals struct {
	Lines          uint64  `json:"lines"`
	Entries        uint64  `json:"entries"`    // lines that were read and tell of packets or connections
	MailLines      uint64  `json:"mail_lines"` // lines of mail servers
	Noted          uint64  `json:"noted"`      // lines that were read and tell of neither: headers, empty lines, messages of daemons
	Unparsed       uint64  `json:"unparsed"`
	Packets        uint64  `json:"packets"`
	Repeated       uint64  `json:"repeated"` // packets beyond one per line
	Seconds        float64 `json:"seconds"`
	LinesPerSecond float64 `json:"lines_per_second"`

	First         time.Time         `json:"first,omitzero"`
	Last          time.Time         `json:"last,omitzero"`
	TimesSetAside uint64            `json:"times_set_aside"` // entries more than ten years from the median time
	TimeQualities map[string]uint64 `json:"time_qualities"`  // entries; "none" for those without a time

	ByAction    map[string]uint64              `json:"by_action"`
	MailPorts   map[string]map[string]Verdicts `json:"mail_ports"`   // by direction and destination port
	MailAnswers map[string]map[string]Verdicts `json:"mail_answers"` // return traffic, by direction and source port

	Deliveries          uint64            `json:"deliveries"`            // lines of mail servers that tell how a try to deliver ended
	DeliveriesByStatus  map[string]uint64 `json:"deliveries_by_status"`  // sent, deferred, bounced
	DeliveriesByFailure map[string]uint64 `json:"deliveries_by_failure"` // why they were not sent: reason classes

	Formats     map[string]uint64 `json:"formats"` // entries and lines of mail servers
	Hosts       []Named           `json:"hosts"`   // most entries first, at most 1000
	HostsBeyond uint64            `json:"hosts_beyond"`

	NoVerdict         uint64  `json:"no_verdict"`          // entries that do not say what became of the packet
	NoVerdictPrefixes []Named `json:"no_verdict_prefixes"` // their log prefixes, most entries first, at most 100

	NotedAs         []Named  `json:"noted_as"` // what the noted lines are, at most 32
	UnparsedReasons []Reason `json:"unparsed_reasons"`
	FindingsBeyond  uint64   `json:"findings_beyond"` // findings that were not kept, there were too many
}

// Verdicts counts the packets of one direction and port. Other is what the log gives no verdict for.
type Verdicts struct {
	Blocked uint64 `json:"blocked"`
	Allowed uint64 `json:"allowed"`
	Other   uint64 `json:"other"`
}

func (v Verdicts) sum() uint64 { return v.Blocked + v.Allowed + v.Other }

// Named is a number of entries under a name.
type Named struct {
	Name    string `json:"name"`
	Entries uint64 `json:"entries"`
}

// A Reason says why lines could not be read.
type Reason struct {
	Reason  string   `json:"reason"`
	Count   uint64   `json:"count"`
	Samples []Sample `json:"samples"`
}

// A Sample is the head of a line that could not be read.
type Sample struct {
	Source string `json:"source"`
	Line   int64  `json:"line,omitempty"` // 1-based
	Pos    int64  `json:"pos"`
	Raw    string `json:"raw"` // at most 120 bytes
}

// Source is what one file or other source gave.
type Source struct {
	Path          string    `json:"path"`
	Lines         uint64    `json:"lines"`
	Entries       uint64    `json:"entries"`
	MailLines     uint64    `json:"mail_lines"`
	Unparsed      uint64    `json:"unparsed"`
	First         time.Time `json:"first,omitzero"`
	Last          time.Time `json:"last,omitzero"`
	TimesSetAside uint64    `json:"times_set_aside"`
	Problem       string    `json:"problem,omitempty"` // why the rest of it could not be read
}

// Unreadable reports whether there was something to read and nothing of it could be read.
func (r *Report) Unreadable() bool {
	return !r.Totals.any() && r.run.Outside == 0 && (r.Totals.Unparsed > 0 || r.damaged())
}

// any reports whether anything was read of what is looked for.
func (t *Totals) any() bool { return t.Entries > 0 || t.MailLines > 0 }

// damaged reports whether a source could not be read to its end.
func (r *Report) damaged() bool {
	return slices.ContainsFunc(r.Sources, func(s Source) bool { return s.Problem != "" })
}

// Reaches reports whether a finding that still holds is of severity s or worse.
func (r *Report) Reaches(s event.Severity) bool {
	for i := range r.Findings {
		if r.Findings[i].Severity >= s && r.Findings[i].State == event.Open {
			return true
		}
	}
	return false
}

// otherReasons stands for the reasons beyond maxReasons.
const otherReasons = "other reasons"

// Result returns the report on everything written so far.
func (s *Sink) Result(run Run) *Report {
	r := &Report{Findings: s.sortedFindings(), Sources: make([]Source, 0, len(s.order)), Notes: append([]string{}, run.Notes...), run: run}
	for _, src := range s.order {
		out := Source{
			Path: src.path, Lines: src.lines, Entries: src.entries, MailLines: src.mailLines, Unparsed: src.unparsed,
			Problem: src.problem,
		}
		out.First, out.Last, out.TimesSetAside, _, _ = src.times.bounds()
		r.Sources = append(r.Sources, out)
	}
	c, t := &s.total, &r.Totals
	t.Lines, t.Entries, t.Unparsed, t.Packets, t.Repeated = c.lines, c.entries, c.unparsed(), c.packets, c.repeated
	t.MailLines, t.Noted, t.Deliveries = c.mailLines, c.notedLines, c.deliveries
	t.DeliveriesByStatus = byWord(event.DeliveryStatuses()[1:], c.statuses[1:], "", false)
	t.DeliveriesByFailure = byWord(event.ReasonClasses(), c.failures[:], "unknown", false)
	t.NotedAs = named(&c.notes)
	t.First, t.Last, t.TimesSetAside, r.pastAside, r.aheadAside = c.times.bounds()
	t.Seconds = run.Elapsed.Seconds()
	if run.Elapsed > 0 {
		t.LinesPerSecond = float64(c.lines) / run.Elapsed.Seconds()
	}
	t.TimeQualities = byWord(event.TimeQualities(), c.quality[:], "none", false)
	t.ByAction = byWord(event.Actions(), c.actions[:], "", true)
	t.Formats = byWord(event.Formats(), c.formats, "unknown", false)
	t.MailPorts, t.MailAnswers = byPort(&c.mail), byPort(&c.answers)
	t.Hosts, t.HostsBeyond = named(&c.hosts), c.hosts.beyond
	t.NoVerdict, t.NoVerdictPrefixes = c.noVerdict, named(&c.prefixes)
	t.UnparsedReasons = c.unreadReasons()
	t.FindingsBeyond = s.pruned
	return r
}

func byWord[W fmt.Stringer](all []W, n []uint64, nameless string, zeros bool) map[string]uint64 {
	out := make(map[string]uint64)
	for i, w := range all {
		name := w.String()
		if name == "" {
			name = nameless
		}
		if i < len(n) && (n[i] > 0 || zeros) {
			out[name] = n[i]
		}
	}
	return out
}

func byPort(t *table) map[string]map[string]Verdicts {
	out := make(map[string]map[string]Verdicts)
	for _, d := range event.Directions() {
		for i, port := range mailPorts {
			if v := t[d][i]; v.sum() > 0 {
				if out[d.String()] == nil {
					out[d.String()] = make(map[string]Verdicts)
				}
				out[d.String()][fmt.Sprint(port)] = v
			}
		}
	}
	return out
}

func named(t *tally) []Named {
	out := make([]Named, 0, len(t.rows))
	for _, r := range t.sorted() {
		out = append(out, Named{r.name, r.n})
	}
	return out
}

func (c *counts) unreadReasons() []Reason {
	out := make([]Reason, 0, len(c.reasons.rows)+1)
	samples := make(map[string][]Sample, len(c.reasons.rows))
	for i, r := range c.reasons.rows {
		samples[r.name] = c.samples[i]
	}
	for _, r := range c.reasons.sorted() {
		out = append(out, Reason{Reason: r.name, Count: r.n, Samples: samples[r.name]})
	}
	if c.reasons.beyond > 0 {
		out = append(out, Reason{Reason: otherReasons, Count: c.reasons.beyond, Samples: []Sample{}})
	}
	return out
}

// JSON writes the report as one JSON object. Characters that a terminal would act on are escaped, which changes nothing
// for a reader of JSON.
func (r *Report) JSON(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	_, err := w.Write(term.EscapeJSON(b.Bytes()))
	return err
}
