package fix

import (
	"strings"

	"mailstop/event"
)

// ufw writes rules in ufw's full syntax (ufw(8), RULE SYNTAX).
func (w *What) ufw() event.Fix {
	if w.Return {
		return w.ufwReturn()
	}
	from, to := "", "to any port "+w.port()
	if w.Server.IsValid() {
		to = "to " + Quote(w.Server.String()) + " port " + w.port()
	}
	if w.Client.IsValid() {
		from = "from " + Quote(w.Client.String()) + " "
	}
	// Without "from", ufw reads "in to" and "out to" as from any.
	rule := "allow " + from + to + " proto " + w.proto()
	switch w.Direction {
	case event.In:
		rule = "allow in " + from + to + " proto " + w.proto()
	case event.Out:
		rule = "allow out " + from + to + " proto " + w.proto()
	}
	verb, undo, note := "ufw ", "ufw delete ", ""
	if w.Direction == event.Forward {
		verb, undo = "ufw route ", "ufw route delete "
	}
	if w.Explicit {
		verb += "prepend "
		// ufw takes rules that differ in nothing but allow, deny or limit for the same rule (ufw(8)).
		note = "Put before the rule that stops it. If ufw says \"Skipping inserting existing rule\", that rule is the same but for its " +
			"first word: leave out \"prepend\" to turn it around, and give its first word again to undo that " +
			"(sudo ufw status numbered shows it)."
	} else {
		note = "ufw keeps the rule over restarts. If it says \"Rule updated\", a rule of yours was turned around: undo with its first " +
			"word in place of \"delete allow\". If a wider rule of yours denies this port, put \"prepend\" before \"allow\"."
	}
	return event.Fix{
		Platform: string(UFW),
		Command:  "sudo " + verb + rule + " comment " + Quote(w.title()),
		Undo:     "sudo " + undo + rule,
		Note:     sentences(note, w.where()),
	}
}

// ufwReturn mends the chain that ufw's own before.rules begin with; it is missing only where somebody removed it.
func (w *What) ufwReturn() event.Fix {
	chain := map[event.Direction]string{event.In: "input", event.Out: "output", event.Forward: "forward"}[w.Direction]
	spec := " ufw-before-" + chain + " -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
	var do, undo []string
	if w.V4 {
		do, undo = append(do, "sudo iptables -I"+spec), append(undo, "sudo iptables -D"+spec)
	}
	if w.V6 {
		spec = strings.Replace(spec, "ufw-", "ufw6-", 1)
		do, undo = append(do, "sudo ip6tables -I"+spec), append(undo, "sudo ip6tables -D"+spec)
	}
	return event.Fix{
		Platform: string(UFW),
		Command:  strings.Join(do, " && "),
		Undo:     strings.Join(undo, " && "),
		Note: "ufw has this rule in /etc/ufw/before.rules (before6.rules for IPv6) unless it was removed: put it back there, " +
			"or it is gone at the next reload.",
	}
}
