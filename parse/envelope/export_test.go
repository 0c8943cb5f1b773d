package envelope

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func exportText(t testing.TB, in string) (string, error) {
	t.Helper()
	out, err := io.ReadAll(exportLines(strings.NewReader(in)))
	slow, err2 := io.ReadAll(exportLines(iotest.OneByteReader(strings.NewReader(in))))
	if string(out) != string(slow) || err != err2 { //nolint:errorlint // the same value
		t.Errorf("%q: read byte by byte it is %q (%v), not %q (%v)", in, slow, err2, out, err)
	}
	return string(out), err
}

// binaryField is a field as the journal writes what is no text.
func binaryField(name, value string) string {
	return name + "\n" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(value)))) + value + "\n"
}

func TestExport(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct{ name, in, want string }{
		{
			"two entries", "__CURSOR=s=1;i=2\n_HOSTNAME=mx1\nMESSAGE=IN=eth0 OUT=\n\n__CURSOR=s=1;i=3\nMESSAGE=a \"b\"\\\n\n",
			`{"__CURSOR":"s=1;i=2","_HOSTNAME":"mx1","MESSAGE":"IN=eth0 OUT="}` + "\n" + `{"__CURSOR":"s=1;i=3","MESSAGE":"a \"b\"\\"}` + "\n",
		},
		{"no empty line at the end", "\n\n__CURSOR=1\nMESSAGE=x\n", `{"__CURSOR":"1","MESSAGE":"x"}` + "\n"},
		{"no line end", "__CURSOR=1\nMESSAGE=x", `{"__CURSOR":"1","MESSAGE":"x"}` + "\n"},
		{
			"binary fields", "__CURSOR=1\n" + binaryField("MESSAGE", "one\ntwo\x00") + binaryField("X", "\xff\x01") + binaryField("Y", "") + "Z=1\n\n__CURSOR=2\n",
			`{"__CURSOR":"1","MESSAGE":"one\ntwo\u0000","X":[255,1],"Y":"","Z":"1"}` + "\n" + `{"__CURSOR":"2"}` + "\n",
		},
		{"a transfer as text", "\uFEFF__CURSOR=1\r\nMESSAGE=x\r\n\r\n__CURSOR=2\r\n", `{"__CURSOR":"1","MESSAGE":"x"}` + "\n" + `{"__CURSOR":"2"}` + "\n"},
		{"a field twice", "__CURSOR=1\nA=1\nA=2\nB=1\n", `{"__CURSOR":"1","A":"1","B":"1"}` + "\n"},
		{"long fields", "__CURSOR=1\nA=" + long + "\n" + binaryField("COREDUMP", long) + "MESSAGE=x\n", `{"__CURSOR":"1","MESSAGE":"x"}` + "\n"},
		{"a long message", "__CURSOR=1\nMESSAGE=" + long + "\nB=2\n", `{"__CURSOR":"1","MESSAGE":"` + long[:maxMessage] + `"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := exportText(t, tt.in); err != nil || got != tt.want {
				t.Errorf("%v\n got %.300q\nwant %.300q", err, got, tt.want)
			}
		})
	}
}

func TestDamagedExport(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{"__CURSOR=1\nMESSAGE=x\nnot a field\nY=1\n\n__CURSOR=2\nMESSAGE=y\n", `{"__CURSOR":"1","MESSAGE":"x"}` + "\n" + `{"__CURSOR":"2","MESSAGE":"y"}` + "\n", errDamaged},
		{"__CURSOR=1\nMESSAGE", `{"__CURSOR":"1"}` + "\n", io.ErrUnexpectedEOF},
		{"__CURSOR=1\nMESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00ab", `{"__CURSOR":"1","MESSAGE":"ab"}` + "\n", io.ErrUnexpectedEOF},
		{"__CURSOR=1\nMESSAGE\n\x01\x00", `{"__CURSOR":"1"}` + "\n", io.ErrUnexpectedEOF},
		{"__CURSOR=1\nA\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n__CURSOR=2\nB=1\n", `{"__CURSOR":"1"}` + "\n" + `{"__CURSOR":"2","B":"1"}` + "\n", errDamaged},
	} {
		if got, err := exportText(t, tt.in); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q\n got %q %v\nwant %q %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func TestIsExport(t *testing.T) {
	for _, in := range []string{"__CURSOR=x", "\uFEFF__CURSOR=x\r\n", "\n__CURSOR=x\n", "__REALTIME_TIMESTAMP=1\n", "__SEQNUM=1"} {
		if !isExport([]byte(in)) {
			t.Errorf("%q is refused", in)
		}
	}
	for _, in := range []string{"", "__CURSOR", "__CURSOR=", "A=1\n", "IN=eth0 OUT=", "__CURSORS=1", "Jan  5 __CURSOR=1", `{"__CURSOR":"1"}`} {
		if isExport([]byte(in)) {
			t.Errorf("%q is taken", in)
		}
	}
}

func FuzzExport(f *testing.F) {
	f.Add("__CURSOR=1\n_HOSTNAME=mx1\nMESSAGE=IN=eth0 OUT=\n\n" + binaryField("MESSAGE", "a\nb"))
	f.Fuzz(func(t *testing.T, in string) {
		isExport([]byte(in))
		out, err := io.ReadAll(exportLines(strings.NewReader(in)))
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
		if len(out) > 8*len(in)+3 {
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
		var u unwrapper
		for line := range strings.Lines(string(out)) {
			if !u.doc.Parse(strings.TrimSuffix(line, "\n")) {
				t.Fatalf("%q: not an object: %q", in, line)
			}
		}
	})
}
