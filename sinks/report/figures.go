package report

import (
	"fmt"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/internal/term"
)

// nothing says that no finding is above info, and what that is worth.
func (p *printer) nothing(r *Report, info bool) {
	t := &r.Totals
	var blocked, mailBlocked uint64
	for _, a := range event.Actions() {
		if a.Blocked() {
			blocked += t.ByAction[a.String()]
		}
	}
	for _, table := range []map[string]map[string]Verdicts{t.MailPorts, t.MailAnswers} {
		for _, ports := range table {
			for _, v := range ports {
				mailBlocked += v.Blocked
			}
		}
	}
	switch {
	case !t.any() && r.run.Outside > 0:
		p.say("nothing in this range of times: all entries lie outside --from and --to.", "")
	case t.Lines == 0 && r.damaged():
		p.say("nothing could be read: the input is damaged.", "")
	case t.Lines == 0:
		p.say("nothing to read: there are no lines.", "")
	case !t.any() && t.Unparsed == 0:
		p.say("no entries: there are only headers and empty lines.", "")
	case !t.any():
		p.illegible(r)
	case t.Entries == 0:
		p.say("no firewall entry was read: these are logs of a mail server.",
			"Replay them together with the firewall's logs of the same days.")
	case blocked == 0 && t.NoVerdict > 0:
		p.say("cannot tell whether mail is blocked: no line says that a packet was stopped.", fmt.Sprintf(
			"%s of %s do not say what became of the packet%s. Give their log prefixes a verdict with prefix rules in the "+
				"configuration, or log with prefixes that say it, such as \"MAIL-DROP \"; \"mailstop explain 'LINE'\" shows how "+
				"a line is read.",
			term.Number(t.NoVerdict), entries(t.Entries), prefixes(t.NoVerdictPrefixes)))
	case blocked == 0:
		p.say("no blocked mail found: no packet in these logs was stopped.",
			"Firewalls stay silent about what they stop unless logging is turned on for the rules, or the policy, that stop it.")
	case mailBlocked == 0:
		p.say("no blocked mail found: the firewall stopped "+count(blocked, "packet")+", but none of a mail port.",
			"Looked for the ports "+portList()+", as destination (mail) and as source (answers), over TCP.")
	case info:
		p.say(fmt.Sprintf("no blocked mail of yours found: %s of mail ports %s stopped, but nothing that calls for action.",
			count(mailBlocked, "packet"), was(mailBlocked)), "")
	default:
		p.say(fmt.Sprintf("no blocked mail found: %s of mail ports %s stopped, but no connection that somebody misses.",
			count(mailBlocked, "packet"), was(mailBlocked)), "Looked for the ports "+portList()+".")
	}
	p.line("")
}

// illegible says that not a single line could be read, and what was looked for.
func (p *printer) illegible(r *Report) {
	n := r.Totals.Lines
	p.say("nothing could be read: "+count(n, "line")+", and not one a firewall entry of a known format.", "")
	if len(r.run.Anchors) > 0 {
		p.line("looked for:")
		for _, a := range r.run.Anchors {
			p.wrap(2, term.Clean(a, maxText))
		}
	}
	if r.run.Example != "" {
		p.line("a line that would be read:")
		p.line("  " + p.style.Dim(term.Clean(r.run.Example, maxText)))
	}
	p.wrap(0, "hint: \"mailstop explain 'LINE'\" shows how a line is read, --format names the format where it is known.")
}

func (p *printer) say(verdict, rest string) {
	for _, l := range term.Wrap(verdict, p.prose) {
		p.line(p.style.Bold(l))
	}
	p.wrap(0, rest)
}

