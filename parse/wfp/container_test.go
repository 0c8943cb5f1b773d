package wfp

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mailstop/event"
)

const (
	blockedText = `The Windows Filtering Platform has blocked a connection.

Application Information:
	Process ID:		11188
	Application Name:	\device\harddiskvolume2\mail\edge.exe

Network Information:
	Direction:		Outbound
	Source Address:		192.0.2.25
	Source Port:		61005
	Destination Address:	203.0.113.19
	Destination Port:		25
	Protocol:		6

Filter Information:
	Filter Run-Time ID:	110398
	Layer Name:		Connect
	Layer Run-Time ID:	48
`
	bindText = `The Windows Filtering Platform has permitted a bind to a local port.

Application Information:
	Process ID:		4
	Application Name:	System

Network Information:
	Source Address:		::
	Source Port:		25
	Protocol:		6

Filter Information:
	Filter Run-Time ID:	0
	Layer Name:		Resource Assignment
	Layer Run-Time ID:	38
`
	logonText = "An account was successfully logged on.\n\nSubject:\n\tSecurity ID:\t\tS-1-0-0\n\nNetwork Information:\n\tSource Port:\t\t25\n"
)

// indent indents all lines but the first, as listings do.
func indent(s, by string) string {
	return strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n"+by) + "\n"
}

