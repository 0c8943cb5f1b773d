// Package syslog takes off the headers that syslog daemons, journalctl and dmesg put before a message. It never touches
// the message itself, whose first words are the firewall administrator's own.
package syslog

import (
	"strings"

	"mailstop/event"
	"mailstop/parse"
)

// Layer returns the layer for a session's table.
func Layer() parse.Layer { return parse.Layer{Name: "syslog header", New: New, Doc: doc} }

// New returns an unwrapper of one header: RFC 3164 and RFC 5424, on the wire and in files, with any of the stamps that
// parse.ScanStamp knows; the kernel's seconds since boot; records of /dev/kmsg; and the notes in which daemons fold
// repeated messages.
//
// A word and a colon after the host are taken for the program only if a process id is between them or if they are
// "kernel:" or alike: "DROP: " is what an administrator had the firewall write.
func New() parse.Unwrapper { return header{} }

type header struct{}

// start holds the bytes that something this package knows can start with.
var start = func() (t [256]bool) {
	for _, c := range []byte("JFMASONDTWkumdslncaf0123456789<[") {
		t[c] = true
	}
	return t
}()

// Unwrap implements parse.Unwrapper.
func (header) Unwrap(text string, r *parse.Record) (string, bool) {
	if text == "" || !start[text[0]] {
		return text, false
	}
	switch c := text[0]; {
	case c == '[':
		if n := uptime(text); n > 0 {
			return afterUptime(text[n:], r), true
		}
		if len(text) < 5 || text[4] != ' ' || strings.IndexByte("MTWFS", text[1]) < 0 { // dmesg -T names the day
			return text, false
		}
	case c == '<':
		if body, ok := knownFrame(text, r); ok {
			return body, true
		}
	default:
		if len(text) > 24 && text[10] == ' ' && text[19] == ' ' && text[4] == '-' && text[20]|0x20-'a' <= 25 && !hasHost(text[19:]) {
			return text, false // pfirewall, mostly: see below
		}
		if len(text) > 30 && text[15] == '.' {
			if _, _, n := parse.ScanFraction(text[15:]); ownsStamp(text[15+n:]) {
				return text, false
			}
		}
		if n := r.SetKnownTime(text); n > 0 {
			return afterStamp(text[n:], r), true
		}
		if c-'0' <= 9 {
			if body, ok := kmsg(text, r); ok {
				return body, true
			}
		} else if len(text) > 6 && text[3] != ' ' && text[6] != ':' { // neither a stamp nor the words of dmesg -x
			return repeated(text, r)
		}
	}
	h, n := parse.ScanHead(text)
	if n == 0 {
		return text, false
	}
	rest := text[n:]
	if h.RFC5424 {
		if h.Stamped {
			r.SetTime(h.Stamp, text[h.At:])
		}
		return after5424(rest, h.Stamped, r), true
	}
	if !h.Stamped { // a priority, or the words of dmesg -x
		return message(rest, r), true
	}
	if (h.Stamp.Spaced || rest != "" && ownsStamp(rest)) && !hasHost(rest) {
		return text, false // a format with a stamp of its own: pfirewall, Exim's mainlog, tcpdump
	}
	if dmesgISO(text[h.At:]) && !hasHost(rest) {
		h.Stamp.Derived = true
	}
	r.SetTime(h.Stamp, text[h.At:])
	if h.Stamp.Derived {
		return strings.TrimPrefix(rest, " "), true
	}
	return afterStamp(rest, r), true
}

// knownFrame reads a frame from the wire whose date is known.
func knownFrame(text string, r *parse.Record) (string, bool) {
	_, n := parse.ScanPriority(text)
	if n == 0 {
		return text, false
	}
	version := strings.HasPrefix(text[n:], "1 ")
	if version {
		n += len("1 ")
	}
	m := r.SetKnownTime(text[n:])
	switch {
	case m == 0:
		return text, false
	case version:
		return after5424(text[n+m:], true, r), true
	}
	return afterStamp(text[n+m:], r), true
}

// dmesgISO reports whether a stamp is like those of dmesg --time-format iso: the only ones with a comma.
func dmesgISO(stamp string) bool { return len(stamp) > 19 && stamp[10] == 'T' && stamp[19] == ',' }