func was(n uint64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func entries(n uint64) string { return count(n, "entry") }

func portList() string {
	var parts []string
	for _, n := range mailPorts {
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, ", ")
}

// prefixes names the commonest log prefixes that say nothing.
func prefixes(all []Named) string {
	var parts []string
	for _, n := range all[:min(len(all), 3)] {
		name := "none"
		if n.Name != "" {
			name = `"` + word(n.Name) + `"`
		}
		parts = append(parts, name)
	}
	switch {
	case len(parts) == 0 || len(all) == 1 && all[0].Name == "":
		return " (they have no prefix)"
	case len(all) > len(parts):
		parts = append(parts, "…")
	}
	return " (prefixes: " + strings.Join(parts, ", ") + ")"
}

// totals prints what was read, how fast, and what is to be known about the times.
func (p *printer) totals(r *Report) {
	t := &r.Totals
	s := count(t.Lines, "line")
	switch {
	case r.stdinOnly():
		s += " of standard input"
	case len(r.Sources) > 0:
		s += " of " + count(len(r.Sources), "file")
	}
	if !t.First.IsZero() {
		s += ", " + period(t.First, t.Last)
	}
	if r.run.Elapsed > 0 {
		s += ", in " + term.Duration(r.run.Elapsed)
		if t.Lines > 0 {
			s += " (" + term.Rate(t.Lines, r.run.Elapsed, "lines") + ")"
		}
	}
	p.wrap(0, strings.Join(append([]string{s}, timeNotes(r)...), "; "))
	if t.Entries > 0 {
		p.wrap(0, what(t))
	}
	if t.MailLines > 0 {
		p.wrap(0, mail(t))
	}
	if s := noted(t); s != "" {
		p.wrap(0, s)
	}
	if t.NoVerdict > 0 && t.NoVerdict < t.Entries {
		p.wrap(0, fmt.Sprintf("%s without a verdict%s", entries(t.NoVerdict), prefixes(t.NoVerdictPrefixes)))
	}
	if t.FindingsBeyond > 0 {
		p.wrap(0, count(t.FindingsBeyond, "finding")+" of the least weight not kept: there were too many")
	}
}

// stdinOnly reports whether nothing but standard input was read.
func (r *Report) stdinOnly() bool { return len(r.Sources) == 1 && r.Sources[0].Path == "stdin" }

// what says what the entries are: how many packets, of which hosts and formats, and what became of them.
func what(t *Totals) string {
	var b strings.Builder
	b.WriteString(entries(t.Entries))
	if t.Repeated > 0 {
		fmt.Fprintf(&b, " for %s", count(t.Packets, "packet"))
	}
	var formats []string
	for _, f := range event.Formats() {
		if t.Formats[f.String()] > 0 && !f.Mail() {
			formats = append(formats, f.String())
		}
	}
	if len(formats) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(formats, ", "))
	}
	var hosts []string
	for _, h := range t.Hosts {
		if h.Name != "" && len(hosts) < 3 {
			hosts = append(hosts, word(h.Name))
		}
	}
	if len(hosts) > 0 {
		b.WriteString(" of " + strings.Join(hosts, ", "))
		if t.HostsBeyond > 0 {
			fmt.Fprintf(&b, " and more than %s others", term.Number(len(t.Hosts)-len(hosts)))
		} else {
			b.WriteString(more(len(t.Hosts) - len(hosts)))
		}
	}
	sep := ": "
	for _, a := range event.Actions() {
		if n := t.ByAction[a.String()]; n > 0 {
			b.WriteString(sep + term.Number(n) + " " + a.String())
			sep = ", "
		}
	}
	return b.String()
}

// mail says what the lines of mail servers are, and what became of the mail.
func mail(t *Totals) string {
	var b strings.Builder
	b.WriteString(count(t.MailLines, "line") + " of a mail server")
	var formats []string
	for _, f := range event.Formats() {
		if t.Formats[f.String()] > 0 && f.Mail() {
			formats = append(formats, f.String())
		}
	}
	fmt.Fprintf(&b, " (%s)", strings.Join(formats, ", "))
	if t.Deliveries == 0 {
		return b.String() + ": no deliveries"
	}
	sep := ": "
	for _, s := range event.DeliveryStatuses() {
		if n := t.DeliveriesByStatus[s.String()]; n > 0 {
			b.WriteString(sep + term.Number(n) + " " + s.String())
			sep = ", "
		}
	}
	sep = "; not sent because: "
	for _, c := range event.ReasonClasses() {
		name := c.String()
		if name == "" {
			name = "unknown"
		}
		if n := t.DeliveriesByFailure[name]; n > 0 {
			b.WriteString(sep + name + " " + term.Number(n))
			sep = ", "
		}
	}
	return b.String()
}

// noted names what lines tell that are no entries, but for what every log has.
func noted(t *Totals) string {
	var parts []string
	n := uint64(0)
	for _, note := range t.NotedAs {
		if note.Name == event.NoteEmpty || note.Name == event.NoteHeader {
			continue
		}
		if n += note.Entries; len(parts) < 3 {
			parts = append(parts, word(note.Name))
		} else if len(parts) == 3 {
			parts = append(parts, "…")
		}
	}
	if n == 0 {
		return ""
	}
	return count(n, "line") + " of other kinds (" + strings.Join(parts, ", ") + ")"
}

