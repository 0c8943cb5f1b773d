package blanket

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"mailstop/detect"
	"mailstop/event"
	"mailstop/internal/fix"
)

// Findings implements detect.Detector.
func (d *Detector) Findings(out []event.Finding) []event.Finding {
	for _, r := range d.rules {
		limited := d.book.Of(r.host, r.rule, r.direction).Limited()
		if !r.changed && limited == r.limited {
			continue
		}
		r.changed, r.limited = false, limited
		blanket := r.blanket()
		if blanket || r.shown {
			out = append(out, r.finding(blanket))
		}
		r.shown = blanket
	}
	return out
}

func (r *rule) finding(blanket bool) event.Finding {
	f := event.Finding{
		ID:   r.id(),
		Kind: detect.BlanketDeny, Severity: event.High, Host: r.host, Direction: r.direction, Rule: r.rule,
	}
	r.all.Fill(&f)
	// The mail lines are what the reader looks for.
	var mail event.Finding
	r.mail.Fill(&mail)
	f.Evidence = append(mail.Evidence[:min(3, len(mail.Evidence))], f.Evidence...)
	f.Where = append(mail.Where[:min(3, len(mail.Where))], f.Where...)
	f.Evidence, f.Where = unique(f.Evidence, f.Where)
	for _, b := range r.dests.Best(event.MaxDestinations) {
		f.Destinations = append(f.Destinations, b.Addr.String())
	}
	if n, _ := r.dests.Distinct.Count(); n > uint64(len(f.Destinations)) {
		f.MoreTargets = int(n) - len(f.Destinations)
	}
	if !blanket || detect.After(r.mail.Last, r.passed) {
		f.State = event.Resolved
	}
	prefix := detect.ReadPrefix(r.rule, r.ruleset)
	f.LowerBound = prefix.Platform == detect.UFW && r.limited
	f.Summary = r.summary(f.State)
	f.Cause = event.Cause{
		Code: event.CauseBlanketDeny, Confidence: event.Certain,
		Text: "one rule stops connections to different services and destinations, not mail alone",
		Missing: []string{
			"whether that is meant: a host that is cut off on purpose looks the same",
		},
	}
	if f.State == event.Open {
		f.Fix = r.fixes(prefix)
	}
	return f
}

// unique drops lines that are there twice, and those beyond the bound.
func unique(lines, where []string) (l, w []string) {
	for i := range lines {
		if !slices.Contains(w, where[i]) && len(l) < event.MaxEvidence {
			l, w = append(l, lines[i]), append(w, where[i])
		}
	}
	return l, w
}

// busiest returns the services with the most attempts first, mail before others.
func (r *rule) busiest() []service {
	out := slices.Clone(r.services)
	slices.SortFunc(out, func(a, b service) int {
		if a.mail != b.mail {
			if a.mail {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.attempts, a.attempts), cmp.Compare(a.port, b.port), cmp.Compare(a.proto, b.proto))
	})
	return out
}

func (r *rule) summary(s event.State) string {
	who := detect.Clean(r.host)
	if who == "" {
		who = "the firewall host"
	}
	if n, _ := r.clients.Distinct.Count(); n == 1 {
		who = r.clients.AndMore() + ", behind " + who + ","
	} else if n > 1 {
		who = r.clients.Distinct.String() + " clients behind " + who + " (most: " + r.clients.Best(1)[0].Addr.String() + ")"
	}
	const show = 6
	var names []string
	for _, v := range r.busiest() {
		names = append(names, event.ProtoName(v.proto)+" "+detect.Port(v.port))
	}
	if len(names) == 0 {
		names = []string{"mail and other services"} // it was adopted, and nothing was stopped since
	}
	if more := len(names) - show; more > 0 {
		names = append(names[:show], strconv.Itoa(more)+" more services")
	}
	can := "cannot send mail, nor much else"
	if s == event.Resolved {
		can = "could not send mail, nor much else"
	}
	return fmt.Sprintf("%s %s: %s stopped %s to %s (%s)", who, can, detect.Rule(r.rule), detect.Join(names),
		r.dests.AndMore(), detect.Plural(r.all.Attempts, "attempt"))
}

// fixes opens the mail port that was tried most, and name resolution if that is stopped as well: without it no mail
// server is found.
func (r *rule) fixes(p detect.Prefix) []event.Fix {
	w := fix.What{Direction: r.direction, V4: r.v4, V6: r.v6, Rule: r.rule, Explicit: !p.Default}
	if n, _ := r.clients.Distinct.Count(); n == 1 {
		w.Client = r.clients.Best(1)[0].Addr
	}
	var out []event.Fix
	services := r.busiest()
	if len(services) == 0 {
		return nil
	}
	w.Port = services[0].port
	if best := r.servers.Best(1); len(best) > 0 {
		w.Host = best[0].Addr
	}
	out = append(out, p.Fixes(w)...)
	for _, s := range services {
		if s.port == 53 && s.proto == event.UDP {
			w.Port, w.UDP = 53, true
			out = append(out, p.Fixes(w)...)
		}
	}
	return out
}
