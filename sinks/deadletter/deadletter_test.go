package deadletter

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/sinks"
)

// fake is a sink that answers with errors.
type fake struct {
	takesFindings bool
	findings      int // taken alone

	err            error
	written        int
	synced, closed bool
	late           func(keep func(event.Extent, error, func(func(string) bool)) error) error
}

func (f *fake) Block() sinks.Block { return nil }

func (f *fake) Write(_ context.Context, b *sinks.Batch) error {
	if f.err == nil {
		f.written++
	}
	if f.takesFindings && len(b.Blocks)+len(b.Counts) == 0 {
		f.findings += len(b.Findings)
		return nil
	}
	return f.err
}

func (f *fake) Close(context.Context) error {
	f.closed = true
	return nil
}

func (f *fake) Sync(context.Context) error {
	f.synced = true
	return f.err
}

func (f *fake) Refused(_ context.Context, keep func(event.Extent, error, func(func(string) bool)) error) error {
	if f.late == nil {
		return nil
	}
	err := f.late(keep)
	if err == nil {
		f.late = nil
	}
	return err
}

var lines = []string{
	"Jan  5 10:02:00 web-1 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=10.0.4.17 DST=192.0.2.7 PROTO=TCP SPT=46330 DPT=587",
	`{"message":"an object already"}`, "<&> \"quoted\" \\ \x01\ttab", "no utf-8: \xff\xfe", "", "{not json",
}

func batch(token string) *sinks.Batch {
	return &sinks.Batch{
		Source: "/var/log/ufw.log",
		Extent: event.Extent{Source: "/var/log/ufw.log", From: 5, To: 905, Parent: "p", Token: token},
		Lines: func(yield func(string) bool) {
			for _, l := range lines {
				if !yield(l) {
					return
				}
			}
		},
		Findings: []event.Finding{{ID: "f1", Kind: "mail-out-blocked"}},
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	fs, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range fs {
		out = append(out, f.Name())
	}
	return out
}

func TestRefusedLinesAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "letters")
	inner := &fake{err: fmt.Errorf("insert 5 entries: %w: code 16", sinks.ErrPermanent)}
	var log bytes.Buffer
	s := Wrap(inner, dir, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 { // the second and third as after a crash
		if err := s.Write(t.Context(), batch("abc123")); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, dir); !slices.Equal(got, []string{"abc123.jsonl"}) {
		t.Fatalf("got %q", got)
	}
	if n, batches := s.Count(); n != int64(len(lines)) || batches != 1 {
		t.Errorf("counted %d lines, %d batches", n, batches)
	}
	if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "code 16") {
		t.Errorf("logged %s", &log)
	}
	st, err := os.Stat(filepath.Join(dir, "abc123.jsonl"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "abc123.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var h struct {
		Hint, Reason, Token string
		Time                time.Time
		To                  int64
		Findings            []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(got[0]), &h); err != nil {
		t.Fatal(err)
	}
	if h.Token != "abc123" || h.To != 905 || !strings.Contains(h.Reason, "code 16") || !strings.Contains(h.Hint, "mailstop replay") ||
		h.Findings[0].ID != "f1" || h.Time.IsZero() {
		t.Errorf("head %+v", h)
	}
	for i, l := range got[1:] {
		var o struct{ Message, Bytes string }
		if err := json.Unmarshal([]byte(l), &o); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		if lines[i] == l {
			continue
		}
		if o.Bytes != "" {
			b, _ := base64.StdEncoding.DecodeString(o.Bytes)
			o.Message = string(b)
		}
		if o.Message != lines[i] {
			t.Errorf("got %q, want %q", o.Message, lines[i])
		}
	}
	if len(got) != len(lines)+1 {
		t.Errorf("%d lines", len(got))
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	s := Wrap(&fake{err: sinks.ErrPermanent}, dir, slog.New(slog.DiscardHandler))
	for _, token := range []string{"", "../../etc/x", strings.Repeat("a", 500), "ok"} {
		for range 2 {
			if err := s.Write(t.Context(), batch(token)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Write(t.Context(), &sinks.Batch{Findings: []event.Finding{{ID: "only"}}}); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 5 {
		t.Errorf("got %q", got)
	}
}

func TestOtherErrorsPass(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "letters")
	inner := &fake{err: errors.New("connection refused")}
	s := Wrap(inner, dir, slog.New(slog.DiscardHandler))
	if err := s.Write(t.Context(), batch("t")); !errors.Is(err, inner.err) {
		t.Errorf("got %v", err)
	}
	if err := s.Sync(t.Context()); !errors.Is(err, inner.err) {
		t.Errorf("got %v", err)
	}
	inner.err = nil
	if err := s.Write(t.Context(), batch("t")); err != nil || inner.written != 1 {
		t.Errorf("got %v, %d", err, inner.written)
	}
	if err := s.Close(t.Context()); err != nil || !inner.closed || !inner.synced {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// TestCannotKeep: what cannot be kept is not acknowledged, and no half file stays.
func TestCannotKeep(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "letters")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	s := Wrap(&fake{err: sinks.ErrPermanent}, dir, slog.New(slog.DiscardHandler))
	if err := s.Write(t.Context(), batch("t")); err == nil || errors.Is(err, sinks.ErrPermanent) {
		t.Fatalf("got %v", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "t.jsonl.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), batch("t")); err != nil {
		t.Fatal(err)
	}
	if n, batches := s.Count(); n != int64(len(lines)) || batches != 1 {
		t.Errorf("counted %d lines, %d batches", n, batches)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"t.jsonl", "t.jsonl.d"}) {
		t.Errorf("got %q", got)
	}
}

// TestRefusedLater: what the sink behind took before it was refused is kept before anything else is written.
func TestRefusedLater(t *testing.T) {
	dir := t.TempDir()
	inner := &fake{late: func(keep func(event.Extent, error, func(func(string) bool)) error) error {
		b := batch("late")
		return keep(b.Extent, errors.New("code 53"), b.Lines)
	}}
	s := Wrap(inner, dir, slog.New(slog.DiscardHandler))
	if err := s.Write(t.Context(), batch("t")); err != nil || inner.written != 1 || inner.late != nil {
		t.Fatalf("got %v, %d written", err, inner.written)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"late.jsonl"}) {
		t.Errorf("got %q", got)
	}
}

// TestFindingsAreStored: the lines are refused, the findings that came with them are not.
func TestFindingsAreStored(t *testing.T) {
	dir := t.TempDir()
	inner := &fake{err: sinks.ErrPermanent, takesFindings: true}
	s := Wrap(inner, dir, slog.New(slog.DiscardHandler))
	b := batch("t")
	b.Counts = []event.Count{{}}
	if err := s.Write(t.Context(), b); err != nil || inner.findings != 1 {
		t.Fatalf("got %v, %d findings", err, inner.findings)
	}
	text, err := os.ReadFile(filepath.Join(dir, "t.jsonl"))
	if err != nil || strings.Contains(string(text), "mail-out-blocked") {
		t.Errorf("got %s, %v", text, err)
	}
}
