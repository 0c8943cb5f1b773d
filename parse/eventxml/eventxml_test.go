package eventxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	_ "mailstop/internal/golden" // for its flag
)

func lines(in io.Reader) (string, error) {
	b, err := io.ReadAll(Container().Lines(in))
	return string(b), err
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		in, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !match(in) {
			t.Errorf("%s: no match", path)
		}
		got, err := lines(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(path, ".xml") + ".golden"
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\n got %s\nwant %s", path, err, got, want)
		}
		for size := range 40 {
			if again, err := lines(&pieces{in, size + 1}); again != got || err != nil {
				t.Errorf("%s in pieces of %d: %v\n got %s\nwant %s", path, size+1, err, again, got)
			}
		}
	}
}

// pieces reads at most size bytes at a time.
type pieces struct {
	b    []byte
	size int
}

func (p *pieces) Read(dst []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(dst[:min(len(dst), p.size)], p.b)
	p.b = p.b[n:]
	return n, nil
}

func TestMatch(t *testing.T) {
	for head, want := range map[string]bool{
		"<?xml version='1.0'?>":                       true,
		"\xef\xbb\xbf<?xml":                           true,
		"\r\n <Events>":                               true,
		"<Event xmlns='x'>":                           true,
		"<Event>":                                     true,
		"<Event\n a='b'>":                             true,
		"<Event":                                      false, // more will tell
		"<Event\n":                                    true,
		"- <Event xmlns='x'>":                         false, // one line is whole, or more will tell
		"- <Event xmlns='x'>\n":                       true,
		"exported by\n<Event\n  a='b'":                true,
		"- <EventData>\n":                             false,
		"<EventData>":                                 false,
		"<Event-damaged/>":                            false,
		"exported by\n<Event>\n<System>":              true,
		"exported by\n  <Event a='b'\n":               true,
		"exported by\n<Event></Event>\n":              false,
		"exported by\n<Event><System>":                false,
		"<134>Jan  5 10:11:12 mx1 a: <Event>\n":       false,
		`{"EventData":"<Event>\n"}`:                   false,
		"Jan  5 10:11:12 fw kernel: IN= OUT=eth0\n\n": false,
		"":   false,
		"\n": false,
	} {
		if match([]byte(head)) != want {
			t.Errorf("%q: %t", head, !want)
		}
	}
}

func TestOneEventPerLineStays(t *testing.T) {
	const event = `<Event xmlns="x"><System a='">'><EventID>1</EventID></System>  <Data>&#10; ]]&gt; </Data><!-- c --><![CDATA[</Event>]]></Event>` + "\n"
	for name, in := range map[string]string{
		"events":    strings.Repeat(event, 3000),
		"with text": strings.Repeat(event+"text with <b> and </Event> in it\n"+"<Event-damaged Chunk=\"1\"/>\n", 1000),
	} {
		if got, err := lines(strings.NewReader(in)); got != in || err != nil {
			t.Errorf("%s: %d bytes became %d, %v", name, len(in), len(got), err)
		}
	}
}

// What an event says stays the same, but for indentation.
func TestMeaningStays(t *testing.T) {
	type event struct {
		Data []struct {
			Name string `xml:"Name,attr"`
			Text string `xml:",chardata"`
		} `xml:"EventData>Data"`
	}
	const in = "<Event>\n <EventData\n>\n<Data Name='a\nb'>one\r\ntwo\rthree\n\n</Data><Data>\n</Data>\n<Data><![CDATA[<x>\n\r\n]]]]>\n</Data><Data> a<!--\n--> b</Data>\n</EventData></Event>\n"
	var want, got event
	if err := xml.Unmarshal([]byte(in), &want); err != nil {
		t.Fatal(err)
	}
	want.Data[0].Name = "a b" // "Attribute-Value Normalization", which the decoder does not do
	line, err := lines(strings.NewReader(in))
	if err != nil || strings.Count(line, "\n") != 1 {
		t.Fatal(line, err)
	}
	if err := xml.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s\n got %q\nwant %q", line, got, want)
	}
}

