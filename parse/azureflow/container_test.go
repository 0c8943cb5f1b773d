package azureflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"mailstop/event"
	"mailstop/parse"
	"mailstop/parse/parsetest"
)

const (
	nsgRecord = `{"time":"2026-01-05T09:11:32.1234567Z","systemId":"1","macAddress":"00224871C205","category":"NetworkSecurityGroupFlowEvent",` +
		`"resourceId":"/SUBSCRIPTIONS/0/NETWORKSECURITYGROUPS/NSG-MAIL","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,` +
		`"flows":[{"rule":"DefaultRule_AllowInternetOutBound","flows":[{"mac":"00224871C205","flowTuples":["1767604271,192.0.2.25,203.0.113.19,40112,587,T,O,A,B,,,,"]}]},` +
		`{"rule":"UserRule_DenySMTP","flows":[{"mac":"00224871C205","flowTuples":["1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,","1767604273,203.0.113.9,192.0.2.25,51235,25,T,I,D,B,,,,"]}]}]}}`
	nsgHead  = `{"time":"2026-01-05T09:11:32.1234567Z","resource":"/SUBSCRIPTIONS/0/NETWORKSECURITYGROUPS/NSG-MAIL","mac":"00224871C205",`
	nsgLines = nsgHead + `"rule":"DefaultRule_AllowInternetOutBound","version":"2","tuple":"1767604271,192.0.2.25,203.0.113.19,40112,587,T,O,A,B,,,,"}` + "\n" +
		nsgHead + `"rule":"UserRule_DenySMTP","version":"2","tuple":"1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,"}` + "\n" +
		nsgHead + `"rule":"UserRule_DenySMTP","version":"2","tuple":"1767604273,203.0.113.9,192.0.2.25,51235,25,T,I,D,B,,,,"}` + "\n"

	vnetRecord = `{"time":"2026-01-05T09:11:32.1234567Z","flowLogVersion":4,"flowLogGUID":"1","macAddress":"00224871C205","category":"FlowLogFlowEvent",` +
		`"flowLogResourceID":"/SUBSCRIPTIONS/0/FLOWLOGS/LOG","targetResourceID":"/subscriptions/0/virtualNetworks/vnet-mail","operationName":"FlowLogFlowEvent",` +
		`"flowRecords":{"flows":[{"aclID":"1-2","flowGroups":[{"rule":"DenySMTP","flowTuples":["1767604272345,203.0.113.9,192.0.2.25,51234,25,6,I,D,NX,0,0,0,0"]}]}]}}`
	vnetLines = `{"time":"2026-01-05T09:11:32.1234567Z","resource":"/subscriptions/0/virtualNetworks/vnet-mail","mac":"00224871C205","rule":"DenySMTP","acl":"1-2",` +
		`"version":"4","tuple":"1767604272345,203.0.113.9,192.0.2.25,51234,25,6,I,D,NX,0,0,0,0"}` + "\n"

	otherRecord = `{"time":"2026-01-05T09:11:33Z","category":"NetworkSecurityGroupEvent","resourceId":"/SUBSCRIPTIONS/0/NETWORKSECURITYGROUPS/NSG-MAIL","properties":{"direction":"In","ok":true,"n":null,"":1}}`
	otherLine   = `{"time":"2026-01-05T09:11:33Z","resource":"/SUBSCRIPTIONS/0/NETWORKSECURITYGROUPS/NSG-MAIL","mac":"","rule":"","version":"","category":"NetworkSecurityGroupEvent","tuple":null}` + "\n"
)

func document(records ...string) string { return `{"records":[` + strings.Join(records, ",") + `]}` }

// indented lays a document out, and sorts its keys: flows come before the name of their rule, records' times last.
func indented(t *testing.T, document string) string {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(v, "", "    ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestContainer(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		err            error
	}{
		{"one document", document(nsgRecord), nsgLines, nil},
		{"records of both kinds", document(nsgRecord, vnetRecord, nsgRecord), nsgLines + vnetLines + nsgLines, nil},
		{"keys in another order", indented(t, document(nsgRecord, vnetRecord)), nsgLines + vnetLines, nil},
		{"a byte order mark", "\uFEFF" + document(nsgRecord), nsgLines, nil},
		{"several documents", document(nsgRecord) + "\n" + document(vnetRecord) + document(nsgRecord), nsgLines + vnetLines + nsgLines, nil},
		{"a record to a line", nsgRecord + "\r\n" + vnetRecord + "\n", nsgLines + vnetLines, nil},
		{"a list of records", "[" + nsgRecord + "," + vnetRecord + "]", nsgLines + vnetLines, nil},
		{"a record without flows", document(otherRecord, vnetRecord), otherLine + vnetLines, nil},
		{"no records", `{"records":[]}`, `{"time":"","resource":"","mac":"","rule":"","version":"","category":"","tuple":null}` + "\n", nil},
		{"nothing", " \n", "", nil},
		{"cut in a record", document(nsgRecord, vnetRecord)[:len(nsgRecord)+300], nsgLines, io.ErrUnexpectedEOF},
		{
			"cut in a list of flows", document(nsgRecord)[:strings.Index(document(nsgRecord), `,"1767604273`)],
			strings.Join(strings.SplitAfter(nsgLines, "\n")[:2], ""), io.ErrUnexpectedEOF,
		},
		{"a damaged line", nsgRecord + "\n" + vnetRecord[:200] + "\n" + vnetRecord + "\n{]\n" + nsgRecord, nsgLines + vnetLines + nsgLines, errSyntax},
		{"nested too deep", nsgRecord + strings.Repeat("[", 100) + "\n" + vnetRecord, nsgLines + vnetLines, errDepth},
		{"a string without end", `{"flowTuples":["` + strings.Repeat("x", 3*maxToken) + "\n" + vnetRecord, vnetLines, errToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tt.in), iotest.HalfReader(strings.NewReader(tt.in))} {
				got, err := io.ReadAll(Container().Lines(in))
				var syntax *json.SyntaxError
				if errors.As(err, &syntax) {
					err = errSyntax
				}
				if string(got) != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("got %.2000s %v\nwant %.2000s %v", got, err, tt.want, tt.err)
				}
			}
		})
	}
}

