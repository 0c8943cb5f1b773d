package mailtext

import (
	"regexp"
	"strings"
	"testing"
	"unsafe"
)

func TestMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// In angle brackets.
		{"to=<user@example.com>, relay=none", "to=<@example.com>, relay=none"},
		{"from=<>, size=1", "from=<>, size=1"},
		{"from=<root>, size=1", "from=<>, size=1"},
		{"450 4.7.1 <root>: Recipient address rejected", "450 4.7.1 <>: Recipient address rejected"},
		{"to=<a@example.com>, orig_to=<b.c+d@example.net>,", "to=<@example.com>, orig_to=<@example.net>,"},
		{"to=<\"a, b> c\"@example.com>, relay=x", "to=<@example.com>, relay=x"},
		{"to=<\"a\\\"> b\"@example.com>, relay=x", "to=<@example.com>, relay=x"},
		{"to=<a.\"b> c\"@example.com>, relay=x", "to=<@example.com>, relay=x"},
		{"to=<\"a@b\"@example.com>, relay=x", "to=<@example.com>, relay=x"},
		{"to=<\"root user\">, relay=x", "to=<>, relay=x"},
		{"to=<a b@example.com>, relay=x", "to=<@example.com>, relay=x"},
		{"to=<a>b@example.com>, relay=x", "to=<>@example.com>, relay=x"},
		{"to=<a@relay.example@example.com>", "to=<@example.com>"},
		{"<@a.example,@b.example:user@example.com>", "<@example.com>"},
		{"to=<user@[192.0.2.1]>", "to=<@[192.0.2.1]>"},
		{"to=<пользователь@пример.example>", "to=<@пример.example>"},
		{"to=<用户@例え.example>, b", "to=<@例え.example>, b"},
		{"to=<bounce-1+user=example.com@lists.example.net>", "to=<@lists.example.net>"},
		{"to=<user%example.com@relay.example.net>", "to=<@relay.example.net>"},
		{"to=<host!user@example.com>", "to=<@example.com>"},
		{"to=<*@example.com>", "to=<@example.com>"},
		{"<a@b.example><c@d.example>", "<@b.example><@d.example>"},
		{"to=<a@b.example", "to=<@b.example"},
		{"to=<\"a b\"@b.ex", "to=<@b.ex"},
		{"to=<user", "to=<"},
		{"to=<\"a b>, relay=x", "to=<"},
		{"550 <\"a b@example.com> no <c@example.com>", "550 <@example.com> no <@example.com>"},
		{"to=<user@", "to=<@"},
		{"to=<a <b@example.com>", "to=<<@example.com>"},
		{"message-id=<20260105.17@mx.example.com>", "message-id=<@mx.example.com>"},
		// No addresses.
		{"helo=<mx.example.com>", "helo=<mx.example.com>"},
		{"proto=ESMTP helo=<[192.0.2.1]>", "proto=ESMTP helo=<[192.0.2.1]>"},
		{"<[192.0.2.1]>: Client host rejected", "<[192.0.2.1]>: Client host rejected"},
		{"see <https://example.com/a> now", "see <https://example.com/a> now"},
		{"delay < 5 and > 3", "delay < 5 and > 3"},
		{"a < b, c@example.com", "a < b, @example.com"},
		{"<22>Jan  5 10:11:12 mx1 postfix/smtp[1]: x", "<22>Jan  5 10:11:12 mx1 postfix/smtp[1]: x"},
		{"<22>1 2026-01-05T10:11:12Z mx1 postfix/smtp 1 - - x", "<22>1 2026-01-05T10:11:12Z mx1 postfix/smtp 1 - - x"},
		{"to=<22>, relay", "to=<>, relay"},
		{"connect to mx.example.com[192.0.2.1]:25: timed out", "connect to mx.example.com[192.0.2.1]:25: timed out"},
		{"", ""},
		{"@", "@"},
		{"<", "<"},
		{"<>", "<>"},
		{"\"", "\""},
		{"%40", "%40"},
		{"100% of it", "100% of it"},
		// Bare.
		{"user@example.com", "@example.com"},
		{"450 4.1.8 root@localhost.example: rejected", "450 4.1.8 @localhost.example: rejected"},
		{"a@x.example,b@y.example;c@z.example", "@x.example,@y.example;@z.example"},
		{"(user@example.com)", "(@example.com)"},
		{"User 'user@example.com' unknown", "User '@example.com' unknown"},
		{"mailto:user@example.com", "mailto:@example.com"},
		{"\"a b\"@example.com unknown", "@example.com unknown"},
		{"said \"no\" to \"a, b\"@example.com", "said \"no\" to @example.com"},
		{"sasl_username=user@example.com", "sasl_username=@example.com"},
		{"sasl_username=x=y@example.com", "sasl_username=@example.com"},
		{"bounce=x@example.com", "@example.com"},
		{"x/user@example.com", "@example.com"},
		{"/user@example.com", "/@example.com"},
		{"ümlaut@example.com", "@example.com"},
		{"a@b@c.example", "@@c.example"},
		{"user@", "@"},
		{"unknown user: \"user\"", "unknown user: \"\""},
		{"to=<a@b.example>, status=bounced (unknown user: \"user.name\")", "to=<@b.example>, status=bounced (unknown user: \"\")"},
		// In URLs and in JSON.
		{
			"http://www.example.org/why?s=mfrom;id=user%40example.com;ip=192.0.2.1;r=x%3Dy%40example.net",
			"http://www.example.org/why?s=mfrom;id=%40example.com;ip=192.0.2.1;r=%40example.net",
		},
		{`{"message":"to=<user@example.com>, x"}`, `{"message":"to=<@example.com>, x"}`},
		{`{"message":"to=\u003cuser@example.com\u003e, x"}`, `{"message":"to=\u003c@example.com\u003e, x"}`},
		{`{"message":"to=<\"a b\"@example.com>, x"}`, `{"message":"to=<@example.com>, x"}`},
		{`{"message":"a\nuser@example.com"}`, `{"message":"a\n@example.com"}`},
		{`{"message":"for \"a b\"@example.com"}`, `{"message":"for @example.com"}`},
		{`{"message":"<22>Jan  5 x"}`, `{"message":"<22>Jan  5 x"}`},
		{`{"rcpt":"user@example.com"}`, `{"rcpt":"@example.com"}`},
	} {
		var a Arena
		got := Mask(&a, c.in)
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
		if c.in != "" && got == c.in && unsafe.StringData(got) != unsafe.StringData(c.in) {
			t.Errorf("%s: not the text itself", c.in)
		}
	}
}

