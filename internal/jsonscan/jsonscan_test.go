package jsonscan

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// flat writes an object's fields, one a line.
func flat(d *Doc) string {
	var b strings.Builder
	for _, f := range d.Fields() {
		fmt.Fprintf(&b, "%s=%d:%s\n", f.Key, f.Value.Kind, f.Value.Raw)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	var d Doc
	for _, tt := range []struct{ text, want string }{
		{`{}`, ""},
		{` { } `, ""},
		{`{"a":1}`, "a=6:1\n"},
		{`{"a":"b","c":{"d":[1,{"e":"}"}],"f":{}},"g.h":null}`, "a=1:b\nc.d=2:[1,{\"e\":\"}\"}]\ng.h=4:null\n"},
		{"{ \"a\" : true ,\n\t\"b\" : { \"c\" : -1.5e3 } }", "a=5:true\nb.c=6:-1.5e3\n"},
		{`{"a":"x\"y","b":"\\","c":"\\\""}`, "a=1:x\\\"y\nb=1:\\\\\nc=1:\\\\\\\"\n"},
		{`{"a\"b":1,"a":{"b\\":2}}`, "a\\\"b=6:1\na.b\\\\=6:2\n"},
		{`{"a":1,"a":2}`, "a=6:1\na=6:2\n"},
		{`{"":{"":1}}`, "=6:1\n"},
		{`{"long":"` + strings.Repeat("x", 100) + `\"` + strings.Repeat("y", 100) + `","z":1}`, "long=1:" + strings.Repeat("x", 100) + `\"` + strings.Repeat("y", 100) + "\nz=6:1\n"},
	} {
		for range 3 { // the second time the keys are known
			if !d.Parse(tt.text) {
				t.Errorf("%s: refused", tt.text)
			} else if got := flat(&d); got != tt.want {
				t.Errorf("%s\n got %q\nwant %q", tt.text, got, tt.want)
			}
		}
	}
}

func TestNoObject(t *testing.T) {
	var d Doc
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	if !d.Parse(deep(16)) || !d.Parse(many(1024)) {
		t.Error("what is allowed is refused")
	}
	for _, text := range []string{
		"", " ", "{", "}", "[]", "x", `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1,}`, `{"a":1,,"b":2}`, `{"a" 1}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1}x`,
		`{"a":"}`, `{"a":"\"}`, `{"a":"\\\"}`, `{"a":[1}`, `{"a":{"b":1}`, `{"a":1}{"b":2}`, deep(17), many(1025), strings.Repeat(`{"a":`, 100_000),
		`{"a":` + strings.Repeat("[", 100_000), `{"a":{}`, `{"a":{},`, `{"a`,
	} {
		if d.Parse(text) {
			t.Errorf("%.40s: taken", text)
		}
	}
}

// Of an object that ends early the members before are there, and nothing of the last.
func TestCut(t *testing.T) {
	const text = `{"a":"x","n":12,"o":{"b":"y\"z","l":[1,"]",{"c":2}],"t":true},"e":1}`
	var whole, d Doc
	if !whole.Parse(text) || whole.Cut() {
		t.Fatal("refused")
	}
	want := flat(&whole)
	for n := range len(text) {
		if d.Parse(text[:n]) {
			t.Fatalf("%q is taken", text[:n])
		}
		if got := flat(&d); d.Cut() != (n > 0) || !strings.HasPrefix(want, got) || n == len(text)-1 && got+"e=6:1\n" != want && got != want {
			t.Errorf("%q: cut %t, fields %q", text[:n], d.Cut(), got)
		}
		d.Objects()
	}
	for _, text := range []string{"", "x", `{"a":1}x`, `{"a":1,}`, `{"a" 1`, `{"a":1]`, `{"a":1}{`, `{a`} {
		if d.Parse(text) || d.Cut() {
			t.Errorf("%q is taken for the start of an object", text)
		}
	}
}

func TestObjects(t *testing.T) {
	var d Doc
	if !d.Parse(`{"a":{"b":{"c":1}},"x":1,"d": { "e" : 2 } ,"f":{}}`) {
		t.Fatal("refused")
	}
	got := ""
	for _, o := range d.Objects() {
		got += o.Key + "=" + o.Value.Raw + "\n"
	}
	if want := "a={\"b\":{\"c\":1}}\nd={ \"e\" : 2 }\nf={}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A class is asked for once, and fields without one are left out if that is what the caller wants.
func TestClass(t *testing.T) {
	asked := map[string]int{}
	d := Doc{Class: func(key string) uint8 {
		asked[strings.Clone(key)]++
		return uint8(len(key) % 3)
	}, Classed: true}
	for range 5 {
		if !d.Parse(`{"a":1,"abc":"x","n":{"bc":"y","b":[1]},"abcd":{}}`) {
			t.Fatal("refused")
		}
		if got := flat(&d); got != "a=6:1\nn.bc=1:y\n" {
			t.Fatalf("%q", got)
		}
	}
	for key, n := range asked {
		if n != 1 {
			t.Errorf("%q was asked for %d times", key, n)
		}
	}
	if len(asked) != 6 {
		t.Errorf("%v", asked)
	}
}

// Hostile keys, none of which comes twice, cost neither growth nor allocations for ever, and do not mix up others.
func TestManyKeys(t *testing.T) {
	var d Doc
	var long strings.Builder
	for i := range 20_000 {
		n := strconv.Itoa(i)
		text := `{"k` + n + `":` + n + `,"o":{"` + n + strings.Repeat("x", i%300) + `":"v` + n + `"}}`
		if !d.Parse(text) || len(d.Fields()) != 2 || d.Fields()[0].Key != "k"+n || !strings.HasPrefix(d.Fields()[1].Key, "o."+n) ||
			d.Fields()[1].Value.Raw != "v"+n {
			t.Fatal(text, flat(&d))
		}
	}
	if len(d.keys.all) > maxKeys+8 || d.keys.used > maxKeyBytes+2048 {
		t.Errorf("%d keys of %d bytes are kept", len(d.keys.all), d.keys.used)
	}
	long.WriteString(`{"x":1`)
	for i := range 15 {
		long.WriteString(`,"` + strings.Repeat("y", 200) + strconv.Itoa(i) + `":{"z":1`)
	}
	long.WriteString(strings.Repeat("}", 16))
	if !d.Parse(long.String()) {
		t.Fatal("refused")
	}
	for _, f := range d.Fields() {
		if len(f.Key) > maxKey {
			t.Errorf("a key of %d bytes", len(f.Key))
		}
	}
}

func TestInt(t *testing.T) {
	for text, want := range map[string]int64{
		`0`: 0, `-1`: -1, `"42"`: 42, `"0x2a"`: 42, `"0X2A"`: 42, `9223372036854775807`: 1<<63 - 1, `-9218868437227405312`: -9218868437227405312,
	} {
		var d Doc
		if d.Parse(`{"a":` + text + `}`); d.Get("a").Kind == Absent {
			t.Fatal(text)
		}
		if n, ok := d.Get("a").Int(); !ok || n != want {
			t.Errorf("%s: %d %t", text, n, ok)
		}
	}
	for _, text := range []string{`""`, `"-"`, `"0x"`, `1.5`, `1e3`, `"12a"`, `9223372036854775808`, `[1]`, `null`, `true`, `"0xg"`} {
		var d Doc
		d.Parse(`{"a":` + text + `}`)
		if n, ok := d.Get("a").Int(); ok {
			t.Errorf("%s: %d", text, n)
		}
	}
}

func TestElements(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: "", `[1,"a",{"b":[2]},null]`: `1|a|{"b":[2]}|null|`, `[ 1 , 2 ]`: "1|2|",
	} {
		got := ""
		if !(Value{Kind: List, Raw: text}).Elements(func(v Value) bool { got += v.Raw + "|"; return true }) || got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	for _, text := range []string{`[1`, `[1,]`, `[1 2]`, `[`} {
		if (Value{Kind: List, Raw: text}).Elements(func(Value) bool { return true }) {
			t.Errorf("%s: whole", text)
		}
	}
	n := 0
	if !(Value{Kind: List, Raw: `[1,2,3]`}).Elements(func(Value) bool { n++; return n < 2 }) || n != 2 {
		t.Error("did not stop", n)
	}
	if (Value{Kind: Text, Raw: `a`}).Elements(nil) {
		t.Error("a text has elements")
	}
}

func TestStringEnd(t *testing.T) {
	for n := range 80 {
		for _, tail := range []string{`"`, `" more`, `\""`, `\\"`, `\\\"" and some more text "`, ``, `\`, `\"`, `\\\"`} {
			text := strings.Repeat("a", n) + tail
			want, wantEscaped := -1, false
			for i := 0; i < len(text); i++ {
				if text[i] == '\\' {
					wantEscaped = true
					i++
				} else if text[i] == '"' {
					want = i
					break
				}
			}
			end, escaped := StringEnd(text, 0)
			if end != want || want >= 0 && escaped != wantEscaped {
				t.Fatalf("%q: %d %t, want %d %t", text, end, escaped, want, wantEscaped)
			}
		}
	}
}

// FuzzParse holds the scanner against encoding/json: what that takes is taken, with the same strings and numbers.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":"b","c":{"d":[1,{"e":"}"}],"f":{}},"g.h":null}`, `{"a":"x\"y\u0041\ud83d\ude00","b":-1.5e3,"c":true}`, `{"a":1,"a":2}`, `{`, `{"\\":"\\"}`,
		`{"k":"` + strings.Repeat("x", 70) + `\n"}`,
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, text string) {
		var d Doc
		var a Arena
		d.Parse(first) // knows other keys
		ok := d.Parse(text)
		var fresh Doc
		if fresh.Parse(text) != ok || ok && flat(&fresh) != flat(&d) {
			t.Fatalf("%q reads otherwise behind %q", text, first)
		}
		var want map[string]any
		if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &want) != nil || len(text) == 0 || strings.TrimSpace(text)[0] != '{' {
			return
		}
		if !ok {
			if strings.Count(text, "{") > maxDepth || strings.Count(text, ":") > maxFields {
				return
			}
			t.Fatalf("%q: refused", text)
		}
		for _, field := range d.Fields() {
			v, there := want[a.Unescape(field.Key)]
			if strings.Contains(field.Key, ".") || !there || strings.Count(flat(&d), field.Key+"=") > 1 {
				continue // nested, or there more than once
			}
			switch v := v.(type) {
			case string:
				if got := field.Value.String(&a); field.Value.Kind != Text || got != v {
					t.Fatalf("%q: %q is %q, want %q", text, field.Key, got, v)
				}
			case float64:
				if got, err := strconv.ParseFloat(field.Value.Raw, 64); err != nil || got != v {
					t.Fatalf("%q: %q is %q, want %v", text, field.Key, field.Value.Raw, v)
				}
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const record = `{"@timestamp":"2026-01-05T09:11:13.004Z","@metadata":{"beat":"filebeat","type":"_doc","version":"8.11.0"},"message":"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ","log":{"offset":81234,"file":{"path":"/var/log/kern.log"}},"input":{"type":"filestream"},"ecs":{"version":"8.0.0"},"host":{"name":"collector.example.com"},"agent":{"id":"24f13539-7e02-46c0-bd78-a1d9212f93f3","name":"collector.example.com","type":"filebeat","version":"8.11.0","ephemeral_id":"8b30db57-a5ee-4a47-b998-3a0f45edd430"}}`
	for _, bb := range []struct {
		name string
		doc  Doc
	}{
		{"all", Doc{}},
		{"classed", Doc{Classed: true, Class: func(key string) uint8 {
			switch key {
			case "@timestamp", "message", "host.name", "agent.name", "agent.type":
				return 1
			}
			return 0
		}}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				if !bb.doc.Parse(record) {
					b.Fatal("refused")
				}
			}
		})
	}
}

