package pipeline

import (
	"bytes"
	"context"
	"sync"
	"time"
	"unsafe"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/parse"
)

// stride is how many entries are parsed before the sinks' blocks take them: few enough to stay in the core's cache.
const stride = 256

// maxSessions bounds the sessions a worker keeps; a session is cheap to make again.
const maxSessions = 64

var entryPool = sync.Pool{New: func() any { s := make([]event.Entry, 0, 2*stride); return &s }}

// parse runs one worker.
func (p *Pipeline) parse(hard context.Context, shards int, in <-chan *job) {
	w := worker{Pipeline: p, shards: shards, sessions: make(map[*ingest.Part]*parse.Session)}
	for j := range in {
		if hard.Err() == nil {
			w.run(j)
		} else {
			w.blocks(j)
		}
		close(j.parsed)
	}
}

type worker struct {
	*Pipeline
	shards   int
	sessions map[*ingest.Part]*parse.Session
}

func (w *worker) session(part *ingest.Part) *parse.Session {
	s := w.sessions[part]
	if s == nil {
		if len(w.sessions) >= maxSessions {
			clear(w.sessions)
		}
		s = parse.NewSession(w.Table, part.Format, part.Host)
		w.sessions[part] = s
	}
	return s
}

func (w *worker) blocks(j *job) {
	for _, s := range w.Sinks {
		j.blocks = append(j.blocks, s.Block())
	}
}

// run parses a job's lines and fills the sinks' blocks.
func (w *worker) run(j *job) {
	w.blocks(j)
	s := w.session(j.Part)
	s.Resume(j.start)
	s.Received(j.Received)
	es := (*entryPool.Get().(*[]event.Entry))[:0]
	lines, from, pos := 0, 0, 0
	host, shard := "", shardOf("", uint32(w.shards)) // of the line before
	for pos < len(j.Data) {
		end, next := len(j.Data), len(j.Data)
		if i := bytes.IndexByte(j.Data[pos:], '\n'); i >= 0 {
			end, next = pos+i, pos+i+1
		}
		if len(es) == cap(es) {
			es = append(es, event.Entry{})
		} else {
			es = es[:len(es)+1]
		}
		e := &es[len(es)-1]
		s.Parse(view(j.Data[pos:end]), e)
		lines++
		e.Source, e.Pos = j.Part.Source, j.From+int64(pos)
		pos = next
		if w.Within != nil && !w.Within(e) {
			e.Outside = true
			w.outside.Add(1)
		}
		if e.Host != host {
			host, shard = e.Host, shardOf(e.Host, uint32(w.shards))
		}
		e.Shard = shard
		if len(es)-from == stride {
			w.fill(j, es[from:])
			from = len(es)
		}
	}
	w.fill(j, es[from:])
	j.entries = es
	w.lines.Add(int64(lines))
}

func (w *worker) fill(j *job, es []event.Entry) {
	if len(es) == 0 {
		return
	}
	for _, b := range j.blocks {
		b.Append(es)
	}
}

// shardOf returns the shard that owns a host. It is FNV-1a, so that it is the same in every run.
func shardOf(host string, shards uint32) uint8 {
	h := uint32(2166136261)
	for i := range len(host) {
		h = (h ^ uint32(host[i])) * 16777619
	}
	return uint8(h % shards)
}

// release gives a job's entries back. Their strings are views into the batch, so they are cleared to let it go.
func release(j *job) {
	if j.entries != nil {
		es := j.entries
		j.entries = nil
		entryPool.Put(&es)
	}
}

// rotated is the longest time between the last line of a rotated file and the last line of the next one.
const rotated = 180 * 24 * time.Hour

// A dated part is one whose age is known better than from when its file was last changed.
type dated struct {
	part *ingest.Part
	last time.Time // the day of its last line
}

// plan decides the clock of a part from its first batch. A dated part before it in the same rotated set tells more than
// a time of last change, which is the time of copying where files are copies.
func plan(ctx context.Context, b *ingest.Batch, now time.Time, before *dated) (parse.Clock, bool, error) {
	p := b.Part
	h := parse.Hints{Zone: p.Zone, Year: p.Year, Reference: p.Reference, Live: p.Live}
	if h.Reference.IsZero() {
		h.Reference = now
	}
	isDated := p.Recorded
	if before != nil && !p.Recorded && p.Set != "" && p.Set == before.part.Set && !before.last.IsZero() {
		isDated = true
		if limit := before.last.Add(rotated); limit.Before(h.Reference) {
			h.Reference = limit
		}
	}
	c, err := parse.Plan(ctx, h, parse.Sample{
		Head: view(b.Data), Size: p.Size, Consumed: b.Read, Scan: p.Scan, Compressed: p.Compressed,
	})
	return c, isDated, err
}

// view returns b as a string without a copy. Batches are immutable until Done.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
