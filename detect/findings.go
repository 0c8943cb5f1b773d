package detect

import "mailstop/event"

// Findings appends the findings that changed since the last call, and returns the slice. Those that only inform come when they
// are new or have doubled; final hands out the rest of them.
//
// An open blanket-deny finding stands for the mail-out-blocked findings of its host, rule and direction. One of those that
// had been handed out before comes once more, as resolved, so that nobody is alerted twice for one rule.
func (g *Group) Findings(out []event.Finding, final bool) []event.Finding {
	g.collect()
	for i := range g.findings {
		f := &g.findings[i]
		k := rulePath{f.Host, f.Rule, f.Direction}
		switch f.Kind {
		case BlanketDeny:
			g.blankets[k] = f.State == event.Open && f.Severity > event.Info
		case MailOutBlocked:
			g.remember(k, f)
		}
	}

	for i := range g.findings {
		if f := &g.findings[i]; f.Kind != MailOutBlocked {
			out = g.hand(out, f, final)
		}
	}
	out = g.mailOutFindings(out, final)
	if final {
		for _, id := range g.heldIDs {
			if f := g.held[id]; f != nil {
				out = append(out, *f)
				g.told[id] = f.Packets
			}
		}
		clear(g.held)
		g.heldIDs = g.heldIDs[:0]
	}
	return out
}

// remember keeps the present form of a mail-out-blocked finding until it is handed out.
func (g *Group) remember(k rulePath, f *event.Finding) {
	list, ok := g.mailOut[k]
	if !ok {
		g.order = append(g.order, k)
	}
	kept := *f
	for i := range list {
		if list[i].ID == f.ID {
			list[i] = &kept
			return
		}
	}
	g.mailOut[k] = append(list, &kept)
}

// mailOutFindings hands out the mail-out-blocked findings that no blanket-deny finding stands for. The others wait:
// the blanket may end.
func (g *Group) mailOutFindings(out []event.Finding, final bool) []event.Finding {
	waiting := g.order[:0]
	for _, k := range g.order {
		list := g.mailOut[k]
		if !g.blankets[k] {
			for _, f := range list {
				out = g.hand(out, f, final)
				g.shown[f.ID] = f.State == event.Open && f.Severity > event.Info
			}
			delete(g.mailOut, k)
			continue
		}
		waiting = append(waiting, k)
		for _, f := range list {
			if g.shown[f.ID] {
				delete(g.shown, f.ID)
				gone := *f
				gone.Severity, gone.State, gone.Fix = event.Info, event.Resolved, nil
				gone.Cause = event.Cause{
					Code: event.CauseBlanketDeny, Confidence: event.Certain,
					Text: "the rule stops other services as well: see the blanket-deny finding of this host and rule",
				}
				out = append(out, gone)
			}
		}
	}
	g.order = waiting
	return out
}

// hand appends f, or keeps it back if it only informs and nobody needs to hear of it yet.
func (g *Group) hand(out []event.Finding, f *event.Finding, final bool) []event.Finding {
	told, before := g.told[f.ID]
	if f.Severity == event.Info && before && !final && f.Packets < 2*told {
		if _, ok := g.held[f.ID]; !ok {
			g.heldIDs = append(g.heldIDs, f.ID)
		}
		kept := *f
		g.held[f.ID] = &kept
		return out
	}
	if _, ok := g.held[f.ID]; ok {
		g.held[f.ID] = nil // its place in heldIDs stays
	}
	if f.Severity == event.Info {
		g.told[f.ID] = f.Packets
	} else {
		delete(g.told, f.ID)
	}
	return append(out, *f)
}