// A byte that stands where a key should is none, whatever was read before.
func TestNoKey(t *testing.T) {
	for b := range 256 {
		if b == '"' || b == '}' || b == ' ' || b == '\t' || b == '\n' || b == '\r' {
			continue
		}
		var d Doc
		text := "{" + string([]byte{byte(b)}) + `"a","b":1}`
		for range 2 {
			if d.Parse(text) || len(d.Fields()) != 0 {
				t.Errorf("%q: %v", text, d.Fields())
			}
			d.Parse(`{"a":1}`)
		}
	}
}

func TestFirstAndOne(t *testing.T) {
	for _, tt := range []struct{ list, first, one string }{
		{`["a"]`, "a", "a"},
		{`[ 1 ]`, "1", "1"},
		{`["a","b"]`, "a", `["a","b"]`},
		{`[]`, "", "[]"},
		{`[[1],2]`, "[1]", "[[1],2]"},
		{`"a"`, "a", "a"},
		{`{"b":1}`, `{"b":1}`, `{"b":1}`},
	} {
		p := scanner{text: tt.list}
		v, _ := p.value()
		if v.First().Raw != tt.first || v.One().Raw != tt.one {
			t.Errorf("%s: %q and %q, want %q and %q", tt.list, v.First().Raw, v.One().Raw, tt.first, tt.one)
		}
	}
}
