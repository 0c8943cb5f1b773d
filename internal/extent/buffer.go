package extent

import (
	"sync"
	"sync/atomic"
)

// A buffer is shared by the blocks that were cut from it. It goes back to its pool when the last lets go.
type buffer struct {
	bytes []byte
	users atomic.Int32
	pool  *sync.Pool
}

func (b *buffer) keep() { b.users.Add(1) }

func (b *buffer) release() {
	if b.users.Add(-1) == 0 {
		b.pool.Put(b)
	}
}

// A Pool keeps buffers for blocks.
type Pool struct{ *sync.Pool }

// NewPool returns a pool of buffers of size bytes, and one more for the line end of a line that is cut. The size is
// MinBlock at least, unless nothing longer than it is read.
func NewPool(size int) Pool {
	p := Pool{new(sync.Pool)}
	p.New = func() any { return &buffer{bytes: make([]byte, size+1), pool: p.Pool} }
	return p
}

// get returns a buffer with one user.
func (p Pool) get() *buffer {
	b := p.Get().(*buffer)
	b.users.Store(1)
	return b
}
