package mailtext

import "strings"

// Mask returns s without the local parts of mail addresses: "<user@example.com>" becomes "<@example.com>", a bare
// "user@example.com" becomes "@example.com", "<root>" becomes "<>". It returns s itself, without allocating, if there is
// nothing to take out. What looks like an address, such as a message id, is treated as one; what does not, such as a user's
// name in a sentence, stays.
//
// Addresses may be cut at the end of s, be quoted ("a b"@example.com), hold a percent sign for the at sign, be in URLs
// (user%40example.com), and be in the strings of JSON.
func Mask(a *Arena, s string) string { return MaskFrom(a, s, 0) }

// MaskFrom is Mask for s[from:] behind an s[:from] that stays as it is: a log line's header, which has no addresses.
func MaskFrom(a *Arena, s string, from int) string {
	m := masker{arena: a, text: s, floor: from}
	at, open, quote, percent := next(s, '@', from), next(s, '<', from), next(s, '"', from), next(s, '%', from)
	for {
		// Each of the four goes forward only, so that each byte is looked for four times at most.
		i := min(at, open, quote, percent)
		if i == len(s) {
			return m.result()
		}
		switch i {
		case open:
			m.bracketed(i)
			open = next(s, '<', max(i+1, m.tried, m.floor))
		case at:
			m.bare(i, &isAtom)
			m.floor = i + 1
			at = next(s, '@', i+1)
		case quote:
			m.quoted(i)
			quote = next(s, '"', max(i+1, m.quotesTried, m.floor))
		case percent:
			if strings.HasPrefix(s[i:], "%40") {
				m.bare(i, &isURLAtom)
				m.floor = i + len("%40")
			}
			percent = next(s, '%', i+1)
		}
		if at < m.floor {
			at = next(s, '@', m.floor)
		}
		if open < m.floor {
			open = next(s, '<', m.floor)
		}
		if quote < m.floor {
			quote = next(s, '"', m.floor)
		}
		if percent < m.floor {
			percent = next(s, '%', m.floor)
		}
	}
}

// MaskValue returns s without the values of a key such as "sasl_username=": up to an '@', a comma, a space or the end.
func MaskValue(a *Arena, s, key string) string {
	m := masker{arena: a, text: s}
	for i := 0; ; {
		at := strings.Index(s[i:], key)
		if at < 0 {
			return m.result()
		}
		i += at + len(key)
		from := i
		for i < len(s) && strings.IndexByte("@, \"\\", s[i]) < 0 {
			i++
		}
		m.cut(from, i)
	}
}

// MaskWord returns s without a word, a local part for instance, where it is not part of a longer one or of a host's name.
// Behind a slash it is the name of a file, and what follows its first full stop is not of the word.
func MaskWord(a *Arena, s, word string) string {
	m := masker{arena: a, text: s}
	for i := 0; word != ""; {
		at := strings.Index(s[i:], word)
		if at < 0 {
			break
		}
		from := i + at
		i = from + len(word)
		file := from > 0 && s[from-1] == '/'
		ends := i == len(s) || !isName[s[i]] || (s[i] == '.' || s[i] == '-') && (file || i+1 == len(s) || !isName[s[i+1]] || s[i+1] == '.')
		if ends && (from == 0 || file || !isName[s[from-1]]) {
			m.cut(from, i)
		}
	}
	return m.result()
}

// next returns the index of c in s at or behind from, or the length of s.
func next(s string, c byte, from int) int {
	if from < len(s) {
		if i := strings.IndexByte(s[from:], c); i >= 0 {
			return from + i
		}
	}
	return len(s)
}

// A masker copies a text without its local parts.
type masker struct {
	arena *Arena
	text  string
	out   []byte // the copy so far; nil until something is taken out
	done  int    // as far as text is copied
	floor int    // before it, nothing is looked at again

	// As far as a '<' or a '"' was followed in vain: one before it would be in vain, too.
	tried, quotesTried int
}

// cut leaves text[from:to] out.
func (m *masker) cut(from, to int) {
	if from >= to {
		return
	}
	if m.out == nil {
		m.out = m.arena.room(len(m.text))
	}
	m.out = append(m.out, m.text[m.done:from]...)
	m.done = to
}

func (m *masker) result() string {
	if m.out == nil {
		return m.text
	}
	return m.arena.keep(append(m.out, m.text[m.done:]...))
}

// bracketed masks the address that the '<' at i opens.
func (m *masker) bracketed(i int) {
	s := m.text
	helo := strings.HasSuffix(s[m.floor:i], "helo=")
	field := i > 0 && s[i-1] == '=' && !helo // of a log: to=<…>
	end, at := m.closing(i+1, field)
	closed := end < len(s) && s[end] == '>'
	switch {
	case at >= 0 && (field || !strings.ContainsAny(s[at:end], " \t") && (closed || isLocal(s[i+1:at]))):
		m.cut(i+1, at)
		m.floor = end
	case !closed && !field, helo:
		m.tried = end
	case at < 0 && (field || isLocal(s[i+1:end])) && !m.isPriority(i, end):
		m.cut(i+1, end)
		m.floor = end
	default:
		m.tried = end
	}
}

