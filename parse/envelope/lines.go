package envelope

import (
	"strings"

	"mailstop/internal/jsonscan"
	"mailstop/parse"
)

// fluent reads the array of Fluentd's forward protocol, [tag, time, record] or [time, record].
func (u *unwrapper) fluent(text string, r *parse.Record) (string, bool) {
	if end := strings.TrimRight(text, " "); !strings.HasSuffix(end, "}]") && !strings.HasSuffix(end, "} ]") {
		return text, false
	}
	var parts [3]jsonscan.Value
	n := 0
	whole := jsonscan.Value{Kind: jsonscan.List, Raw: text}.Elements(func(v jsonscan.Value) bool {
		if n < len(parts) {
			parts[n] = v
		}
		n++
		return n <= len(parts)
	})
	if !whole || n < 2 || n > 3 || parts[n-1].Kind != jsonscan.Object {
		return text, false
	}
	if n == 3 && parts[0].Kind != jsonscan.Text {
		return text, false
	}
	at := parts[n-2]
	if at.Kind == jsonscan.List { // with metadata, since Fluent Bit 2.1: [[time, {}], record]
		at = at.First()
	}
	if st, ok := u.when(at); ok && st.instant {
		return u.record(st, parts[n-1].Raw, r), true
	}
	return parts[n-1].Raw, true
}

// record returns what Fluentd has written with a time, which is that of the event if Fluentd has parsed the line: the
// record tells.
func (u *unwrapper) record(st moment, text string, r *parse.Record) string {
	u.tagTime, u.inner, u.got = st, text, r.Received
	st.receive(r)
	return text
}

// tagged reads what Fluent Bit writes to files, "tag: [time, record]".
//
// https://docs.fluentbit.io/manual/pipeline/outputs/file
func (u *unwrapper) tagged(text string, r *parse.Record) (string, bool) {
	i := strings.Index(text[:min(len(text), 256)], ": [")
	if i <= 0 || strings.IndexByte(text[:i], ' ') >= 0 {
		return text, false
	}
	list := text[i+len(": "):]
	if list[1] != '[' && list[1]-'0' > 9 {
		return text, false
	}
	if body, ok := u.fluent(list, r); ok {
		return body, true
	}
	return text, false
}

// spaced reads what Fluentd prints, "2026-01-05 09:11:13.004123000 +0000 tag: record", and Loki's command line client,
// "TIME {labels} line". The time ends at i.
func (u *unwrapper) spaced(text string, i int, r *parse.Record) (string, bool) {
	rest := text[i+1:]
	if rest[0] == '{' && text[10] == 'T' {
		if line, ok := u.labelled(text[:i], rest, r); ok {
			return line, true
		}
		return text, false
	}
	if rest[0] != '+' && rest[0] != '-' || len(rest) < len("+0000 t: {}") || rest[5] != ' ' || text[10] != ' ' {
		return text, false
	}
	tag := strings.Index(rest, ": {")
	if tag < 0 || strings.IndexByte(rest[6:tag], ' ') >= 0 {
		return text, false
	}
	st, ok := u.when(jsonscan.Value{Kind: jsonscan.Text, Raw: text[:i+len(" +0000")]})
	if !ok || !st.instant {
		return text, false
	}
	return u.record(st, rest[tag+len(": "):], r), true
}

// labelled reads labels, {host="mx1", job="kern"}, and returns the line behind them.
func (u *unwrapper) labelled(at, labels string, r *parse.Record) (string, bool) {
	host, n := labelHost(labels)
	if n == 0 || n == len(labels) || labels[n] != ' ' {
		return "", false
	}
	st, ok := u.when(jsonscan.Value{Kind: jsonscan.Text, Raw: at})
	if !ok || !st.instant {
		return "", false
	}
	st.write(r, false)
	if host != "" {
		r.Host = host
	}
	return strings.TrimLeft(labels[n:], " "), true
}

// labelHost returns the host that labels name, and their length: 0 if text does not start with labels.
func labelHost(text string) (host string, n int) {
	for n = 1; n < len(text); {
		if text[n] == '}' {
			return host, n + 1
		}
		from := n
		for n < len(text) && isNameByte(text[n]) {
			n++
		}
		key := text[from:n]
		if key == "" || !strings.HasPrefix(text[n:], `="`) {
			return "", 0
		}
		end, _ := jsonscan.StringEnd(text, n+2)
		if end < 0 {
			return "", 0
		}
		switch key {
		case "host", "hostname", "nodename", "node_name", "instance":
			if host == "" {
				host = text[n+2 : end]
			}
		}
		if n = end + 1; strings.HasPrefix(text[n:], ", ") {
			n += len(", ")
		}
	}
	return "", 0
}