// ownsStamp reports whether a stamp is tcpdump's: "rule 4/(match) block in on em0: " follows.
func ownsStamp(rest string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(rest, " "), "rule ")
	return ok && rest != "" && (rest[0]-'0' <= 9 || rest[0] == '/' || strings.HasPrefix(rest, "def/"))
}

// hasHost reports whether a host and a program follow a stamp.
func hasHost(rest string) bool {
	host, rest, _ := strings.Cut(strings.TrimPrefix(rest, " "), " ")
	_, n := tag(rest)
	return n > 0 && isHost(host)
}

// afterStamp reads the host and the program behind a stamp.
func afterStamp(s string, r *parse.Record) string {
	if len(s) < 2 || s[0] != ' ' || s[1] == ' ' {
		s = strings.TrimLeft(strings.TrimPrefix(s, ":"), " ")
	} else {
		s = s[1:]
	}
	if s != "" && s[0] == '<' {
		s = s[marked(s):]
	}
	const kernel = " kernel: "
	n := 0
	for n < len(s) && isHostByte[s[n]] {
		n++
	}
	if n > 0 && len(s) >= n+len(kernel) && s[n:n+len(kernel)] == kernel && s[n-1] != ':' && !isLevel(s[:n]) {
		r.Host, r.Program = s[:n], "kernel"
		return inner(s[n+len(kernel):], r)
	}
	if isNote(s) || startsHeader(s) {
		return inner(s, r)
	}
	word := s
	i := strings.IndexByte(s, ' ')
	if i >= 0 {
		word = s[:i]
	}
	if _, n := tag(s); n > 0 || isLevel(word) || !isHost(word) {
		return message(s, r)
	}
	if isLoud(word) { // "INFO    postfix/smtp[123]: " of Postfix in containers
		rest := strings.TrimLeft(s[len(word):], " ")
		if _, n := tag(rest); n > 0 {
			return message(rest, r)
		}
	}
	r.Host = word
	if i < 0 {
		return ""
	}
	s = s[i+1:]
	// Some UniFi consoles write their name twice.
	if n := len(word); len(s) > n && s[n] == ' ' && s[:n] == word && !strings.HasPrefix(s[n+1:], "IN=") {
		s = s[n+1:]
	}
	return message(s, r)
}

// marked returns the length of "<mail.notice> " or "<2.5> ", which FreeBSD's syslogd -vv and -v write behind the stamp.
func marked(s string) int {
	i := strings.IndexByte(s[:min(len(s), 20)], '>')
	if i < 0 || i+1 >= len(s) || s[i+1] != ' ' {
		return 0
	}
	facility, severity, ok := strings.Cut(s[1:i], ".")
	switch {
	case !ok || facility == "" || !isHost(facility) && facility[0]-'0' > 9:
		return 0
	case facility[0]-'0' <= 9 && len(severity) == 1 && severity[0]-'0' <= 7, isSeverity(severity):
		return i + 2
	}
	return 0
}

// startsHeader reports whether another header follows a stamp that came without a host.
func startsHeader(s string) bool {
	_, n := parse.ScanHead(s)
	return n > 0
}

// message takes the facility and the program off a message.
func message(s string, r *parse.Record) string {
	if i := strings.IndexByte(s, ' '); i > 0 && isLevel(s[:i]) {
		s = s[i+1:]
	}
	if program, n := tag(s); n > 0 {
		r.Program = program
		s = s[n:]
	}
	return inner(s, r)
}

// inner takes off what may stand between the program and the packet.
func inner(s string, r *parse.Record) string {
	s = s[uptime(s):]
	if s != "" && (s[0] == 'm' || s[0] == 'l') {
		s, _ = repeated(s, r)
	}
	return s
}

// tag reads "kernel: " or "program[123]: " and returns its length, 0 if there is none.
func tag(s string) (program string, n int) {
	i := 0
	for i < len(s) && i < 48 && isWord[s[i]] {
		i++
	}
	if i == 0 || i >= len(s) {
		return "", 0
	}
	program = s[:i]
	if s[i] == '[' {
		digits := i + 1
		for i = digits; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		}
		if i == digits || i+1 >= len(s) || s[i] != ']' || s[i+1] != ':' {
			return "", 0
		}
		i++
	} else if s[i] != ':' || !bare(program) {
		return "", 0
	}
	i++
	if i < len(s) && s[i] == ' ' {
		i++
	}
	return program, i
}

