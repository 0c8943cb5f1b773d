package fix

import (
	"strings"

	"mailstop/event"
)

// firewalldServices are the names under which firewalld ships the mail ports (/usr/lib/firewalld/services).
var firewalldServices = map[uint16]string{25: "smtp", 465: "smtps", 587: "smtp-submission"}

// firewalld opens a port of a zone for what comes in, and makes a policy for what goes out or through: policies are
// there since 0.9, and are what replaces the deprecated direct rules.
func (w *What) firewalld() event.Fix {
	if w.Direction == event.In {
		return w.firewalldZone()
	}
	name, ingress := "mailstop-out-"+w.port(), "HOST"
	if w.Direction == event.Forward {
		name, ingress = "mailstop-fwd-"+w.port(), "ANY"
	}
	policy := " --policy " + name + " "
	steps := []string{
		"--new-policy " + name,
		"--policy " + name + " --add-ingress-zone " + ingress,
		"--policy " + name + " --add-egress-zone ANY",
	}
	if w.Client.IsValid() {
		family := "ipv4"
		if w.Client.Is6() {
			family = "ipv6"
		}
		rich := `rule family="` + family + `" source address="` + w.Client.String() + `" port port="` + w.port() +
			`" protocol="` + w.proto() + `" accept`
		steps = append(steps, strings.TrimSpace(policy)+" --add-rich-rule "+Quote(rich))
	} else {
		steps = append(steps, strings.TrimSpace(policy)+" --add-port "+w.port()+"/"+w.proto())
	}
	return event.Fix{
		Platform: string(Firewalld),
		Command:  firewallCmd(steps),
		Undo:     firewallCmd([]string{"--delete-policy " + name}),
		Note: sentences("Needs firewalld 0.9 or later. Kept over restarts; the reload also drops what was set without "+
			"--permanent.", w.where()),
	}
}

func (w *What) firewalldZone() event.Fix {
	zone := ""
	if w.Zone != "" {
		zone = "--zone " + Quote(w.Zone) + " "
	}
	what := "port " + w.port() + "/" + w.proto()
	if s := firewalldServices[w.Port]; s != "" && !w.UDP {
		what = "service " + s
	}
	note := "Kept over restarts; the reload also drops what was set without --permanent."
	if zone == "" {
		note = "Goes to the default zone: add --zone if the network card is in another one (firewall-cmd --get-active-zones). " + note
	}
	return event.Fix{
		Platform: string(Firewalld),
		Command:  firewallCmd([]string{zone + "--add-" + what}),
		Undo:     firewallCmd([]string{zone + "--remove-" + what}),
		Note:     sentences(note, w.where()),
	}
}

// firewallCmd makes permanent settings and then loads them.
func firewallCmd(steps []string) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString("sudo firewall-cmd --permanent " + s + " && ")
	}
	return b.String() + "sudo firewall-cmd --reload"
}