var texts = []struct {
	name, in string
	want     []string // of each event: its number in a note, or action, host and time
}{
	{"texts alone", blockedText + "\n" + bindText + "\n" + blockedText, []string{"deny", "a bound port, no packet", "deny"}},
	{"no blank lines", blockedText + bindText, []string{"deny", "a bound port, no packet"}},
	{
		"Format-List", "\n\nTimeCreated  : 1/15/2026 10:11:12 AM\nProviderName : Microsoft-Windows-Security-Auditing\nId           : 5157\nMessage      : " +
			indent(blockedText, "               ") + "\nTimeCreated  : 1/15/2026 10:11:13 AM\nProviderName : Microsoft-Windows-Security-Auditing\nId           : 4624\nMessage      : " +
			indent(logonText, "               ") + "\nTimeCreated  : 1/15/2026 10:11:14 AM\nProviderName : Microsoft-Windows-Security-Auditing\nId           : 5158\nMessage      : " +
			indent(bindText, "               ") + "\n\n",
		[]string{"deny 2026-01-15T10:11:12Z", "Windows event 4624 2026-01-15T10:11:13Z", "a bound port, no packet 2026-01-15T10:11:14Z"},
	},
	{
		"Format-List *", "Message              : " + indent(blockedText, "                       ") + "Id                   : 5157\nVersion              : 1\nProviderName         : Microsoft-Windows-Security-Auditing\nLogName              : Security\nProcessId            : 4\nMachineName          : mx1.example.net\nTimeCreated          : 15.01.2026 10:11:12\nProperties           : {System.Diagnostics.Eventing.Reader.EventProperty}\n\n" +
			"Message              : " + indent(bindText, "                       ") + "Id                   : 5158\nProviderName         : Microsoft-Windows-Security-Auditing\nMachineName          : mx2.example.net\nTimeCreated          : 15.01.2026 10:11:13\n",
		[]string{"deny mx1.example.net 2026-01-15T10:11:12Z", "a bound port, no packet mx2.example.net 2026-01-15T10:11:13Z"},
	},
	{
		"wevtutil", "Event[0]:\n  Log Name: Security\n  Source: Microsoft-Windows-Security-Auditing\n  Date: 2026-01-05T10:11:12.345\n  Event ID: 5157\n  Task: Filtering Platform Connection\n  Level: Information\n  Computer: mx1.example.net\n  Description: \n" + blockedText +
			"\nEvent[1]\n  Log Name: Security\n  Source: Microsoft-Windows-Security-Auditing\n  Date: 2026-01-05T10:11:13.0000000Z\n  Event ID: 4624\n  Computer: mx1.example.net\n  Description: \n" + logonText,
		[]string{"deny mx1.example.net 2026-01-05T10:11:12Z", "Windows event 4624 mx1.example.net 2026-01-05T10:11:13Z"},
	},
	{
		"Event Viewer", "Log Name:      Security\nSource:        Microsoft-Windows-Security-Auditing\nDate:          05.01.2026 10:11:12\nEvent ID:      5157\nTask Category: Filtering Platform Connection\nLevel:         Information\nKeywords:      Audit Failure\nUser:          N/A\nComputer:      mx1.example.net\nDescription:\n" + blockedText +
			"Event Xml:\n<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\">\n  <System>\n    <EventID>5157</EventID>\n  </System>\n</Event>\n" +
			"Log Name:      Security\nSource:        Microsoft-Windows-Security-Auditing\nDate:          05.01.2026 10:11:13\nEvent ID:      5158\nComputer:      mx1.example.net\nDescription:\n" + bindText,
		[]string{"deny mx1.example.net 2026-01-05T10:11:12Z", "a bound port, no packet mx1.example.net 2026-01-05T10:11:13Z"},
	},
	{
		"Splunk", "01/25/2026 10:11:12 AM\nLogName=Security\nSourceName=Microsoft Windows security auditing.\nEventCode=5157\nEventType=0\nType=Information\nComputerName=mx1.example.net\nTaskCategory=Filtering Platform Connection\nOpCode=Info\nRecordNumber=4711\nKeywords=Audit Failure\nMessage=" + blockedText +
			"\n01/25/2026 10:11:13 PM\nLogName=Security\nEventCode=4624\nComputerName=mx1.example.net\nMessage=" + logonText,
		[]string{"deny mx1.example.net 2026-01-25T10:11:12Z", "Windows event 4624 mx1.example.net 2026-01-25T22:11:13Z"},
	},
	{
		"CSV", "Keywords,Date and Time,Source,Event ID,Task Category\nAudit Failure,1/15/2026 10:11:12 AM,Microsoft-Windows-Security-Auditing,5157,Filtering Platform Connection,\"" + blockedText + "\"\n" +
			"Audit Success,1/15/2026 10:11:13 AM,Microsoft-Windows-Security-Auditing,5158,Filtering Platform Connection,\"" + bindText + "\"\n",
		[]string{"none", "deny 2026-01-15T10:11:12Z", "a bound port, no packet 2026-01-15T10:11:13Z"},
	},
	{
		"text with tabs", "Audit Failure\t1/15/2026 10:11:12 AM\tMicrosoft-Windows-Security-Auditing\t5157\tFiltering Platform Connection\t\"" + blockedText + "\"\n" +
			"Audit Success\t1/15/2026 10:11:13 AM\tMicrosoft-Windows-Security-Auditing\t4624\tLogon\t\"" + logonText + "\"\n" +
			"Audit Success\t1/15/2026 10:11:14 AM\tMicrosoft-Windows-Security-Auditing\t5158\tFiltering Platform Connection\t\"" + strings.TrimSuffix(bindText, "\n") + "\"\n",
		[]string{"deny 2026-01-15T10:11:12Z", "Windows event 4624 2026-01-15T10:11:13Z", "a bound port, no packet 2026-01-15T10:11:14Z"},
	},
	{
		"Export-Csv", "\uFEFF" + `"Message","Id","Version","Qualifiers","Level","Task","Opcode","Keywords","RecordId","ProviderName","ProviderId","LogName","ProcessId","ThreadId","MachineName","UserId","TimeCreated"` +
			"\n\"" + blockedText + `","5157","1",,"0","12810","0","-9218868437227405312","4711","Microsoft-Windows-Security-Auditing","54849625-5478-4994-a5ba-3e3b0328c30d","Security","4","4520","mx1.example.net",,"1/15/2026 10:11:12 AM"` +
			"\n\"" + bindText + `","5158","0",,"0","12810","0","-9214364837600034816","4712","Microsoft-Windows-Security-Auditing","54849625-5478-4994-a5ba-3e3b0328c30d","Security","4","4520","mx2.example.net",,"1/15/2026 10:11:13 AM"` + "\n",
		[]string{"none", "deny mx1.example.net 2026-01-15T10:11:12Z", "a bound port, no packet mx2.example.net 2026-01-15T10:11:13Z"},
	},
	{
		"Export-Csv, some columns", "#TYPE Selected.System.Diagnostics.Eventing.Reader.EventLogRecord\n\"TimeCreated\";\"Id\";\"Message\"\n\"15.01.2026 10:11:12\";\"5157\";\"" +
			strings.TrimSuffix(blockedText, "\n") + "\"\n\"15.01.2026 10:11:13\";\"5158\";\"" + strings.TrimSuffix(bindText, "\n") + "\"\n",
		[]string{"none", "none", "deny 2026-01-15T10:11:12Z", "a bound port, no packet 2026-01-15T10:11:13Z"},
	},
}

