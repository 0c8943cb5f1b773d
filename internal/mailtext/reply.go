package mailtext

// Reply returns the first SMTP reply code in a text, with the enhanced status code behind it: 450 and "4.7.1" of
// "host mx.example.com[192.0.2.1] said: 450 4.7.1 Try again later". Zero and "" mean that there is none. A code stands at
// the head of the text or where a mail server quotes another one, and a space, a hyphen or the end follows it: other
// numbers are not taken for codes.
func Reply(text string) (code uint16, dsn string) {
	for i := 0; i+3 <= len(text); i++ {
		if d := text[i]; d < '2' || d > '5' || !isReply(text, i) {
			continue
		}
		code = uint16(text[i]-'0')*100 + uint16(text[i+1]-'0')*10 + uint16(text[i+2]-'0')
		if len(text) > i+4 {
			dsn = EnhancedCode(text[i+4:])
		}
		return code, dsn
	}
	return 0, ""
}

// isReply reports whether a reply code is at i.
func isReply(s string, i int) bool {
	if len(s)-i < 3 || s[i]-'2' > 3 || s[i+1]-'0' > 5 || s[i+2]-'0' > 9 {
		return false
	}
	if len(s)-i > 3 && s[i+3] != ' ' && s[i+3] != '-' && s[i+3] != '"' && s[i+3] != ')' {
		return false
	}
	if i == 0 {
		return true
	}
	switch s[i-1] {
	case '(', '=', '"', ';', '\'':
		return true
	case ' ':
		return i == 1 || s[i-2] == ':' || s[i-2] == '>' && i > 2 && s[i-3] == '-'
	}
	return false
}

// EnhancedCode returns the enhanced status code (RFC 3463) that s starts with, or "".
func EnhancedCode(s string) string {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' || s[1] != '.' {
		return ""
	}
	i := digits(s, 2)
	if i == 2 || i >= len(s) || s[i] != '.' {
		return ""
	}
	end := digits(s, i+1)
	if end == i+1 || end < len(s) && (s[end] == '.' || isAtom[s[end]] && s[end] != '-') {
		return ""
	}
	return s[:end]
}

// digits returns the index behind up to three digits at s[i:].
func digits(s string, i int) int {
	from := i
	for i < len(s) && i < from+3 && s[i]-'0' <= 9 {
		i++
	}
	return i
}
