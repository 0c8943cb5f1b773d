package envelope

import "bytes"

// isDocuments reports whether head starts a file of JSON that is not one object a line.
func isDocuments(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
	if len(head) < 2 {
		return false
	}
	switch head[0] {
	case '[':
		return isArray(head)
	case '{':
		return isDocument(head)
	}
	return false
}

// isArray tells arrays of records, or of lines, from the kernel's stamps, log prefixes, and lines that are an array each.
func isArray(head []byte) bool {
	rest := bytes.TrimLeft(head[1:], " \t\r\n")
	if len(rest) == 0 {
		return false
	}
	switch rest[0] {
	case '{':
		return true
	case '[':
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
		return len(rest) > 0 && (rest[0] == '"' || rest[0]-'0' <= 9) && bytes.IndexByte(rest, '{') > 0
	}
	return rest[0] == '"' && opensStrings(head)
}

// opensStrings reports whether an array starts with two strings, or has one: Fluentd's, that start with the tag, do not.
func opensStrings(head []byte) bool {
	rest := bytes.TrimLeft(head[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '"' {
		return false
	}
	n := textEnd(rest)
	if n < 0 {
		return false
	}
	if rest = bytes.TrimLeft(rest[n:], " \t\r\n"); len(rest) > 0 && rest[0] == ',' {
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	}
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == ']')
}

// textEnd returns the length of the string that text starts with, -1 if it does not end.
func textEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// isDocument reports whether the object that head starts with holds records, or has line ends in it, or another one behind
// it in its line.
func isDocument(head []byte) bool {
	depth, line := 0, false
	for i := 0; i < len(head); i++ {
		switch c := head[i]; c {
		case '"':
			n := textEnd(head[i:])
			if n < 0 {
				return false
			}
			if depth == 1 {
				if !line && holdsRecords(head[i:]) {
					return true
				}
				key, _ := member(head[i:])
				line = line || lineKeys[string(key)]
			}
			if bytes.IndexByte(head[i:i+n], '\n') >= 0 {
				return false // a line that is cut
			}
			i += n - 1
		case '\n':
			return goesOn(head[i:])
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth > 0 {
				continue
			}
			rest := bytes.TrimLeft(head[i+1:], " \t\r,")
			return len(rest) > 0 && rest[0] == '{'
		}
	}
	return false
}

// goesOn reports whether what follows a line end belongs to the object before it: another document does not.
func goesOn(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '}' || rest[0] == ',' || rest[0] == ':')
}

// member returns the key that text starts with, quoted, and what is behind its colon; nil if it is no key.
func member(text []byte) (key, value []byte) {
	n := textEnd(text)
	if n < 0 {
		return nil, nil
	}
	rest := bytes.TrimLeft(text[n:], " \t")
	if len(rest) == 0 || rest[0] != ':' {
		return nil, nil
	}
	return text[:n], bytes.TrimLeft(rest[1:], " \t")
}

// holdsRecords reports whether text starts with a member that holds records.
func holdsRecords(text []byte) bool {
	key, value := member(text)
	if len(value) < 2 {
		return false
	}
	inside := bytes.TrimLeft(value[1:], " \t\r\n")
	if len(inside) == 0 {
		return false
	}
	switch {
	case value[0] == '[' && string(key) == `"values"`:
		return inside[0] == '['
	case value[0] == '[' && recordKeys[string(key)]:
		return inside[0] == '{' || isRows(key, inside)
	case value[0] == '[' && string(key) == `"data"`:
		return isDatadog(inside)
	case value[0] == '{' && string(key) == `"hits"`:
		return true
	case value[0] == '{' && string(key) == `"data"`:
		return bytes.HasPrefix(inside, []byte(`"result`))
	}
	return false
}