func TestMaskFromLeavesTheHead(t *testing.T) {
	var a Arena
	const head = "<22>x@y.example \"a: "
	if got := MaskFrom(&a, head+"u@example.com\"@", len(head)); got != head+"@example.com\"@" {
		t.Errorf("got %s", got)
	}
	if got := MaskFrom(&a, head, len(head)); got != head {
		t.Errorf("got %s", got)
	}
}

func TestMaskValue(t *testing.T) {
	for in, want := range map[string]string{
		"sasl_method=PLAIN, sasl_username=user, x": "sasl_method=PLAIN, sasl_username=, x",
		"sasl_username=a.b@example.com":            "sasl_username=@example.com",
		"sasl_username=a\"} sasl_username=b c":     "sasl_username=\"} sasl_username= c",
		"sasl_username=":                           "sasl_username=",
		"sasl":                                     "sasl",
	} {
		var a Arena
		if got := MaskValue(&a, in, "sasl_username="); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestMaskWord(t *testing.T) {
	for in, want := range map[string]string{
		"user unknown: user": " unknown: ", "users, user.": "users, .", "a user_1": "a user_1", "": "", "us": "us",
		"user.example": "user.example", "mx.user.example said user": "mx.user.example said ", "/var/mail/user.lock": "/var/mail/.lock",
		"user... User unknown": "... User unknown", "a-user": "a-user", "user-b": "user-b", "user@": "user@", "(user)": "()",
	} {
		var a Arena
		if got := MaskWord(&a, in, "user"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := MaskWord(new(Arena), "text", ""); got != "text" {
		t.Errorf("no word: %q", got)
	}
}

func TestMaskKeepsWhatItMade(t *testing.T) {
	var a Arena
	var made []string
	for range 3 * chunkSize / len("@example.com") {
		made = append(made, Mask(&a, "user@example.com"))
	}
	for i, s := range made {
		if s != "@example.com" {
			t.Fatalf("result %d has become %q", i, s)
		}
	}
}

func TestMaskDoesNotAllocate(t *testing.T) {
	const long = "4F1C22A0B7: to=<user@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)"
	var a Arena
	if n := testing.AllocsPerRun(1000, func() { _ = Mask(&a, "connect from unknown[192.0.2.1], from=<>") }); n != 0 {
		t.Errorf("%v allocations for a text without addresses", n)
	}
	// AllocsPerRun rounds down: a chunk holds many lines.
	if n := testing.AllocsPerRun(1000, func() { _ = Mask(&a, long) }); n != 0 {
		t.Errorf("%v allocations for a line", n)
	}
}

// A megabyte of any of these takes milliseconds, and would take minutes were they looked at again and again.
func TestMaskIsLinear(t *testing.T) {
	for _, part := range []string{
		"<", "@", "\"", "%40", "<\"", "<\"\\", "\\\"", "\\\\\\\"", "<a", "<a b", "a@", "\"a", ".\"", "<.\"\\", "=<", " <@\"", "user: \"",
		"<\\\"", "a", "=", "%", "a=", "'", "<a@b c", "\"a\\",
	} {
		var a Arena
		s := strings.Repeat(part, 1<<20/len(part))
		if got := Mask(&a, s); len(got) > len(s) {
			t.Errorf("%q grows", part)
		}
	}
}

// known is what may stand before an at sign: escapes of JSON, and an at sign of a URL.
var known = regexp.MustCompile(`(\\([nrtbf]|u003c|u0022)|%40)$`)

func FuzzMask(f *testing.F) {
	for _, s := range []string{
		"to=<user@example.com>, orig_to=<root>, x", "\"a b\"@x <\"a> b\"@x>", "user: \"x\" %40 a%40b", `\u003ca@b\u003e \"a b\"@c`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var a Arena
		got := Mask(&a, s)
		rest := s
		for _, c := range []byte(got) {
			i := strings.IndexByte(rest, c)
			if i < 0 {
				t.Fatalf("%q becomes %q, which is not a part of it", s, got)
			}
			rest = rest[i+1:]
		}
		for i := 1; i < len(got); i++ {
			if c := got[i-1]; got[i] == '@' && isAtom[c] && !isLead(c) && !known.MatchString(got[:i]) {
				t.Fatalf("%q becomes %q, which has a local part at %d", s, got, i)
			}
		}
		if strings.Count(got, "@") > strings.Count(s, "@") {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	for name, s := range map[string]string{
		"delivery": "4F1C22A0B7: to=<user@example.com>, orig_to=<root>, relay=mx.example.com[203.0.113.19]:25, delay=35, " +
			"delays=4.8/0.02/0/30, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 153053D)",
		"connect": "connect from unknown[203.0.113.9]",
	} {
		b.Run(name, func(b *testing.B) {
			var a Arena
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				Mask(&a, s)
			}
		})
	}
}