// closing returns the index of the '>' that ends what starts at i, outside quotes, or of what makes it no address: another
// '<', or the end of the text. at is the index of the last '@' before it outside quotes, or -1. A quote that does not end
// was cut if it is in a field of a log, and means nothing elsewhere.
func (m *masker) closing(i int, field bool) (end, at int) {
	s := m.text
	at = -1
	for start := i; i < len(s); i++ {
		switch s[i] {
		case '>', '<':
			return i, at
		case '@':
			at = i
		case '"':
			if i == start || s[i-1] == '.' || i == start+1 && s[start] == '\\' {
				if e := endOfQuote(s, i); e > 0 {
					i = e
				} else if field && i == start {
					return len(s), -1
				}
			}
		}
	}
	return i, at
}

// isPriority reports whether what is between the brackets is the priority of a syslog frame, "<22>Jan  5".
func (m *masker) isPriority(open, end int) bool {
	s := m.text[open+1 : end]
	if len(s) > 3 || end+1 >= len(m.text) || !isAtom[m.text[end+1]] {
		return false
	}
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// isLocal reports whether s, between angle brackets and without an '@', may be a mailbox of the own host.
func isLocal(s string) bool {
	if s != "" && s[0] == '"' {
		return true
	}
	for i := range len(s) {
		if !isAtom[s[i]] {
			return false
		}
	}
	return !strings.Contains(s, "//")
}

// quoted masks the local part that the '"' at i opens. A quote behind "user: " is a mailbox, too, as Postfix' local(8) and
// virtual(8) write it: unknown user: "name".
func (m *masker) quoted(i int) {
	s := m.text
	end := endOfQuote(s, i)
	if end == 0 {
		m.quotesTried = len(s)
		return
	}
	from := i
	if i > 0 && s[i-1] == '\\' {
		from--
	}
	switch {
	case end+1 < len(s) && s[end+1] == '@' && (from == m.floor || !isAtom[s[from-1]] || s[from-1] == '='):
		m.cut(from, end+1)
		m.floor = end + 1
	case strings.HasSuffix(s[m.floor:from], "user: "):
		m.cut(i+1, end-(i-from))
		m.floor = end + 1
	default:
		m.quotesTried = end
		if inner := strings.IndexByte(s[i+1:end], '"'); inner >= 0 { // a string of JSON, with quotes in it
			m.quotesTried = i + 1 + inner
		}
	}
}

// endOfQuote returns the index of the '"' that closes the one at i, or 0. In the strings of JSON both have a backslash, and
// a quote between them has three.
func endOfQuote(s string, i int) int {
	escaped := i > 0 && s[i-1] == '\\'
	for j := i + 1; j < len(s); j++ {
		switch {
		case s[j] == '\\' && !escaped:
			j++
		case s[j] == '\\' && strings.HasPrefix(s[j:], `\\\"`):
			j += 3
		case s[j] == '"' && (!escaped || s[j-1] == '\\'):
			return j
		}
	}
	return 0
}

// bare masks the local part that ends before the at sign at i.
func (m *masker) bare(i int, atom *[256]bool) {
	s := m.text
	from := i
	for from > m.floor && atom[s[from-1]] {
		from--
	}
	word := s[from:i]
	if from > 0 && s[from-1] == '\\' { // an escape of JSON: \n or \u003c
		switch {
		case strings.HasPrefix(word, "u003c") || strings.HasPrefix(word, "u0022"):
			from += len("u003c")
		case word != "" && strings.IndexByte("nrtbf", word[0]) >= 0:
			from++
		}
	}
	// "sasl_username=user@example.com" has a key before it, "bounce-7=user@example.com" has none.
	if key, _, ok := strings.Cut(s[from:i], "="); ok && isKey(key) {
		from += len(key) + 1
	}
	for from < i && isLead(s[from]) {
		from++
	}
	m.cut(from, i)
}

// isKey reports whether a word before an equals sign is the name of a field, not the start of a local part as it is in
// addresses that hold another address.
func isKey(s string) bool {
	switch s {
	case "to", "from", "orig_to", "rcpt", "rcptto", "mailfrom", "sender", "recipient", "user", "username", "sasl_username",
		"sasl_sender", "ctladdr", "msgid", "message-id", "resent-message-id", "id", "address", "addr", "arg1", "email", "mail",
		"login", "relay", "uid", "client", "authid", "header.from", "header.i", "smtp.mailfrom", "smtp.auth", "F", "A", "U",
		"MSG", "tempfail", "P", "T", "orig", "result", "LED", "nrcpts", "s", "r", "reject", "stat":
		return true
	}
	return false
}

// isLead reports whether c, at the head of a word, is punctuation around an address and not its first letter.
func isLead(c byte) bool { return strings.IndexByte("'`*/{|=?&", c) >= 0 }

// isAtom holds the bytes of local parts that are not quoted (RFC 5321, RFC 6531).
var isAtom = atoms("!#$%&'*+-/=?^_`{|}~.")

// isURLAtom holds those of addresses in URLs.
var isURLAtom = atoms("!$'*+-_~.%")

func atoms(punctuation string) (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = b-'0' <= 9 || b|0x20-'a' <= 25 || b >= 0x80
	}
	for _, c := range []byte(punctuation) {
		t[c] = true
	}
	return t
}
