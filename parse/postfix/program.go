package postfix

import (
	"math"
	"strings"

	"mailstop/event"
)

// isPostfix reports whether a program is one of Postfix': "postfix/smtp", "postfix-out/smtp", "postfix/submission/smtpd", or
// a daemon under another name, "outbound/smtp" (syslog_name). Syslog templates that cut the name at its slash leave
// "postfix" or "postfix-out".
func isPostfix(program string) bool {
	if rest, ok := strings.CutPrefix(program, "postfix"); ok {
		return rest == "" || rest[0] == '/' || rest[0] == '-' && strings.IndexByte(rest, '/') > 0
	}
	i := strings.LastIndexByte(program, '/')
	return i > 0 && isDaemon(program[i+1:]) && program[:i] != "cyrus" // which has an lmtp of its own
}

// isDaemon reports whether a name is that of a Postfix program, none of which others have behind a slash.
func isDaemon(name string) bool {
	switch name {
	case "smtp", "smtpd", "lmtp", "qmgr", "nqmgr", "oqmgr", "cleanup", "bounce", "trivial-rewrite", "postscreen", "dnsblog", "tlsproxy",
		"tlsmgr", "anvil", "scache", "proxymap", "pickup", "postdrop", "postsuper", "postqueue", "postlogd", "postfix-script":
		return true
	}
	return false
}

// daemon returns "smtp" of "postfix/smtp", and nothing for a name without a slash.
func daemon(program string) string {
	i := strings.LastIndexByte(program, '/')
	if i < 0 {
		return ""
	}
	return program[i+1:]
}

// tag reads "postfix/smtp[2211]: ", for lines that come without any header before it, and returns its length.
func tag(s string) (program, pid string, n int) {
	i := 0
	for i < len(s) && i < 64 && s[i] > ' ' && s[i] != '[' && s[i] != ':' {
		i++
	}
	program = s[:i]
	if !strings.HasPrefix(program, "postfix") || !isPostfix(program) || i == len(s) {
		return "", "", 0
	}
	if s[i] == '[' {
		_, digits := decimal(s[i+1:])
		pid = s[i+1 : i+1+digits]
		if i += digits + 1; digits == 0 || i >= len(s) || s[i] != ']' {
			return "", "", 0
		}
		i++
	}
	if i+1 >= len(s) || s[i] != ':' || s[i+1] != ' ' {
		return "", "", 0
	}
	return program, pid, i + 2
}

// pidBefore returns the process id of a header that ends in "[2211]: ", or has it behind the program as RFC 5424 does.
func pidBefore(head, program string) string {
	if s, ok := strings.CutSuffix(strings.TrimSuffix(head, " "), "]:"); ok {
		return s[strings.LastIndexByte(s, '[')+1:]
	}
	if i := strings.LastIndex(head, program); i > 0 && program != "" {
		pid, _, _ := strings.Cut(strings.TrimPrefix(head[i+len(program):], " "), " ")
		return pid
	}
	return ""
}

// setPID sets the process id if digits are one.
func setPID(e *event.Entry, digits string) {
	if n, end := decimal(digits); end > 0 && end == len(digits) {
		e.PID = n
		e.Has |= event.HasPID
	}
}

// decimal reads the number that s starts with, of at most 32 bits, and returns its length: 0 if there is none.
func decimal(s string) (n uint32, length int) {
	v := uint64(0)
	i := 0
	for i < len(s) && s[i]-'0' <= 9 {
		if v = v*10 + uint64(s[i]-'0'); v > math.MaxUint32 {
			return 0, 0
		}
		i++
	}
	return uint32(v), i
}

// queueID reads "4F1C22A0B7: " or, with enable_long_queue_ids, "4kLsXy2Bq0z9rtB: ", and returns its length. Short ids are
// hexadecimal; long ones are of digits and of letters but vowels, with a 'z' before the inode (mail_queue.h).
func queueID(s string) (id string, n int) {
	kind, long := hexByte|longByte, false
	i := 0
	for i < len(s) && i < 64 && idBytes[s[i]] != 0 {
		kind &= idBytes[s[i]]
		long = long || s[i] == 'z'
		i++
	}
	switch {
	case i == len(s) || s[i] != ':' || i+1 < len(s) && s[i+1] != ' ':
	case kind&hexByte != 0 && i >= 5, kind&longByte != 0 && long && i >= 10:
		return s[:i], min(i+2, len(s))
	}
	return "", 0
}

const (
	hexByte uint8 = 1 << iota
	longByte
)

var idBytes = func() (t [256]uint8) {
	for _, c := range []byte("0123456789ABCDEF") {
		t[c] |= hexByte
	}
	for _, c := range []byte("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz") {
		t[c] |= longByte
	}
	return t
}()
