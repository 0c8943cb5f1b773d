package event

import (
	"net/netip"
	"strconv"
	"time"
)

// A Delivery is what a line of a mail server's log says of bringing mail to another host. Its time, host and mail server
// are those of the entry that carries it. Absent is the zero value. Its strings are views, as the entry's are.
//
// Local parts of addresses are not kept: they are taken out of Reason, too.
type Delivery struct {
	QueueID    string
	RemoteHost string
	RcptDomain string // of the recipient, the first if there are several, lower case
	DSN        string // enhanced status code: "4.4.1"
	Reason     string // in the mail server's words
	RemoteIP   netip.Addr
	Delay      time.Duration // since the message arrived; HasDelay says that it is known
	// Before is how long before the line's time the try to connect may have begun: log lines come at its end.
	Before      time.Duration
	RemotePort  uint16
	SMTPCode    uint16 // reply code: 550
	Recipients  uint16 // how many the line is about, if more than one
	Status      DeliveryStatus
	ReasonClass ReasonClass
	HasDelay    bool
	// PortAssumed says that the log does not tell the port, and RemotePort is the usual one.
	PortAssumed bool
}

// DeliveryStatus is what became of a message, or of one try to deliver it.
type DeliveryStatus uint8

// The statuses.
const (
	StatusNone DeliveryStatus = iota // the line does not say: it is of another step
	Sent
	Deferred
	Bounced
)

var statusNames = [...]string{"", "sent", "deferred", "bounced"}

func (s DeliveryStatus) String() string { return statusNames[s] }

// DeliveryStatuses returns every status, in order; the first is empty.
func DeliveryStatuses() []DeliveryStatus { return words[DeliveryStatus](len(statusNames)) }

// ReasonClass says on which level a delivery failed.
type ReasonClass uint8

// The classes. Denied is EPERM or EACCES on connecting: a firewall on the mail host itself. Suspended means that no try
// was made, for the sake of an earlier failure.
const (
	ReasonNone ReasonClass = iota
	ReasonTimeout
	ReasonRefused
	ReasonUnreachable
	ReasonDenied
	ReasonReset
	ReasonTLS
	ReasonDNS
	ReasonPolicy
	ReasonSuspended
	ReasonOther
)

var reasonClassNames = [...]string{
	"", "timeout", "refused", "unreachable", "denied", "reset", "tls", "dns", "policy", "suspended", "other",
}

func (c ReasonClass) String() string { return reasonClassNames[c] }

// ReasonClasses returns every class, in order; the first is empty.
func ReasonClasses() []ReasonClass { return words[ReasonClass](len(reasonClassNames)) }

// Deliveries hands out deliveries for parsers: one allocation for many.
type Deliveries struct{ free []Delivery }

// New returns an empty delivery.
func (d *Deliveries) New() *Delivery {
	if len(d.free) == 0 {
		d.free = make([]Delivery, 64)
	}
	next := &d.free[0]
	d.free = d.free[1:]
	return next
}

// appendDelivery appends e, a line of a mail server, as one JSON object, keys in the order of design.md §3.
func (e *Entry) appendDelivery(dst []byte) []byte {
	d := e.Delivery
	w := objectWriter{append(dst, '{')}
	w.head(e)
	w.text("mta", e.Format.String())
	w.optional("pid", e.PID, e.Is(HasPID))
	w.text("process", e.Process)
	w.text("queue_id", d.QueueID)
	w.text("status", d.Status.String())
	w.text("remote_host", d.RemoteHost)
	w.addr("remote_ip", d.RemoteIP)
	w.optional("remote_port", uint32(d.RemotePort), d.RemotePort != 0)
	w.text("rcpt_domain", d.RcptDomain)
	w.optional("recipients", uint32(d.Recipients), d.Recipients > 1)
	w.text("dsn", d.DSN)
	w.optional("smtp_code", uint32(d.SMTPCode), d.SMTPCode != 0)
	if d.HasDelay {
		w.key("delay")
		w.b = strconv.AppendFloat(w.b, d.Delay.Seconds(), 'f', -1, 64)
	}
	w.text("reason", d.Reason)
	w.text("reason_class", d.ReasonClass.String())
	w.tail(e)
	return append(w.b, '}')
}
