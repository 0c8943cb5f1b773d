package event

import "time"

// A Finding is what a detector concludes from entries. The same input gives the same findings with the same ids.
type Finding struct {
	ID           string    `json:"id"` // a function of Kind and of the detector's key
	Kind         string    `json:"kind"`
	Severity     Severity  `json:"severity"`
	State        State     `json:"state"`
	Host         string    `json:"host"` // the firewall whose log says so
	Direction    Direction `json:"direction"`
	Proto        string    `json:"proto,omitempty"`
	Port         uint16    `json:"port,omitempty"`    // the mail port; 0 if there are several
	Service      string    `json:"service,omitempty"` // what runs on Port: smtp, submission, …
	Rule         string    `json:"rule,omitempty"`
	Provider     string    `json:"provider,omitempty"`
	Destinations []string  `json:"destinations,omitempty"` // most hit first, at most MaxDestinations
	Attempts     uint64    `json:"attempts"`               // connection tries: retransmitted SYNs are one
	Packets      uint64    `json:"packets"`
	First        time.Time `json:"first"`
	Last         time.Time `json:"last"`
	Summary      string    `json:"summary"`
	Cause        Cause     `json:"cause"`
	Queue        *Queue    `json:"queue,omitempty"`
	Fix          []Fix     `json:"fix,omitempty"`
	Evidence     []string  `json:"evidence,omitempty"` // up to MaxEvidence raw lines
	LowerBound   bool      `json:"lower_bound"`        // the log is sampled: the true counts are higher

	Where       []string `json:"-"` // for each line of Evidence, its file and line number
	MoreTargets int      `json:"-"` // destinations beyond Destinations
}

// Bounds on the lists of a finding.
const (
	MaxEvidence     = 5
	MaxDestinations = 10
)

// A Cause says why, from facts in the log, and what is not known.
type Cause struct {
	Code       string     `json:"code"`
	Text       string     `json:"text"`
	Confidence Confidence `json:"confidence"`
	Missing    []string   `json:"missing,omitempty"`
}

// The causes of design.md §4.
const (
	CauseDefaultDenyOut    = "default-deny-out"
	CauseExplicitRule      = "explicit-rule"
	CauseStatelessReturn   = "stateless-return"
	CauseBlanketDeny       = "blanket-deny"
	CauseOutdatedBlockList = "outdated-block-list"
	CauseISP               = "isp-or-cloud-block"
	CauseRemoteRefused     = "remote-refused"
	CauseDNS               = "dns"
	CauseNotTheFirewall    = "not-the-firewall"
	CauseSpamContainment   = "spam-containment"
	CauseUnknown           = "unknown"
)

// Confidence is how sure a cause is: certain, likely or possible.
type Confidence string

// The confidences, surest first.
const (
	Certain  Confidence = "certain"
	Likely   Confidence = "likely"
	Possible Confidence = "possible"
)

// A Queue says how much mail a finding holds up.
type Queue struct {
	Messages uint64    `json:"messages"`
	Oldest   time.Time `json:"oldest"`
}

// A Fix is what to type, how to take it back and how to see that it worked. Every value from a log is shell-quoted.
type Fix struct {
	Platform string `json:"platform"`
	Command  string `json:"command"`
	Undo     string `json:"undo"`
	Check    string `json:"check"`
	Note     string `json:"note,omitempty"`
}

// Severity orders findings by how much they hurt.
type Severity uint8

// The severities, mildest first.
const (
	Info Severity = iota
	Low
	Medium
	High
)

var severityNames = [...]string{"info", "low", "medium", "high"}

func (s Severity) String() string { return severityNames[s] }

// ParseSeverity returns the severity spelled s.
func ParseSeverity(s string) (Severity, bool) {
	i, ok := lookup(severityNames[:], s)
	return Severity(i), ok
}

// Severities returns every severity, mildest first.
func Severities() []Severity { return words[Severity](len(severityNames)) }

// State says whether a finding still holds.
type State uint8

// The states.
const (
	Open State = iota
	Resolved
)

var stateNames = [...]string{"open", "resolved"}

func (s State) String() string { return stateNames[s] }

// ParseState returns the state spelled s.
func ParseState(s string) (State, bool) {
	i, ok := lookup(stateNames[:], s)
	return State(i), ok
}

// MarshalText spells the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText spells the word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText spells the word.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalText spells the word.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
