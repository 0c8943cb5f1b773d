package event

import (
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends e as one JSON object, keys in the order of design.md §3, absent values left out.
// Bytes that are not UTF-8 become U+FFFD.
func (e *Entry) AppendJSON(dst []byte) []byte {
	if e.Delivery != nil {
		return e.appendDelivery(dst)
	}
	w := objectWriter{append(dst, '{')}
	w.head(e)
	w.text("action", e.Action.String())
	w.text("verdict_source", e.Verdict.String())
	w.text("direction", e.Direction.String())
	if e.Is(HasProto) {
		w.text("proto", ProtoName(e.Proto))
		w.number("proto_num", int64(e.Proto))
	}
	w.addr("src_ip", e.Src)
	w.optional("src_port", uint32(e.SrcPort), e.Is(HasSrcPort))
	w.addr("dst_ip", e.Dst)
	w.optional("dst_port", uint32(e.DstPort), e.Is(HasDstPort))
	if e.Is(HasTCPFlags) {
		w.key("tcp_flags")
		w.b = append(w.b, '[')
		for i, n := range e.TCPFlags.Names(make([]string, 0, 8)) {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = AppendQuoted(w.b, n)
		}
		w.b = append(w.b, ']')
	}
	w.optional("icmp_type", uint32(e.ICMPType), e.Is(HasICMPType))
	w.optional("icmp_code", uint32(e.ICMPCode), e.Is(HasICMPCode))
	w.optional("length", e.Length, e.Is(HasLength))
	w.optional("ttl", uint32(e.TTL), e.Is(HasTTL))
	w.optional("mark", e.Mark, e.Is(HasMark))
	w.optional("uid", e.UID, e.Is(HasUID))
	w.optional("pid", e.PID, e.Is(HasPID))
	w.text("process", e.Process)
	w.text("iface_in", e.IfaceIn)
	w.text("iface_out", e.IfaceOut)
	w.text("rule", e.Rule)
	w.text("ruleset", e.Ruleset)
	w.text("reason", e.Reason)
	w.tail(e)
	return append(w.b, '}')
}

type objectWriter struct{ b []byte }

// head writes what all lines have first.
func (w *objectWriter) head(e *Entry) {
	if e.TimeQuality != TimeNone {
		w.time("time", e.Time, e.TimeDigits)
		w.text("time_quality", e.TimeQuality.String())
	}
	if e.Received != 0 {
		w.time("received", e.Received, 9)
	}
	w.text("host", e.Host)
	w.text("agent", e.Agent)
	w.text("format", e.Format.String())
}

// tail writes what all lines have last.
func (w *objectWriter) tail(e *Entry) {
	w.optional("count", e.Count, e.Count > 1)
	w.text("source", e.Source)
	w.number("pos", e.Pos)
	w.key("raw")
	w.b = AppendQuoted(w.b, e.Raw)
	w.text("note", e.Note)
	w.text("error", e.Error)
}

func (w *objectWriter) key(k string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

func (w *objectWriter) text(k, v string) {
	if v != "" {
		w.key(k)
		w.b = AppendQuoted(w.b, v)
	}
}

func (w *objectWriter) number(k string, v int64) {
	w.key(k)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *objectWriter) optional(k string, v uint32, has bool) {
	if has {
		w.number(k, int64(v))
	}
}

func (w *objectWriter) addr(k string, a netip.Addr) {
	if a.IsValid() {
		w.key(k)
		w.b = append(w.b, '"')
		w.b = a.AppendTo(w.b)
		w.b = append(w.b, '"')
	}
}

func (w *objectWriter) time(k string, ns int64, digits uint8) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = AppendTime(w.b, ns, digits)
	w.b = append(w.b, '"')
}

// AppendTime appends ns, nanoseconds since 1970 UTC, as RFC 3339 UTC with the given number of fraction digits.
func AppendTime(dst []byte, ns int64, digits uint8) []byte {
	layouts := [...]string{
		"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.0Z", "2006-01-02T15:04:05.00Z", "2006-01-02T15:04:05.000Z",
		"2006-01-02T15:04:05.0000Z", "2006-01-02T15:04:05.00000Z", "2006-01-02T15:04:05.000000Z",
		"2006-01-02T15:04:05.0000000Z", "2006-01-02T15:04:05.00000000Z", "2006-01-02T15:04:05.000000000Z",
	}
	return time.Unix(0, ns).UTC().AppendFormat(dst, layouts[min(digits, 9)])
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string. Control characters are escaped, bytes that are not UTF-8 become U+FFFD,
// and the separators U+2028 and U+2029, which break JavaScript, are escaped too.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < 0x7f {
			i++
			continue
		}
		size, escaped := 1, ""
		switch {
		case c == '"':
			escaped = `\"`
		case c == '\\':
			escaped = `\\`
		case c == '\n':
			escaped = `\n`
		case c == '\r':
			escaped = `\r`
		case c == '\t':
			escaped = `\t`
		case c < ' ' || c == 0x7f:
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
			start = i
			continue
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				escaped = `\ufffd`
			case r == '\u2028':
				escaped = `\u2028`
			case r == '\u2029':
				escaped = `\u2029`
			default:
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = append(dst, escaped...)
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