var errSyntax = errors.New("any syntax error")

func TestContainerMatch(t *testing.T) {
	for head, want := range map[string]bool{
		document(nsgRecord):                          true,
		"\uFEFF\r\n " + vnetRecord:                   true,
		`{"flowTuples"`:                              true,
		`[` + nsgRecord:                              true,
		`x` + nsgRecord:                              false,
		`{"records":[{"time":"2026`:                  false,
		"{\"oob.in\":\"eth0\"}\n" + nsgRecord + "\n": false, // lines of several kinds
		"{\n\"records\": [" + nsgRecord + "]}":       true,
		`{"message":"{\"category\":\"NetworkSecurityGroupFlowEvent\",\"flowTuples\":[]`: false,
		"": false,
	} {
		if got := Container().Match([]byte(head)); got != want {
			t.Errorf("Match(%.60q) = %t, want %t", head, got, want)
		}
	}
}

// What the container writes, the format reads.
func TestLinesAreRead(t *testing.T) {
	lines, err := io.ReadAll(Container().Lines(strings.NewReader(document(nsgRecord, vnetRecord, otherRecord))))
	if err != nil {
		t.Fatal(err)
	}
	s := session()
	var actions []string
	for line := range strings.Lines(string(lines)) {
		var e event.Entry
		s.Parse(strings.TrimSuffix(line, "\n"), &e)
		if e.Error != "" || e.Format != event.AzureFlow || e.TimeQuality != event.TimeExact {
			t.Errorf("%s%s", line, e.AppendJSON(nil))
		}
		actions = append(actions, e.Action.String()+e.Note)
	}
	if got := fmt.Sprint(actions); got != "[allow deny deny deny unknown"+noteOther+"]" {
		t.Error(got)
	}
}

// endless is one record with n flows in one line.
type endless struct {
	n    int
	left []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.left) == 0 {
		switch {
		case e.n == 0:
			return 0, io.EOF
		case e.n == 1:
			e.left = []byte(`"1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,"]}]}]}}]}`)
		default:
			e.left = []byte(`"1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,",`)
		}
		e.n--
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

// A document of any size needs no more memory than a part of it.
func TestContainerIsBounded(t *testing.T) {
	const flows = 300_000
	head := document(nsgRecord)
	head = head[:strings.Index(head, `"1767604272`)]
	in := Container().Lines(io.MultiReader(strings.NewReader(head), &endless{n: flows}))
	buf := make([]byte, 64<<10)
	lines, peak := 0, uint64(0)
	var m runtime.MemStats
	for i := 0; ; i++ {
		n, err := in.Read(buf)
		lines += bytes.Count(buf[:n], []byte("\n"))
		if i%64 == 0 {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines != flows+1 || peak > 48<<20 {
		t.Errorf("%d lines, %d bytes of heap", lines, peak)
	}
}

// FuzzContainer looks for text that is read differently in other pieces, and for lines that the format does not know.
func FuzzContainer(f *testing.F) {
	for _, s := range []string{
		document(nsgRecord, vnetRecord), nsgRecord + "\n{]\n" + vnetRecord, "[" + otherRecord + "]", `{"flowTuples":["x",1,{}],"time":"\n"}`,
		`{"records":[]}`, `[[[{"":""}]]]`, `1 "x" null {}`,
	} {
		f.Add(s)
	}
	k := Kind().New()
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := io.ReadAll(Container().Lines(strings.NewReader(text)))
		pieces, err2 := io.ReadAll(Container().Lines(iotest.HalfReader(strings.NewReader(text))))
		if !bytes.Equal(whole, pieces) || (err == nil) != (err2 == nil) {
			t.Fatalf("%q\n%q, %v\n%q, %v", text, whole, err, pieces, err2)
		}
		for line := range strings.Lines(string(whole)) {
			body, ended := strings.CutSuffix(line, "\n")
			if _, matched, _ := parsetest.Read(k, body); !matched || !ended {
				t.Fatalf("%q gives %q", text, line)
			}
		}
	})
}

func BenchmarkContainer(b *testing.B) {
	record := nsgRecord[:strings.Index(nsgRecord, `"1767604272`)] + strings.Repeat(`"1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,",`, 1000) + `"1767604272,203.0.113.9,192.0.2.25,51234,25,T,I,D,B,,,,"]}]}]}}`
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.Copy(io.Discard, Container().Lines(strings.NewReader(record))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1002, "ns/line")
}

var _ parse.Parser = new(parser)