func TestTextContainer(t *testing.T) {
	c := TextContainer()
	for _, tt := range texts {
		for _, eol := range []string{"\n", "\r\n"} {
			in := strings.ReplaceAll(tt.in, "\n", eol)
			t.Run(tt.name, func(t *testing.T) {
				if !c.Match([]byte(in[:min(len(in), 4096)])) {
					t.Error("not recognised")
				}
				out, err := io.ReadAll(c.Lines(iotest.OneByteReader(strings.NewReader(in))))
				if err != nil {
					t.Fatal(err)
				}
				if again, err := io.ReadAll(c.Lines(strings.NewReader(in))); err != nil || string(again) != string(out) {
					t.Errorf("read in one go: %v\n%s", err, again)
				}
				lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
				if len(lines) != len(tt.want) || !strings.HasSuffix(string(out), "\n") {
					t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tt.want), out)
				}
				s := session()
				for i, line := range lines {
					var e event.Entry
					s.Parse(line, &e)
					if got := summary(&e); got != tt.want[i] {
						t.Errorf("event %d is %q, want %q: %s\n%s", i+1, got, tt.want[i], e.Error, line)
					}
					if e.Action == event.Deny && (e.Src.String() != "192.0.2.25" || e.DstPort != 25 || e.PID != 11188 ||
						e.Process != `\device\harddiskvolume2\mail\edge.exe` || e.Rule != "110398" || e.Reason != "Connect" || e.Direction != event.Out || e.Error != "") {
						t.Errorf("event %d: %+v\n%s", i+1, e, line)
					}
				}
			})
		}
	}
}

func summary(e *event.Entry) string {
	out := e.Note
	switch {
	case e.Format != event.WFP:
		return "none"
	case out == "":
		out = e.Action.String()
	}
	if e.Host != "" {
		out += " " + e.Host
	}
	if !e.When().IsZero() {
		out += " " + e.When().Format("2006-01-02T15:04:05Z")
	}
	return out
}

func TestTextContainerMatch(t *testing.T) {
	c := TextContainer()
	for head, want := range map[string]bool{
		"x": false, "\n": false,
		"{\"message\":\"The Windows Filtering Platform has blocked a packet.\\r\\n\\r\\nApplication Information:\"}\n": false,
		"<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\">\n<System>\n":                          false,
		"Jan  5 10:11:12 mx1 x: The Windows Filtering Platform has blocked a packet.  Application Information:  P\n":   false,
		"The Windows Filtering Platform has blocked a packet.  Application Information:  Process ID:  4\n":             false,
		"The Windows Filtering Platform has blocked a packet.\nThe Windows Filtering Platform has blocked a packet.":   false,
		"2026-01-05 10:11:12 DROP TCP 203.0.113.9 192.0.2.25 51234 25 52 S 1 0 8192 - - - RECEIVE 4\n":                 false,
		"Jan  5 10:11:12 mx1 kernel: [UFW BLOCK] IN=eth0 OUT=\n":                                                       false,
		"01/05/2026 10:11:12 AM\nsome other program's log\n":                                                           false,
		"Name : something\nOther : thing\n":                                                                            false,
		"\uFEFF\r\n\r\nTimeCreated  : 1/5/2026 10:11:12 AM\r\nProviderName : x\r\n":                                    true,
		"\nThe Windows Filtering Platform has blocked a packet.\r\n\r\nApplication Information:\r\n":                   true,
	} {
		if got := c.Match([]byte(head)); got != want {
			t.Errorf("Match(%q) = %t, want %t", head, got, want)
		}
	}
}

// Memory is bounded whatever the input; what can be read before an error is read.
func TestTextContainerBounds(t *testing.T) {
	long := "The Windows Filtering Platform has blocked a packet.\n" + strings.Repeat("x", 3<<20) + "\n" + strings.Repeat("y y\n", 1<<20) + blockedText
	out, err := io.ReadAll(TextContainer().Lines(strings.NewReader(long)))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(out), "\n")
	if len(lines) != 3 || len(lines[0]) > maxRecord+100 || !strings.HasPrefix(lines[1], "The Windows") {
		t.Errorf("%d lines, the first of %d bytes", len(lines), len(lines[0]))
	}
	broken := io.MultiReader(strings.NewReader(blockedText), iotest.ErrReader(io.ErrUnexpectedEOF))
	out, err = io.ReadAll(TextContainer().Lines(broken))
	if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%q, %v", out, err)
	}
}

func FuzzTextContainer(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := TextContainer()
		if len(in) > 0 {
			c.Match(in[:min(len(in), 4096)])
		}
		out, err := io.ReadAll(c.Lines(iotest.HalfReader(strings.NewReader(string(in)))))
		if err != nil || len(out) > 2*len(in)+2 || len(out) > 0 && out[len(out)-1] != '\n' {
			t.Fatalf("%q became %q, %v", in, out, err)
		}
	})
}
