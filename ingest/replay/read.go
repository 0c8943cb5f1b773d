package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/internal/extent"
	"mailstop/internal/unpack"
)

// A reading is one input while it is read.
type reading struct {
	file  File
	part  *ingest.Part
	kinds []ingest.Container
	lines extent.Lines
	chain *extent.Chain // nil without a ledger
	pump  *pump         // nil for files
	ended bool
	free  []func() // in reverse order
}

// begin opens f.
func (s *Source) begin(f File) (*reading, error) {
	r := &reading{file: f, kinds: s.options.Containers, part: &ingest.Part{
		Source: f.Path, Host: s.options.Host, Format: s.options.Format, Zone: s.options.Zone, Year: s.options.Year,
	}}
	r.lines.Pool = s.pool
	if err := r.open(); err != nil {
		r.close()
		return nil, err
	}
	if s.options.Ledger != nil {
		root := s.options.root()
		r.chain = &extent.Chain{
			Ledger: s.options.Ledger, Source: f.Path, Size: s.options.ExtentSize, Lines: &r.lines, Root: root, Parent: root,
		}
	}
	return r, nil
}

func (r *reading) open() error {
	if r.file.stream != nil {
		return r.openStream(r.file.stream, nil)
	}
	f, err := os.Open(r.file.Path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		r.free = append(r.free, func() { _ = f.Close() })
		return err
	}
	if !info.Mode().IsRegular() {
		return r.openStream(f, f)
	}
	r.free = append(r.free, func() { _ = f.Close() })
	if !os.SameFile(info, r.file.info) {
		return errReplaced
	}
	return r.openFile(f, info)
}

var (
	errReplaced = errors.New("another file took its place since the replay began; not read")
	errShrunk   = errors.New("the file became shorter while it was read")
)

func (r *reading) openFile(f *os.File, info fs.FileInfo) error {
	size := info.Size()
	head := make([]byte, min(headSize, size))
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	c := unpack.KindOf(head[:n])
	wrapped := c == unpack.Plain && containerOf(r.kinds, head[:n]) != nil
	r.part.Size = size
	r.part.Compressed = c != unpack.Plain || wrapped
	r.part.Reference, r.part.Recorded = r.file.reference(r.part.Zone, f, c, info)
	r.part.Set = r.file.member.Set
	r.part.Scan = scanner{r.file.Path, info, c, wrapped, r.kinds, r.lines.Pool}.scan
	if wrapped {
		return r.unpack(c, unpack.NewStored(&whole{f, size}))
	}
	if c == unpack.Plain {
		r.lines.Source = &regular{f: f, size: size}
		r.lines.Stored = func() int64 { return r.lines.Done }
		return nil
	}
	return r.unpack(c, unpack.NewStored(io.LimitReader(f, size)))
}

// openStream reads src, which may wait for a writer. It closes c, if any.
func (r *reading) openStream(src io.Reader, c io.Closer) error {
	r.pump = newPump(src, c)
	r.free = append(r.free, r.pump.close)
	r.lines.Eager = true
	st := unpack.NewStored(r.pump)
	// The kind is known only when the first bytes are there, which Next waits for, not this.
	r.lines.Source = &undecided{reading: r, in: st}
	r.lines.Stored = st.Offset
	return nil
}

// undecided finds out at the first read how a stream is packed.
type undecided struct {
	reading *reading
	in      *unpack.Stored
}

func (u *undecided) Read(p []byte) (int, error) {
	head, err := u.in.In.Peek(1)
	if len(head) == 0 {
		return 0, err
	}
	if bytes.IndexByte([]byte{0x1f, 0x28, 'B', 0xfd}, head[0]) >= 0 || head[0]&0xf0 == 0x50 {
		head, _ = u.in.In.Peek(18)
	}
	if err := u.reading.unpack(unpack.KindOf(head), u.in); err != nil {
		return 0, err
	}
	return u.reading.lines.Source.Read(p)
}

func (r *reading) unpack(c unpack.Kind, in *unpack.Stored) error {
	src, free, err := unpack.Open(c, in.In)
	r.lines.Stored = in.Offset
	if err != nil {
		// A damaged header is damage like any other: said by the first read, with its offset.
		src = failing{err}
	}
	r.lines.Source = contain(src, r.kinds, r.lines.Eager)
	r.free = append(r.free, free)
	return nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// batch returns the next batch; io.EOF when there is no more; another error only if the whole source must end.
func (r *reading) batch(ctx context.Context) (*ingest.Batch, error) {
	if r.ended {
		return nil, io.EOF
	}
	if r.pump != nil {
		defer context.AfterFunc(ctx, r.pump.stop)()
	}
	b, e, err := r.next(ctx)
	if err == nil {
		return &ingest.Batch{
			Part: r.part, Data: b.Data, From: b.From, To: b.To, Read: b.Read, Extent: e, Done: b.Release,
		}, nil
	}
	if err == io.EOF { //nolint:errorlint // only the bare one is the end: wrapped, it is the store's or a decoder's failure
		r.ended = true
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if ledger := (*extent.LedgerError)(nil); errors.As(err, &ledger) {
		return nil, err
	}
	r.ended = true
	return &ingest.Batch{
		Part: r.part, From: r.lines.Done, To: r.lines.Done, Read: r.lines.Stored(), Problem: r.problem(err), Done: func() {},
	}, nil
}

func (r *reading) next(ctx context.Context) (extent.Block, *event.Extent, error) {
	if r.chain != nil {
		return r.chain.Next(ctx)
	}
	b, err := r.lines.Next()
	return b, nil, err
}

// problem names the file, the stored offset and, if it is another, the offset in the text.
func (r *reading) problem(err error) string {
	at := r.lines.Stored()
	if at == r.lines.Done {
		return fmt.Sprintf("%s: offset %d: %s", r.part.Source, at, reason(err))
	}
	return fmt.Sprintf("%s: offset %d: %s (%d bytes of text before it are read)", r.part.Source, at, reason(err), r.lines.Done)
}

// reason says an error without the path, which whoever shows it names.
func reason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "unexpected end of file"
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "the file is gone"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

func (r *reading) close() {
	if r.chain != nil {
		r.chain.Close()
	}
	r.lines.Drop()
	for i := len(r.free) - 1; i >= 0; i-- {
		r.free[i]()
	}
}

// regular reads a file as far as it reached when it was opened, so that the end comes even if something is writing to
// it; but a line that was half written then is read to its end if that is there by now.
type regular struct {
	f       *os.File
	n, size int64
	last    byte
}

func (r *regular) Read(p []byte) (int, error) {
	if r.n >= r.size {
		return r.beyond(p)
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.size-r.n)])
	r.n += int64(n)
	if n > 0 {
		r.last = p[n-1]
	}
	if err == io.EOF {
		return n, errShrunk
	}
	return n, err
}

func (r *regular) beyond(p []byte) (int, error) {
	if r.size == 0 || r.last == '\n' || r.n-r.size > maxLine {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(len(p), 4<<10)])
	if i := bytes.IndexByte(p[:n], '\n'); i >= 0 {
		n = i + 1
	}
	if n > 0 {
		r.last = p[n-1]
	}
	r.n += int64(n)
	return n, err
}
