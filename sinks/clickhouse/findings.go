package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/zeebo/xxh3"

	"mailstop/event"
)

// written remembers a digest of the findings that were written last, so that one that has not changed is not written
// again. The store would hide the copy, but each insert costs as much as a thousand entries.
type written map[string]uint64

// maxWritten bounds the memory of written to some 2 MiB. Those beyond are written again.
const maxWritten = 20_000

// digest returns the digest of a finding, or 0 if it has none.
func digest(f *event.Finding) uint64 {
	b, err := json.Marshal([]any{f, f.Where, f.MoreTargets})
	if err != nil { // a time that JSON cannot hold
		return 0
	}
	return xxh3.Hash(b)
}

// changed returns the findings that are not as they were written last.
func (w written) changed(fs []event.Finding) []event.Finding {
	var out []event.Finding
	again := map[string]bool{}
	for i := range fs {
		f := &fs[i]
		if sum, ok := w[f.ID]; ok && sum != 0 && sum == digest(f) && !again[f.ID] {
			continue
		}
		again[f.ID] = true
		out = append(out, *f)
	}
	return out
}

// upsert stores findings in their present form: the newest revision wins. It may be called as often as one likes.
func (s *Sink) upsert(ctx context.Context, all []event.Finding) error {
	fs := s.written.changed(all)
	if len(fs) == 0 {
		return nil
	}
	revisions := make([]uint64, len(fs))
	for i := range revisions {
		// Time makes instances that share a server agree on what is newer; the rest keeps a clock that went back from
		// hiding changes.
		s.revision = max(s.revision+1, uint64(max(time.Now().UnixNano(), 0)))
		revisions[i] = s.revision
	}
	cols := []insertColumn{values("revision", "UInt64", revisions)}
	for _, c := range findingColumns {
		cols = append(cols, values(c.name, c.kind, c.of(fs)))
	}
	for i := range fs {
		delete(s.written, fs[i].ID) // until it is known which form the store has
	}
	if err := s.insert(ctx, "findings", "", cols); err != nil {
		return fmt.Errorf("insert %d findings: %w", len(fs), err)
	}
	if s.written == nil || len(s.written)+len(fs) > maxWritten {
		s.written = written{}
	}
	for i := range fs {
		s.written[fs[i].ID] = digest(&fs[i])
	}
	return nil
}

// A findingColumn is one field of a finding: how it is sent, and where it is read into.
type findingColumn struct {
	name, kind string
	of         func(fs []event.Finding) any
	to         func(r *findingRow) any
}

// A findingRow is a finding as it is read; the fields that the store spells otherwise stand beside it.
type findingRow struct {
	event.Finding
	severity, state, direction, confidence string
	more                                   int64
	first, last, oldest                    *time.Time
	messages                               *uint64
	fix                                    [5][]string
}