// bare reports whether a program is known to log packets under its name alone.
func bare(program string) bool {
	switch program {
	case "kernel", "filterlog", "ulogd", "klogd":
		return true
	}
	return false
}

// isWord holds the bytes of a program's name; '/' is for postfix/smtp.
var isWord = set("-_./")

// isHostByte holds the bytes of host names and addresses; '@' and '/' are in the chains that syslog-ng writes, '%' in
// the zone of an address.
var isHostByte = set("-_.:/@%")

func set(more string) (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = b-'0' <= 9 || b|0x20-'a' <= 25 || b >= 0x80
	}
	for _, c := range []byte(more) {
		t[c] = true
	}
	return t
}

func isHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	digits := 0
	for i := range len(s) {
		if !isHostByte[s[i]] {
			return false
		}
		if s[i]-'0' <= 9 {
			digits++
		}
	}
	if digits == len(s) { // the first field of a record: CloudWatch puts a stamp before those of AWS
		return false
	}
	return s[len(s)-1] != ':' || strings.HasSuffix(s, "::") // 2001:db8:: is an address
}

// uptime returns the length of the kernel's stamp, "[  123.456789] ", also with the caller behind it, "[  T123]" or
// "[    C0]". It says nothing of the time of day, and stands still during suspend.
func uptime(s string) int {
	if len(s) < 10 || s[0] != '[' {
		return 0
	}
	i := 1
	for i < len(s) && s[i] == ' ' {
		i++
	}
	digits := i
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	if i == digits || len(s) < i+8 || s[i] != '.' || s[i+7] != ']' {
		return 0
	}
	for _, c := range []byte(s[i+1 : i+7]) {
		if c-'0' > 9 {
			return 0
		}
	}
	if i += len(".123456]"); i < len(s) && s[i] == ' ' {
		return i + 1
	}
	if i < len(s) && s[i] == '[' {
		i += caller(s[i:])
	}
	if i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}

// caller returns the length of "[  T123]" or "[    C0]".
func caller(s string) int {
	i := 1
	for i < len(s) && s[i] == ' ' {
		i++
	}
	if i >= len(s) || s[i] != 'T' && s[i] != 'C' {
		return 0
	}
	i++
	digits := i
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	if i == digits || i >= len(s) || s[i] != ']' {
		return 0
	}
	return i + 1
}

// afterUptime reads the host and the program that journalctl's short-monotonic writes behind the kernel's stamp.
func afterUptime(s string, r *parse.Record) string {
	if r.TimeQuality == event.TimeNone && r.Program == "" {
		host, rest, ok := strings.Cut(s, " ")
		if program, n := tag(rest); ok && n > 0 && isHost(host) {
			r.Host, r.Program = host, program
			s = rest[n:]
		}
	}
	if body, ok := repeated(s, r); ok {
		return body
	}
	return s
}

// isLevel reports whether a word is a facility and a level, "kern.warn", as busybox and OpenWrt write them.
func isLevel(s string) bool {
	i := strings.IndexByte(s, '.')
	return i >= 3 && len(s) <= 17 && isFacility(s[:i]) && isSeverity(s[i+1:])
}

func isFacility(s string) bool {
	switch s {
	case "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "local0",
		"local1", "local2", "local3", "local4", "local5", "local6", "local7":
		return true
	}
	return false
}

func isSeverity(s string) bool {
	switch s {
	case "emerg", "panic", "alert", "crit", "err", "error", "warn", "warning", "notice", "info", "debug":
		return true
	}
	return false
}

// isLoud reports whether a word is a severity in capitals, as rsyslog's property syslogseverity-text gives it with
// ":::uppercase".
func isLoud(s string) bool {
	switch s {
	case "EMERG", "PANIC", "ALERT", "CRIT", "ERR", "ERROR", "WARN", "WARNING", "NOTICE", "INFO", "DEBUG":
		return true
	}
	return false
}
