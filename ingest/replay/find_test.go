package replay

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOrder(t *testing.T) {
	for name, order := range map[string][]string{
		"logrotate":          {"ufw.log.10.gz", "ufw.log.9", "ufw.log.2.gz", "ufw.log.1", "ufw.log"},
		"newsyslog":          {"messages.2.bz2", "messages.1.bz2", "messages.0.bz2", "messages"},
		"dates":              {"messages-20251228.gz", "messages-20260105.gz", "messages-20260105", "messages"},
		"dotted dates":       {"syslog.2025-12-31", "syslog.2026-01-05", "syslog"},
		"dates inside":       {"filter_20251231.log", "filter_20260105.log", "filter.log"},
		"dates alone":        {"2025-12-31.log", "2026-01-05.log.gz"},
		"hours":              {"fw-20260105", "fw-20260105T08", "fw-20260105-10.gz", "fw-2026010511", "fw"},
		"seconds":            {"kern.log-1703980800", "kern.log-1704067200", "kern.log"},
		"Windows":            {"pfirewall.log.old", "pfirewall.log"},
		"number on date":     {"fw-20260104.log.1", "fw-20260105.log.2", "fw-20260105.log.1", "fw-20260105.log", "fw.log"},
		"both packed":        {"x.log.1.gz", "x.log.1", "x.log.gz", "x.log"},
		"sets":               {"a.log.1", "a.log", "b.log.2", "b.log"},
		"natural":            {"fw2.log.1", "fw2.log", "fw10.log.1", "fw10.log"},
		"folders":            {"a/x.log.1", "a/x.log", "a2/x.log.1", "a10/x.log", "b/a.log"},
		"years are no age":   {"syslog.2025", "syslog.2026"},
		"no such day":        {"x-20260230", "x-20260231"},
		"leading zeros":      {"fw007.log", "fw7.log", "fw08.log"},
		"unpacked elsewhere": {"ufw.log.2.xz", "ufw.log.1.zst"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			shuffled := slices.Clone(order)
			slices.Reverse(shuffled)
			var paths, want []string
			for i, n := range shuffled {
				paths = append(paths, put(t, dir, n, strings.Repeat("x", i+1)))
			}
			for _, n := range order {
				want = append(want, filepath.Join(dir, n))
			}
			for _, args := range [][]string{paths, {dir}, {want[len(want)-1], dir}} {
				if got := found(t, args...); !slices.Equal(got, want) {
					t.Errorf("%d arguments: got %q", len(args), got)
				}
			}
		})
	}
}

