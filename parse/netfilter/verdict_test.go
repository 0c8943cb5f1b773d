package netfilter

import (
	"strings"
	"testing"
	"unsafe"

	"mailstop/event"
	"mailstop/internal/nftext"
)

func unsafeString(b []byte) string { return unsafe.String(&b[0], len(b)) }

const mailPacket = "IN= OUT=eth0 SRC=192.0.2.25 DST=198.51.100.25 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=777 DF PROTO=TCP SPT=40112 DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0 "

func TestUserRules(t *testing.T) {
	rules := []nftext.Rule{
		{Match: `^\[UFW BLOCK\] $`, Action: event.Allow, Rule: "test mode"},
		{Match: "OUTBOUND", Action: event.Drop, Direction: event.Forward, Ruleset: "bridge"},
		{Match: "OUTBOUND", Action: event.Reject}, // never reached: the first that matches counts
		{Match: "^drop nothing", Rule: "42"},
		{Match: "^$", Action: event.Reject},
	}
	for prefix, want := range map[string]event.Entry{
		"[UFW BLOCK] ":        {Action: event.Allow, Verdict: event.VerdictConfig, Rule: "test mode", Direction: event.Out},
		"[UFW ALLOW] ":        {Action: event.Allow, Verdict: event.VerdictPrefix, Rule: "[UFW ALLOW]", Direction: event.Out},
		"OUTBOUND CONN TCP: ": {Action: event.Drop, Verdict: event.VerdictConfig, Rule: "OUTBOUND CONN TCP", Ruleset: "bridge", Direction: event.Forward},
		"drop nothing: ":      {Action: event.ActionUnknown, Verdict: event.VerdictConfig, Rule: "42", Direction: event.Out},
		"":                    {Action: event.Reject, Verdict: event.VerdictConfig, Direction: event.Out},
	} {
		s := session(rules)
		for _, how := range []string{mailPacket, mailPacket, "carefully NEWKEY=1 " + mailPacket} {
			if strings.HasPrefix(how, "carefully") {
				how = strings.Replace(mailPacket, "DF ", "DF NEWKEY=1 ", 1)
			}
			var e event.Entry
			s.Parse(prefix+how, &e)
			if e.Error != "" || e.Action != want.Action || e.Verdict != want.Verdict || e.Rule != want.Rule ||
				e.Ruleset != want.Ruleset || e.Direction != want.Direction {
				t.Errorf("%q: %v %v %q %q %v %s", prefix, e.Action, e.Verdict, e.Rule, e.Ruleset, e.Direction, e.Error)
			}
		}
	}
}
