package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"sync"
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
	s.From(j.Part.Host)
	marks := newMarks(j.Batch)
	es := (*entryPool.Get().(*[]event.Entry))[:0]
	lines, unread, notes, from, pos := 0, 0, 0, 0, 0
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
		if marks != nil {
			marks.apply(s, pos)
		}
		s.Parse(view(j.Data[pos:end]), e)
		lines++
		e.Source, e.Pos = j.Part.Source, j.From+int64(pos)
		if marks != nil {
			e.Pos = marks.now.Pos
		}
		switch {
		case e.Error != "":
			if unread++; unread == 1 {
				j.progress.Sample, j.progress.Error = e.Raw, e.Error
			}
		case e.Note != "":
			notes++
		}
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
	j.progress.Part, j.progress.Origin, j.progress.Bytes, j.progress.Sealed = j.Part, j.Origin, len(j.Data), j.seals
	j.progress.Lines, j.progress.Unread, j.progress.Notes = lines, unread, notes
	j.progress.Again = j.Extent != nil && j.Extent.Stored
}

// marks walks over a batch's marks along with its lines.
type marks struct {
	rest []ingest.Mark
	now  ingest.Mark
	part *ingest.Part
	sent int64 // when the batch was received
}

func newMarks(b *ingest.Batch) *marks {
	if len(b.Marks) == 0 {
		return nil
	}
	return &marks{rest: b.Marks, now: ingest.Mark{Pos: b.From}, part: b.Part, sent: b.Received}
}

// apply tells the session what the marks say of the line at index at of the batch. A note that the line before was repeated
// is about the same sender's line, so it is not believed across senders.
func (m *marks) apply(s *parse.Session, at int) {
	if len(m.rest) == 0 || m.rest[0].At > at {
		return
	}
	sender := m.now.Host
	for len(m.rest) > 0 && m.rest[0].At <= at {
		m.now, m.rest = m.rest[0], m.rest[1:]
	}
	s.Received(cmp.Or(m.now.Received, m.sent))
	if m.now.Host != sender {
		s.From(cmp.Or(m.now.Host, m.part.Host))
	}
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

// view returns b as a string without a copy. Batches are immutable until Done.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
