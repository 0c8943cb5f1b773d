package exim

import "strings"

// isSure reports whether a line that starts as Exim's do is one, if neither a message id nor the program says so: many
// programs write the same stamp, and some of the words.
func isSure(s string) bool {
	for _, d := range doubtful {
		if rest, ok := strings.CutPrefix(s, d.words); ok {
			for _, mark := range d.marks {
				if strings.Contains(rest, mark) {
					return true
				}
			}
			return false
		}
	}
	if what := strings.TrimPrefix(s, "temporarily "); strings.HasPrefix(what, "rejected ") {
		return isRejection(what[len("rejected "):])
	}
	if i := strings.Index(s[:min(len(s), 64)], " authenticator "); i > 0 {
		return strings.Contains(s[i:], "[")
	}
	return true
}

// doubtful are words that others start with, too, and what stands behind them only if they are Exim's.
var doubtful = [...]struct {
	words string
	marks []string
}{
	{"H=", []string{"["}},
	{"U=", []string{" F=<", "rejected ", "sender verify ", "Warning: ", " P="}},
	{"Connection from ", []string{"] refused", "] rejected", "] dropped"}},
	{"connection from ", []string{"] refused", "] rejected", "] dropped"}},
	{"refused connection from ", []string{"["}},
	{"SMTP connection ", []string{"from ", "["}},
	{"Warning: ", []string{"environment", "certificate", "queue_"}},
	{"Failed to open ", []string{"exim", "spool"}},
	{"failed to open ", []string{"exim", "spool"}},
	{"Failed writing ", []string{"exim", "spool"}},
	{"unable to open ", []string{"exim", "spool"}},
	{"pid ", []string{": SIG"}},
	{"SIG", []string{"daemon"}},
	{"daemon: ", []string{"fork", "queue"}},
	{"cwd=", []string{" args: "}},
	{"ETRN ", []string{" received from "}},
	{"message too big", []string{"read="}},
	{"DKIM: ", []string{"d=", "["}},
	{"bind of ", []string{"["}},
	{"LDAP", []string{"lookup"}},
}

// isRejection reports whether s goes on with what Exim rejects.
func isRejection(s string) bool {
	for _, what := range [...]string{
		"RCPT ", "MAIL ", "EHLO ", "HELO ", "DATA", "AUTH", "ETRN", "EXPN", "VRFY", "STARTTLS", "BDAT", "connection", "after DATA",
		"by ", "from <", "predata", "MIME", "PRDR",
	} {
		if strings.HasPrefix(s, what) {
			return true
		}
	}
	return false
}