func found(t *testing.T, args ...string) []string {
	t.Helper()
	in, err := Find(args, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range in.Files {
		got = append(got, f.Path)
	}
	return got
}

// Someone turned on dateext in a running system: the times of the files say how the old style continues in the new.
func TestOrderOfTwoStyles(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := []string{"m.3", "m.2", "m-20260103", "m-20260104", "m"}
	for i, n := range want {
		p := put(t, dir, n, n)
		if err := os.Chtimes(p, start, start.AddDate(0, 0, i)); err != nil {
			t.Fatal(err)
		}
	}
	got := found(t, dir)
	for i := range got {
		got[i] = filepath.Base(got[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestTwins(t *testing.T) {
	dir := t.TempDir()
	real := put(t, dir, "z-filter_20260105.log", "one\n")
	must(t, os.Symlink(real, filepath.Join(dir, "latest.log")))
	must(t, os.Link(real, filepath.Join(dir, "z-hard.log")))
	other := put(t, dir, "other.log", "one\n")
	in, err := Find([]string{dir, real, dir + "/*", filepath.Join(dir, "latest.log"), "-", "-"}, strings.NewReader(""))
	must(t, err)
	var got []string
	for _, f := range in.Files {
		got = append(got, f.Path)
	}
	if want := []string{other, real, "stdin"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	reasons := map[string]string{}
	for _, s := range in.Skipped {
		reasons[filepath.Base(s.Path)] = s.Reason
	}
	for _, n := range []string{"latest.log", "z-hard.log"} {
		if reasons[n] != "the same file as "+real {
			t.Errorf("%s: %q", n, reasons[n])
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSkipped(t *testing.T) {
	dir := t.TempDir()
	zeros := string(make([]byte, 20000))
	read := []string{
		put(t, dir, "sub/deep/a.log", "one\n"),
		put(t, dir, "sub/empty.log", ""),
		put(t, dir, "hole.log", zeros+strings.Repeat("text again\n", 2000)),
		put(t, dir, "extended.log", "in use\n"+zeros),
		put(t, dir, "extended-in-advance.log", zeros+"in use\n"+zeros),
		put(t, dir, "damaged.gz", "\x1f\x8b\x08\x00damaged"),
		put(t, dir, "wide.log", "\xff\xfeo\x00n\x00e\x00"),
	}
	put(t, dir, "journal", "LPKSHHRH"+zeros)
	put(t, dir, "wtmp", zeros)
	put(t, dir, "wtmp.gz", gz(t, zeros))
	put(t, dir, "utmp", strings.Repeat("\x07\x00\x00\x00\x2a\x01\x00\x00tty1"+zeros[:28]+"1\x00\x00\x00root"+zeros[:28]+"192.0.2.1"+zeros[:307], 30))
	put(t, dir, "logs.zip", "PK\x03\x04"+"rest")
	put(t, dir, "logs.tar.gz", gz(t, "name"+zeros[:253]+"ustar"+zeros))
	put(t, dir, "fw.pcap", "\xd4\xc3\xb2\xa1\x02\x00\x04\x00")
	put(t, dir, ".hidden", "one\n")
	put(t, dir, ".git/x.log", "one\n")
	must(t, os.Symlink(dir, filepath.Join(dir, "loop")))
	must(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))

	for _, args := range [][]string{{dir}, {dir + "/*", dir + "/.*"}} {
		in, err := Find(args, nil)
		must(t, err)
		var got []string
		for _, f := range in.Files {
			got = append(got, f.Path)
		}
		hidden := strings.HasSuffix(args[0], "*")
		for _, p := range read {
			if !slices.Contains(got, p) {
				t.Errorf("%s is not read: %v", p, in.Skipped)
			}
		}
		if !hidden && len(got) != len(read) {
			t.Errorf("got %q", got)
		}
		reasons := map[string]string{}
		for _, s := range in.Skipped {
			reasons[filepath.Base(s.Path)] = s.Reason
		}
		for name, want := range map[string]string{
			"journal": "systemd journal", "wtmp": "binary", "wtmp.gz": "binary", "utmp": "binary", "logs.zip": "zip archive", "logs.tar.gz": "tar archive",
			"fw.pcap": "packet capture", "loop": "link to a folder", "dangling": "gone", "fifo": "neither file nor folder",
		} {
			if !strings.Contains(reasons[name], want) {
				t.Errorf("%s: %q", name, reasons[name])
			}
		}
		if !hidden && (reasons[".hidden"] != "hidden" || reasons[".git"] != "hidden") {
			t.Errorf("hidden ones: %v", reasons)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	dir := t.TempDir()
	good := put(t, dir, "good.log", "one\n")
	binary := put(t, dir, "bin/wtmp", make([]byte, 5000))
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{good, dir + "/missing.log", dir + "/no/such"}, []string{
			"missing.log: no such file or folder\nhint: ", "the folder " + dir + "/no is not there either",
		}},
		{[]string{dir + "/dangling"}, []string{"it is a link to something that is gone"}},
		{[]string{good, dir + "/empty"}, []string{"empty: no file to read in this folder\nhint: the folder is empty"}},
		{[]string{good, dir + "/bin"}, []string{"bin: no file to read in this folder\nhint: 1 left out, e.g. ", "wtmp: binary"}},
		{[]string{dir + "/*.txt"}, []string{"*.txt: no file matches this pattern\nhint: "}},
		{[]string{dir + "/[a"}, []string{"[a: not a valid pattern\nhint: "}},
		{[]string{binary}, []string{"wtmp: binary, not text\nhint: "}},
		{nil, []string{"no input is named\nhint: "}},
	} {
		_, err := Find(c.args, nil)
		if err == nil {
			t.Errorf("%q is taken", c.args)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v, want %q", c.args, err, w)
			}
		}
	}
	if got := found(t, good, binary); !slices.Equal(got, []string{good}) {
		t.Errorf("a binary beside a log: %q", got)
	}
	odd := put(t, dir, "odd[1].log", "one\n")
	if got := found(t, odd); !slices.Equal(got, []string{odd}) {
		t.Errorf("a name that looks like a pattern: %q", got)
	}
	if got := found(t, dir+"/g*.log"); !slices.Equal(got, []string{good}) {
		t.Errorf("a pattern: %q", got)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root may read everything: the same error comes from a path below a file.
		file := put(t, t.TempDir(), "file", "one\n")
		_, err := Find([]string{file + "/below"}, nil)
		if err == nil || !strings.Contains(err.Error(), "not a directory\nhint: ") {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	closed := put(t, dir, "closed.log", "one\n")
	open := put(t, dir, "open.log", "two\n")
	must(t, os.Chmod(closed, 0))
	if _, err := Find([]string{closed}, nil); err == nil || !strings.Contains(err.Error(), "permission denied\nhint: ") {
		t.Fatal(err)
	}
	if got := found(t, dir); !slices.Equal(got, []string{open}) {
		t.Errorf("got %q", got)
	}
}

func TestNamedPipe(t *testing.T) {
	p := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(p, 0o600))
	s := source(t, Default(), nil, p)
	wrote := make(chan error, 1)
	go func() { wrote <- os.WriteFile(p, gz(t, "one\ntwo\n"), 0) }()
	all := drain(t, s)
	must(t, <-wrote)
	if len(all) != 1 || all[0].data != "one\ntwo\n" || all[0].part.Scan != nil {
		t.Fatalf("got %+v", all)
	}
}
