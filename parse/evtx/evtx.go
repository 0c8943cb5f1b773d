// Package evtx reads binary Windows event logs, one chunk of 64 KiB at a time, and gives each record as a line of XML. It
// never seeks, and holds no more than a chunk and what that becomes.
//
// A file is a header of 4 KiB and chunks. A chunk has records, and each record its event as binary XML: mostly the values
// for the gaps of a template that lies in the same chunk. The layout is that of "Windows XML Event Log (EVTX) format"
// (https://github.com/libyal/libevtx/blob/main/documentation/), the binary XML that of [MS-EVEN6] 2.2.12 and 3.1.4.7.
//
// What a record says is kept: values read as Windows prints them, line ends in them are written &#10;. A record that cannot
// be read becomes a line <Event-damaged …/> that names it, and the next record follows.
package evtx

import (
	"bytes"
	"io"

	"mailstop/parse"
)

const magic = "ElfFile\x00"

// Container returns the binary event log as a container.
func Container() parse.Container {
	return parse.Container{
		Name:  "Windows event log",
		Match: func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) },
		Lines: func(in io.Reader) io.Reader { return newReader(in) },
		Doc: parse.Doc{
			Title: "Windows event log (.evtx)",
			Accepts: []string{
				"files of Windows Vista to 11 and Server 2008 to 2025, saved by the event viewer or wevtutil, or copied while in use: " +
					"records that the chunk's header does not know yet are read if their numbers follow on",
				"old records that lie behind a chunk's end are left out",
				"damaged records and chunks: a line <Event-damaged …/> with the record's number and the reason, then the next record",
				"truncated files, up to where they end",
			},
			Examples: []string{
				`<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing" ` +
					`Guid="{54849625-5478-4994-a5ba-3e3b0328c30d}"/><EventID>5157</EventID><TimeCreated SystemTime="2026-01-05T09:11:12.3456789Z"/>` +
					`<EventRecordID>4711</EventRecordID><Channel>Security</Channel><Computer>mx1.example.net</Computer></System><EventData>` +
					`<Data Name="Direction">%%14593</Data><Data Name="SourceAddress">192.0.2.25</Data><Data Name="DestAddress">203.0.113.19</Data>` +
					`<Data Name="DestPort">25</Data></EventData></Event>`,
				`<Event-damaged RecordID="4712" Written="2026-01-05T09:11:12.3456789Z" Chunk="3" Offset="4608" Reason="unknown token"/>`,
			},
			Sources: []string{
				"https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc",
				"https://learn.microsoft.com/openspecs/windows_protocols/ms-even6",
			},
		},
	}
}