func TestEnds(t *testing.T) {
	broken := errors.New("input/output error")
	for _, c := range []struct {
		in   string
		want string
		err  error
	}{
		{"", "", nil},
		{" \n", "", nil},
		{"<Events>", "", nil},
		{"text", "text\n", nil},
		{"<Event>1</Event>", "<Event>1</Event>\n", nil},
		{"<Event>1</Event>\n<Event>2", "<Event>1</Event>\n<Event>2\n", io.ErrUnexpectedEOF},
		{"<Event>2</Event", "<Event>2</Event\n", io.ErrUnexpectedEOF},
		{"<Event a='", "<Event a='\n", io.ErrUnexpectedEOF},
		{"<Event><![CDATA[a]", "<Event><![CDATA[a]\n", io.ErrUnexpectedEOF},
		{"<Events", "<Events\n", nil},
		{"<Events a='", "", io.ErrUnexpectedEOF},
		{"<!-- a", "", io.ErrUnexpectedEOF},
		{"<", "<\n", nil},
	} {
		got, err := lines(strings.NewReader(c.in))
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
		got, err = lines(io.MultiReader(strings.NewReader(c.in), iotest.ErrReader(broken)))
		if got != c.want || !errors.Is(err, broken) {
			t.Errorf("%q, then an error: %q, %v", c.in, got, err)
		}
	}
	if _, err := Container().Lines(idle{}).Read(make([]byte, 8)); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// What has no end is cut, and costs no memory.
func TestNoEnd(t *testing.T) {
	for name, c := range map[string]struct{ head, body, tail string }{
		"text":      {"<Event>", "text\n", "</Event>"},
		"spaces":    {"<Event>", " \n", "</Event>"},
		"tag":       {"<Event ", "a='b'\n", "></Event>"},
		"quote":     {"<Event a='", "text\n", "'></Event>"},
		"section":   {"<Event><![CDATA[", "text\n", "]]></Event>"},
		"unended":   {"<Event><![CDATA[", "text\n", ""},
		"comment":   {"<Event><!--", "text\n", "--></Event>"},
		"elements":  {"<Event>", "<a>", "</Event>"},
		"events":    {"<Event>", "<Event>", strings.Repeat("</Event>", 2<<20/7+2)},
		"line":      {"x", "text ", "\n"},
		"root":      {"<root ", "<Even ", "\n"},
		"out":       {"<!--", "text\n", "-->"},
		"blank":     {"", " \n", ""},
		"dropped":   {"<Events a='", "text\n", "'>"},
		"one quote": {"<Events a='", "text\n", ""},
	} {
		var peak int
		r := &reader{in: io.MultiReader(strings.NewReader(c.head), strings.NewReader(strings.Repeat(c.body, 2<<20/len(c.body))),
			strings.NewReader(c.tail), strings.NewReader("\n<Event>next</Event>\n"))}
		var out bytes.Buffer
		p := make([]byte, 8<<10)
		for {
			n, err := r.Read(p)
			out.Write(p[:n])
			peak = max(peak, cap(r.out)+cap(r.buf))
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
		}
		if peak > 3<<20 || out.Len() > maxRecord+100 {
			t.Errorf("%s: %d bytes of memory for %d of text", name, peak, out.Len())
		}
		if !strings.HasSuffix(out.String(), "<Event>next</Event>\n") || strings.Count(out.String(), "\n") > 2 {
			t.Errorf("%s: %d bytes end with %q", name, out.Len(), out.String()[max(0, out.Len()-100):])
		}
	}
}

// FuzzLines reads any text: no panic, whole lines, not much more than there was, and the same in pieces of any size.
func FuzzLines(f *testing.F) {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil {
		f.Fatal(err)
	}
	for i, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, i+1)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		got, err := lines(bytes.NewReader(in))
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || got != "" && !strings.HasSuffix(got, "\n") {
			t.Fatalf("%q, %v", got, err)
		}
		again, err2 := lines(&pieces{in, 1 + max(size, -size)%70})
		if again != got || (err == nil) != (err2 == nil) {
			t.Fatalf("in pieces\n got %q\nwant %q", again, got)
		}
		if len(got) > 20*len(in)+2 {
			t.Fatalf("%d bytes of %d", len(got), len(in))
		}
	})
}

func BenchmarkLines(b *testing.B) {
	one := `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing" ` +
		`Guid="{54849625-5478-4994-a5ba-3e3b0328c30d}"/><EventID>5157</EventID><Version>1</Version><Keywords>0x8010000000000000</Keywords>` +
		`<TimeCreated SystemTime="2026-01-05T09:11:12.3456789Z"/><Computer>mx1.example.net</Computer></System><EventData>` +
		`<Data Name="Application">\device\harddiskvolume2\mail\edge.exe</Data><Data Name="Direction">%%14593</Data>` +
		`<Data Name="SourceAddress">192.0.2.25</Data><Data Name="DestAddress">203.0.113.19</Data><Data Name="DestPort">25</Data></EventData></Event>` + "\n"
	for name, text := range map[string]string{"one per line": one, "indented": strings.ReplaceAll(one, "><", ">\n      <")} {
		in := strings.Repeat(text, 4000)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, Container().Lines(strings.NewReader(in))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
