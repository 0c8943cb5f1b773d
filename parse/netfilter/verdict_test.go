package netfilter

import (
	"strings"
	"testing"
	"unsafe"

	"mailstop/event"
)

func unsafeString(b []byte) string { return unsafe.String(&b[0], len(b)) }

func TestWords(t *testing.T) {
	for prefix, want := range map[string]event.Action{
		"drop": event.Drop, "DROPPED:": event.Drop, "Discard ": event.Drop, "DROP INVALID": event.Drop, "IPT-DROP-LOG": event.Drop,
		"reject": event.Reject, "x_rejected_y": event.Reject, "BLOCK reject": event.Reject,
		"deny": event.Deny, "Denied": event.Deny, "BLOCKED": event.Deny, "ban": event.Deny, "f2b-banned": event.Deny,
		"drop or reject": event.Deny, "block: drop": event.Drop,
		"accept": event.Allow, "ALLOWED": event.Allow, "permit25": event.Allow, "pass ": event.Allow, "new accept": event.Allow,
		"drop/accept": event.ActionUnknown, "allow blocked": event.ActionUnknown, "not dropped": event.ActionUnknown,
		"no accept": event.ActionUnknown, "not new, drop": event.Drop,
		"audit": event.Observe, "LOG: ": event.Observe, "trace": event.Observe, "NEW ": event.Observe, "forward ": event.Observe,
		"": event.ActionUnknown, "25": event.ActionUnknown, "invalid": event.ActionUnknown, "dropbox": event.ActionUnknown,
		"backdrop": event.ActionUnknown, "bypass": event.ActionUnknown, "banner": event.ActionUnknown, "d\xc3\xa9drop": event.ActionUnknown,
		"MAILBLOCK": event.Deny, "[mailblock] ": event.Deny, "smtpdrop": event.Drop, "SubmissionReject": event.Reject,
		"outdeny": event.Deny, "FWDROP": event.Drop, "OUTPUTDROP": event.Drop, "spamblock": event.Deny,
		"roadblock": event.ActionUnknown, "sunblocked": event.ActionUnknown, "raindrop": event.ActionUnknown,
		"mailblocker": event.ActionUnknown, strings.Repeat("x", 100) + "drop": event.ActionUnknown,
	} {
		if got := wordVerdict(prefix); got != want {
			t.Errorf("%q: %v, want %v", prefix, got, want)
		}
	}
}

const mailPacket = "IN= OUT=eth0 SRC=192.0.2.25 DST=198.51.100.25 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=777 DF PROTO=TCP SPT=40112 DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0 "

func TestUserRules(t *testing.T) {
	rules := []Rule{
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

func TestValidate(t *testing.T) {
	for _, r := range []Rule{
		{},
		{Action: event.Drop},
		{Match: "(", Action: event.Drop},
		{Match: "x", Action: 99},
		{Match: "x", Action: event.Drop, Direction: 99},
	} {
		if r.Validate() == nil {
			t.Errorf("%+v is valid", r)
		}
	}
	for _, r := range []Rule{{Match: "x", Action: event.Drop}, {Match: "^x: $", Rule: "1"}, {Match: "x", Direction: event.Out}} {
		if err := r.Validate(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
