package exchange

import "strings"

// A row holds the fields of a line: views, without the quotes around them. A quote within one is doubled, and stays so.
type row struct {
	field [64]string
	n     int
}

// split reads a line of comma-separated values.
func (r *row) split(s string) {
	r.n = 0
	for r.n < len(r.field) {
		var value string
		var more bool
		if s != "" && s[0] == '"' {
			value, s, more = quoted(s)
		} else {
			value, s, more = strings.Cut(s, ",")
		}
		r.field[r.n] = value
		r.n++
		if !more {
			break
		}
	}
}

func quoted(s string) (value, rest string, more bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		_, rest, more = strings.Cut(s[i+1:], ",")
		return s[1:i], rest, more
	}
	return s[1:], "", false // cut
}

// at returns a field, or "" if the log has no such column.
func (r *row) at(column int8) string {
	if column <= 0 || int(column) >= r.n {
		return ""
	}
	return r.field[column]
}

// The logs.
type logKind uint8

const (
	noLog logKind = iota
	protocolLog
	connectivityLog
	trackingLog
)

// The columns that are read; the time is the first.
const (
	connector = iota
	session
	local
	remote
	action // "event" of the protocol logs, "direction" of connectivity logs, "event-id" of message tracking
	data   // "description" of connectivity logs, "recipient-status" of message tracking
	context
	source
	destination
	clientIP
	clientHost
	serverIP
	serverHost
	message
	recipients
	count
	numColumns
)

// A layout says where the columns of a log are; 0 stands for a column that it does not have.
type layout struct {
	column             [numColumns]int8
	log                logKind
	sending, receiving bool // whether it is the log of a connector that sends, if that is known
}

// names are the columns' names by log.
var names = map[logKind]map[string]int{
	protocolLog: {
		"connector-id": connector, "session-id": session, "local-endpoint": local, "remote-endpoint": remote, "event": action,
		"data": data, "context": context,
	},
	connectivityLog: {"session": session, "source": source, "destination": destination, "direction": action, "description": data},
	trackingLog: {
		"client-ip": clientIP, "client-hostname": clientHost, "server-ip": serverIP, "server-hostname": serverHost,
		"source": source, "event-id": action, "internal-message-id": message, "recipient-address": recipients,
		"recipient-status": data, "recipient-count": count, "connector-id": connector,
	},
}

// The columns where no header tells: those of Exchange 2007 to 2019, which has more behind them, and in message tracking an
// id of the message more since 2013.
var usual = [...]layout{
	columns("date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"),
	columns("date-time,session,source,destination,direction,description"),
	columns("date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id," +
		"internal-message-id,message-id,recipient-address,recipient-status,total-bytes,recipient-count"),
	columns("date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id," +
		"internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count"),
}

// columns reads the names of columns. A log that is not known has no layout.
func columns(list string) (l layout) {
	fields := strings.Split(strings.ToLower(list), ",")
	if fields[0] != "date-time" && fields[0] != "datetime" || len(fields) > len(row{}.field) {
		return l
	}
	has := func(name string) bool { return strings.Contains(strings.ToLower(list)+",", ","+name+",") }
	switch {
	case has("remote-endpoint") && has("event") && has("session-id"):
		l.log = protocolLog
	case has("description") && has("direction") && has("session"):
		l.log = connectivityLog
	case has("event-id") && has("recipient-status"):
		l.log = trackingLog
	default:
		return l
	}
	for i, name := range fields {
		if column, ok := names[l.log][strings.TrimSpace(name)]; ok {
			l.column[column] = int8(i)
		}
	}
	return l
}

// layout returns that of a row, or nil: what the header lines told if the row has the shape of it, else the usual one that
// fits.
func (p *parser) layout(r *row) *layout {
	if p.told.fits(r) {
		return &p.told
	}
	for i := range usual {
		if usual[i].fits(r) {
			return &usual[i]
		}
	}
	return nil
}

// fits reports whether a row has the shape of a log: what stands in the column of the event tells them apart.
func (l *layout) fits(r *row) bool {
	what := r.at(l.column[action])
	switch l.log {
	case protocolLog:
		return len(what) == 1 && strings.IndexByte("*+-<>", what[0]) >= 0 && isHex(r.at(l.column[session])) && r.n >= 8
	case connectivityLog:
		return len(what) == 1 && strings.IndexByte("*+-<>", what[0]) >= 0 && isHex(r.at(l.column[session])) && r.n == 6
	case trackingLog:
		to := r.at(l.column[recipients])
		return isWord(what) && isWord(r.at(l.column[source])) && r.n >= 12 && (to == "" || strings.IndexByte(to, '@') >= 0)
	}
	return false
}

// isHex reports whether s is the id of a session: 16 hexadecimal digits, also with more behind a separator.
func isHex(s string) bool {
	if len(s) < 8 {
		return false
	}
	for i := range min(len(s), 16) {
		if c := s[i]; c-'0' > 9 && c|0x20-'a' > 5 {
			return false
		}
	}
	return true
}

// isWord reports whether s is in capital letters, as sources and events of message tracking are.
func isWord(s string) bool {
	for i := range len(s) {
		if s[i]-'A' > 25 {
			return false
		}
	}
	return len(s) >= 3
}