var findingColumns = []findingColumn{
	text("id", func(f *event.Finding) *string { return &f.ID }),
	word("kind", func(f *event.Finding) string { return f.Kind }, func(r *findingRow) *string { return &r.Kind }),
	word("severity", func(f *event.Finding) string { return f.Severity.String() }, func(r *findingRow) *string { return &r.severity }),
	word("state", func(f *event.Finding) string { return f.State.String() }, func(r *findingRow) *string { return &r.state }),
	text("host", func(f *event.Finding) *string { return &f.Host }),
	word("direction", func(f *event.Finding) string { return f.Direction.String() }, func(r *findingRow) *string { return &r.direction }),
	word("proto", func(f *event.Finding) string { return f.Proto }, func(r *findingRow) *string { return &r.Proto }),
	field("port", "UInt16", func(f *event.Finding) *uint16 { return &f.Port }),
	word("service", func(f *event.Finding) string { return f.Service }, func(r *findingRow) *string { return &r.Service }),
	text("rule", func(f *event.Finding) *string { return &f.Rule }),
	word("provider", func(f *event.Finding) string { return f.Provider }, func(r *findingRow) *string { return &r.Provider }),
	field("destinations", "Array(String)", func(f *event.Finding) *[]string { return &f.Destinations }),
	other("more_targets", "Int64", func(f *event.Finding) int64 { return int64(f.MoreTargets) }, func(r *findingRow) any { return &r.more }),
	field("attempts", "UInt64", func(f *event.Finding) *uint64 { return &f.Attempts }),
	field("packets", "UInt64", func(f *event.Finding) *uint64 { return &f.Packets }),
	moment("first", func(f *event.Finding) time.Time { return f.First }, func(r *findingRow) any { return &r.first }),
	moment("last", func(f *event.Finding) time.Time { return f.Last }, func(r *findingRow) any { return &r.last }),
	text("summary", func(f *event.Finding) *string { return &f.Summary }),
	word("cause_code", func(f *event.Finding) string { return f.Cause.Code }, func(r *findingRow) *string { return &r.Cause.Code }),
	text("cause_text", func(f *event.Finding) *string { return &f.Cause.Text }),
	word("cause_confidence", func(f *event.Finding) string { return string(f.Cause.Confidence) },
		func(r *findingRow) *string { return &r.confidence }),
	field("cause_missing", "Array(String)", func(f *event.Finding) *[]string { return &f.Cause.Missing }),
	other("queue_messages", "Nullable(UInt64)", queueMessages, func(r *findingRow) any { return &r.messages }),
	moment("queue_oldest", queueOldest, func(r *findingRow) any { return &r.oldest }),
	fixes("fix_platform", 0, func(f *event.Fix) string { return f.Platform }),
	fixes("fix_command", 1, func(f *event.Fix) string { return f.Command }),
	fixes("fix_undo", 2, func(f *event.Fix) string { return f.Undo }),
	fixes("fix_check", 3, func(f *event.Fix) string { return f.Check }),
	fixes("fix_note", 4, func(f *event.Fix) string { return f.Note }),
	field("evidence", "Array(String)", func(f *event.Finding) *[]string { return &f.Evidence }),
	field("evidence_where", "Array(String)", func(f *event.Finding) *[]string { return &f.Where }),
	field("lower_bound", "Bool", func(f *event.Finding) *bool { return &f.LowerBound }),
}

// field is a column whose Go type is the finding's own.
func field[T any](name, kind string, of func(*event.Finding) *T) findingColumn {
	return other(name, kind, func(f *event.Finding) T { return *of(f) }, func(r *findingRow) any { return of(&r.Finding) })
}

func text(name string, of func(*event.Finding) *string) findingColumn {
	return field(name, "String", of)
}

func word(name string, of func(*event.Finding) string, to func(*findingRow) *string) findingColumn {
	return other(name, "LowCardinality(String)", of, func(r *findingRow) any { return to(r) })
}

// moment is a time; the zero time, which the store cannot hold, becomes NULL.
func moment(name string, of func(*event.Finding) time.Time, to func(*findingRow) any) findingColumn {
	return other(name, "Nullable(DateTime64(9, 'UTC'))", func(f *event.Finding) *time.Time {
		t := of(f).UTC()
		if t.IsZero() {
			return nil
		}
		if y := t.Year(); y < 1900 || y > 2261 { // what DateTime64(9) holds
			t = time.Unix(0, map[bool]int64{true: math.MaxInt64, false: 0}[y > 2261]).UTC()
		}
		return &t
	}, to)
}

func fixes(name string, i int, of func(*event.Fix) string) findingColumn {
	return other(name, "Array(String)", func(f *event.Finding) []string {
		out := make([]string, len(f.Fix))
		for i := range f.Fix {
			out[i] = of(&f.Fix[i])
		}
		return out
	}, func(r *findingRow) any { return &r.fix[i] })
}

func queueMessages(f *event.Finding) *uint64 {
	if f.Queue == nil {
		return nil
	}
	return &f.Queue.Messages
}

func queueOldest(f *event.Finding) time.Time {
	if f.Queue == nil {
		return time.Time{}
	}
	return f.Queue.Oldest
}