// timeNotes says how far the times can be trusted.
func timeNotes(r *Report) []string {
	t := &r.Totals
	var notes []string
	inferred := "year inferred from file times"
	switch {
	case r.run.Year != 0:
		inferred = fmt.Sprintf("years counted from %d, as given", r.run.Year)
	case r.stdinOnly():
		inferred = "year inferred from today's date"
	}
	for _, q := range []struct {
		quality event.TimeQuality
		note    string
	}{
		{event.TimeInferredYear, inferred},
		{event.TimeAssumedZone, "time zone assumed to be UTC"},
		{event.TimeEstimated, "times estimated"},
		{event.TimeReceived, "times of receipt"},
	} {
		notes = appendNote(notes, q.note, t.TimeQualities[q.quality.String()], t.Entries+t.MailLines)
	}
	notes = appendNote(notes, "no time", t.TimeQualities["none"], t.Entries+t.MailLines)
	if t.TimesSetAside > 0 {
		s := entries(t.TimesSetAside) + " with a clock far off set aside (" + r.pastAside.Format(dayLayout)
		if !r.aheadAside.Equal(r.pastAside) {
			s += " to " + r.aheadAside.Format(dayLayout)
		}
		notes = append(notes, s+")")
	}
	return notes
}

// appendNote adds a note that holds for n of all entries.
func appendNote(notes []string, note string, n, all uint64) []string {
	switch n {
	case 0:
		return notes
	case all:
		return append(notes, note)
	}
	return append(notes, note+" ("+entries(n)+")")
}

// period writes a span to the minute, the end without the year if both have the same.
func period(first, last time.Time) string {
	const minute = "2006-01-02 15:04"
	from, to := first.UTC().Format(minute), last.UTC().Format(minute)
	if from == to {
		return from
	}
	if first.UTC().Format(dayLayout) == last.UTC().Format(dayLayout) {
		return from + " to " + to[len(dayLayout)+1:]
	}
	if from[:4] == to[:4] {
		to = to[5:]
	}
	return from + " to " + to
}

// unread prints the lines that could not be read, by reason, with an example.
func (p *printer) unread(r *Report) {
	reasons := r.Totals.UnparsedReasons
	if len(reasons) == 0 {
		return
	}
	head := count(r.Totals.Unparsed, "line") + " not read"
	if len(reasons) == 1 {
		p.wrap(0, head+": "+because(&reasons[0]))
		return
	}
	p.line(head + ":")
	for i := range reasons[:min(len(reasons), maxReasonLines)] {
		p.wrap(2, term.Number(reasons[i].Count)+"  "+because(&reasons[i]))
	}
	if n := len(reasons) - maxReasonLines; n > 0 {
		p.wrap(2, "and "+count(n, "more reason")+": see -o json")
	}
}

// because is a reason with its first sample: `not a firewall entry, e.g. ufw.log:88 "kernel: usb 1-1…"`.
func because(r *Reason) string {
	s := term.Clean(r.Reason, maxText)
	if len(r.Samples) > 0 && r.Samples[0].Raw != "" {
		s += ", e.g. " + r.Samples[0].where() + ` "` + term.Clean(r.Samples[0].Raw, 60) + `"`
	}
	return s
}

// where is the sample's place, for people.
func (s *Sample) where() string {
	at := fmt.Sprintf("@%d", s.Pos)
	if s.Line > 0 {
		at = fmt.Sprintf(":%d", s.Line)
	}
	return term.Clean(s.Source, maxPath) + at
}

// problems prints what kept sources from being read.
func (p *printer) problems(sources []Source) {
	n := 0
	for i := range sources {
		s := &sources[i]
		var what string
		switch {
		case s.Problem != "":
			what = s.Problem
			if !strings.Contains(what, s.Path) {
				what = s.Path + ": " + what
			}
			what = "not read to its end: " + what
		case s.Entries+s.MailLines == 0 && s.Unparsed > 0 && len(sources) > 1:
			what = fmt.Sprintf("%s: nothing of its %s could be read", s.Path, count(s.Lines, "line"))
		default:
			continue
		}
		if n++; n <= maxProblems {
			for j, l := range term.Wrap(term.Clean(what, maxText), p.prose-2) {
				if j > 0 {
					l = "  " + l
				}
				p.line(p.style.Yellow(l))
			}
		}
	}
	if n > maxProblems {
		p.line(p.style.Yellow("and " + term.Number(n-maxProblems) + " more sources with problems: see -o json"))
	}
}
