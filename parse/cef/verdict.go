package cef

import (
	"strings"

	"mailstop/event"
)

// verdict reads act, else what the product has in its place, else the words of the event's name.
func (l *line) verdict() {
	action := l.action
	if action == "" {
		action = l.ownAction
	}
	if action == "" && l.vendor == fortinet { // "traffic:forward timeout"
		action = l.name[strings.LastIndexByte(l.name, ' ')+1:]
	}
	a := wordsOf(action)
	switch l.vendor {
	case fortinet:
		a = l.fortinetVerdict(action, a)
	case checkPoint: // through a tunnel, or past the inspection
		if a == event.ActionUnknown && (hasWord(action, "encrypt") || hasWord(action, "decrypt") || hasWord(action, "bypass")) {
			a = event.Allow
		}
	case sonicWall:
		switch {
		case action == "forward":
			a = event.Allow
		case a == event.ActionUnknown && l.name == "Connection Opened":
			l.Verdict(event.Allow, event.VerdictEventID)
			return
		case a == event.ActionUnknown && l.name == "Connection Closed":
			l.Verdict(event.Close, event.VerdictEventID)
			return
		case action == "NA":
			action = ""
		}
	}
	switch {
	case strings.HasPrefix(action, "IDS:"): // Deep Security: what would have been done
		l.Verdict(event.Observe, event.VerdictField)
	case action == "":
		l.Verdict(wordsOf(l.name), event.VerdictPrefix)
	default:
		l.Verdict(a, event.VerdictField)
	}
}

// fortinetVerdict returns the action as FortiGate means it, and what security profiles made of it.
func (l *line) fortinetVerdict(action string, a event.Action) event.Action {
	switch action {
	case "accept", "start", "close", "timeout", "client-rst", "server-rst", "ip-conn":
		if utm := wordsOf(l.utmAction); utm.Blocked() {
			return utm
		}
		return event.Allow
	case "dns":
		return event.Observe
	}
	return a
}

// words are what products write, in lower case.
var words = map[string]event.Action{
	"deny": event.Deny, "denied": event.Deny, "block": event.Deny, "blocked": event.Deny, "prevented": event.Deny,
	"prevent": event.Deny, "quarantine": event.Deny, "quarantined": event.Deny,
	"drop": event.Drop, "dropped": event.Drop, "discard": event.Drop, "discarded": event.Drop,
	"reject": event.Reject, "rejected": event.Reject, "reset": event.Reject, "rst": event.Reject,
	"accept": event.Allow, "accepted": event.Allow, "allow": event.Allow, "allowed": event.Allow, "permit": event.Allow,
	"permitted": event.Allow, "pass": event.Allow, "passed": event.Allow,
	"detect": event.Observe, "detected": event.Observe, "alert": event.Observe, "alerted": event.Observe, "notified": event.Observe, "monitor": event.Observe, "monitored": event.Observe,
	"log": event.Observe, "logged": event.Observe,
}

// longestWord is as long as the longest of words.
const longestWord = 11

// wordsOf infers an action from whole words. What stopped the packet is more than what saw it; where words of both sides
// occur, or a "not", nothing is known. The surest of several ways to stop it wins.
func wordsOf(s string) event.Action {
	var stopped, passed, seen event.Action
	for i := 0; i < len(s); {
		if !isLetter(s[i]) {
			i++
			continue
		}
		from := i
		for i < len(s) && isLetter(s[i]) {
			i++
		}
		a := wordAction(s[from:i])
		switch {
		case a.Blocked():
			if stopped == event.ActionUnknown || stopped == event.Deny {
				stopped = a
			}
		case a == event.Allow:
			passed = a
		case a == event.Observe:
			seen = a
		case hasWord(s[from:i], "not") || hasWord(s[from:i], "no"):
			return event.ActionUnknown
		}
	}
	switch {
	case stopped != event.ActionUnknown && passed != event.ActionUnknown:
		return event.ActionUnknown
	case stopped != event.ActionUnknown:
		return stopped
	case passed != event.ActionUnknown:
		return passed
	}
	return seen
}

func wordAction(s string) event.Action {
	if len(s) > longestWord {
		return event.ActionUnknown
	}
	var lower [longestWord]byte
	for i := range len(s) {
		lower[i] = s[i] | 0x20
	}
	return words[string(lower[:len(s)])]
}

// hasWord reports whether s has a whole word, in any case.
func hasWord(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if (i == 0 || !isLetter(s[i-1])) && (i+len(word) == len(s) || !isLetter(s[i+len(word)])) && equalFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

func equalFold(s, lower string) bool {
	for i := range len(s) {
		if s[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20-'a' <= 25 || c >= 0x80 }
