package nftext

import (
	"fmt"
	"strings"
	"testing"

	"mailstop/event"
)

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

// Prefixes that never repeat need no more memory than others.
func TestVerdictsAreBounded(t *testing.T) {
	vs := NewVerdicts(nil)
	for i := range 10 * maxVerdicts {
		prefix := fmt.Sprintf("drop %d ", i)
		if v := vs.Of(prefix); v.Action != event.Drop || v.Rule != fmt.Sprintf("drop %d", i) {
			t.Fatalf("%q: %+v", prefix, v)
		}
		if len(vs.table) > maxVerdicts {
			t.Fatalf("%d prefixes are kept", len(vs.table))
		}
	}
}