func other[T any](name, kind string, of func(*event.Finding) T, to func(*findingRow) any) findingColumn {
	return findingColumn{name, kind, func(fs []event.Finding) any {
		out := make([]T, len(fs))
		for i := range fs {
			out[i] = of(&fs[i])
		}
		return out
	}, to}
}

// A Filter chooses findings; its zero value chooses all.
type Filter struct {
	Kinds       []string // any of them, if there are some
	Host        string   // if not empty
	MinSeverity event.Severity
	OpenOnly    bool
	Since       time.Time // seen at that time or later, if not zero
	Limit       int       // at most so many, if not 0
}

// Findings returns the findings that f chooses in their newest form, the worst and latest first.
func (s *Sink) Findings(ctx context.Context, f Filter) ([]event.Finding, error) {
	where, args := []string{"1"}, []any(nil)
	add := func(cond string, arg any) {
		where, args = append(where, cond), append(args, arg)
	}
	if len(f.Kinds) > 0 {
		add("kind IN (?)", f.Kinds)
	}
	if f.Host != "" {
		add("host = ?", f.Host)
	}
	if f.MinSeverity > event.Info {
		var names []string
		for _, v := range event.Severities() {
			if v >= f.MinSeverity {
				names = append(names, v.String())
			}
		}
		add("severity IN (?)", names)
	}
	if f.OpenOnly {
		add("state = ?", event.Open.String())
	}
	if !f.Since.IsZero() {
		add("last >= fromUnixTimestamp64Nano(toInt64(?))", f.Since.UnixNano())
	}
	tail := " ORDER BY indexOf(['info', 'low', 'medium', 'high'], severity) DESC, last DESC, id"
	if f.Limit > 0 {
		tail += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return s.readFindings(ctx, strings.Join(where, " AND ")+tail, args...)
}

// ErrNoFinding says that the store has no finding of that id.
var ErrNoFinding = errors.New("no such finding")

// Finding returns the newest form of one finding, or ErrNoFinding.
func (s *Sink) Finding(ctx context.Context, id string) (event.Finding, error) {
	fs, err := s.readFindings(ctx, "id = ?", id)
	if err != nil {
		return event.Finding{}, err
	}
	if len(fs) == 0 {
		return event.Finding{}, fmt.Errorf("%w: %s", ErrNoFinding, id)
	}
	return fs[0], nil
}

func (s *Sink) readFindings(ctx context.Context, where string, args ...any) ([]event.Finding, error) {
	names := make([]string, len(findingColumns))
	for i, c := range findingColumns {
		names[i] = "`" + c.name + "`"
	}
	rows, err := s.conn.Query(ctx, "SELECT "+strings.Join(names, ", ")+" FROM findings FINAL WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	defer rows.Close()
	var out []event.Finding
	for rows.Next() {
		f, err := scanFinding(rows)
		if err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

func scanFinding(rows driver.Rows) (event.Finding, error) {
	var r findingRow
	into := make([]any, len(findingColumns))
	for i, c := range findingColumns {
		into[i] = c.to(&r)
	}
	if err := rows.Scan(into...); err != nil {
		return event.Finding{}, err
	}
	return r.finding(), nil
}

// finding returns what was read, with the words and lists in the finding's own form.
func (r *findingRow) finding() event.Finding {
	f := r.Finding
	f.Severity, _ = event.ParseSeverity(r.severity)
	f.State, _ = event.ParseState(r.state)
	f.Direction, _ = event.ParseDirection(r.direction)
	f.Cause.Confidence = event.Confidence(r.confidence)
	f.MoreTargets = int(r.more)
	f.First, f.Last = moments(r.first), moments(r.last)
	if r.messages != nil {
		f.Queue = &event.Queue{Messages: *r.messages, Oldest: moments(r.oldest)}
	}
	for i := range r.fix[0] {
		f.Fix = append(f.Fix, event.Fix{
			Platform: r.fix[0][i], Command: r.fix[1][i], Undo: r.fix[2][i], Check: r.fix[3][i], Note: r.fix[4][i],
		})
	}
	for _, list := range []*[]string{&f.Destinations, &f.Cause.Missing, &f.Evidence, &f.Where} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	return f
}

func moments(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
