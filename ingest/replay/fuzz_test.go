package replay

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"mailstop/internal/unpack"
)

// FuzzStream reads bytes of any kind: no panic, no endless loop, bounded memory, and plain text comes out as it went in.
func FuzzStream(f *testing.F) {
	for _, b := range [][]byte{
		nil, []byte("one\ntwo"), gz(f, "one\ntwo\n"), zst(f, "one\ntwo\n"), xzip(f, "one\ntwo\n"), unbase(f, bzOneTwo), unbase(f, bzEmpty),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o := small()
		o.Ledger = none
		s := source(t, o, bytes.NewReader(b), "-")
		var got []byte
		to := int64(0)
		for total := 0; total < 64<<20; {
			batch, err := s.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			if batch.From != to || batch.Problem == "" && len(batch.Data) == 0 {
				t.Fatalf("batch [%d,%d) behind %d", batch.From, batch.To, to)
			}
			to = batch.To
			total += len(batch.Data)
			got = append(got[:min(len(got), 1<<20)], batch.Data...)
			batch.Done()
		}
		if unpack.KindOf(b) == unpack.Plain && len(b) < maxLine && !bytes.Equal(got, b) {
			t.Fatalf("%d bytes became %d", len(b), len(got))
		}
	})
}
