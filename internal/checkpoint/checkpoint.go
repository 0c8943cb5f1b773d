// Package checkpoint keeps, in one file, where the daemon's sources are and what its detectors know, as of one moment. The
// file is replaced whole: after a crash it is the new one or the one before.
package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A Checkpoint is one moment of the daemon.
type Checkpoint struct {
	Time      time.Time                  `json:"time"`
	Version   string                     `json:"version"`   // of the program that wrote it
	Positions map[string]json.RawMessage `json:"positions"` // by name of source
	// States are what parts of the program know, by their names, in their own form.
	States map[string][]byte `json:"-"`
}

// header is the file's first line, so that people can read it. The states follow, compressed.
type header struct {
	Format string `json:"mailstop_checkpoint"`
	Checkpoint
	States []stateHeader `json:"states"`
	Sum    string        `json:"sha256"` // of the line with an empty sum, and of what follows it
}

type stateHeader struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

const (
	format = "1"
	// lineEnd is what the first line ends with, behind the sum.
	lineEnd = `"}`
	// maxState bounds what Load takes for the states, in bytes.
	maxState = 1 << 30
)

// ErrDamaged says that a file is no whole checkpoint of a version that this program knows.
var ErrDamaged = errors.New("damaged, or of another version")

// previous is the name of the checkpoint before.
func previous(path string) string { return path + ".previous" }

// Save writes c to path, durably. What was there before stays as path.previous.
func Save(path string, c Checkpoint) error {
	b, err := encode(c)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := replace(path, b); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

func encode(c Checkpoint) ([]byte, error) {
	h := header{Format: format, Checkpoint: c}
	var states []byte
	for _, name := range sortedNames(c.States) {
		h.States = append(h.States, stateHeader{name, len(c.States[name])})
		states = append(states, c.States[name]...)
	}
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer packer.Close()
	packed := packer.EncodeAll(states, nil)
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	h.Sum = sum(line, packed)
	if line, err = json.Marshal(h); err != nil {
		return nil, err
	}
	return append(append(line, '\n'), packed...), nil
}

func sum(line, packed []byte) string {
	h := sha256.New()
	h.Write(line)
	h.Write(packed)
	return hex.EncodeToString(h.Sum(nil))
}

// replace makes path hold b. At every moment there is a whole file at path or at its previous name.
func replace(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // a fixed name, so that the error is the same each time
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(path, previous(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Load reads the checkpoint at path. If that is damaged, it returns the one before and why it had to: positions that lie
// earlier are no loss, since the store knows what it has. If there is neither, it returns nil; an error alone if there is
// a checkpoint and none can be read.
func Load(path string) (*Checkpoint, error) {
	c, err := load(path)
	if err == nil {
		return c, nil
	}
	before, errBefore := load(previous(path))
	switch {
	case errBefore == nil && errors.Is(err, fs.ErrNotExist):
		return before, nil // the crash came between the two renames
	case errBefore == nil:
		return before, fmt.Errorf("checkpoint %s: %w", path, err)
	case errors.Is(err, fs.ErrNotExist) && errors.Is(errBefore, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // no checkpoint is no error
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("checkpoint %s: %w", previous(path), errBefore)
	}
	return nil, fmt.Errorf("checkpoint %s: %w", path, err)
}

func load(path string) (*Checkpoint, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return decode(b)
}

func decode(b []byte) (*Checkpoint, error) {
	line, packed, ok := bytes.Cut(b, []byte{'\n'})
	if !ok {
		return nil, ErrDamaged
	}
	const digits = 2 * sha256.Size
	i := len(line) - digits - len(lineEnd)
	if i < 0 || string(line[len(line)-len(lineEnd):]) != lineEnd {
		return nil, ErrDamaged
	}
	if told := string(line[i : i+digits]); sum(append(bytes.Clone(line[:i]), lineEnd...), packed) != told {
		return nil, ErrDamaged
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Format != format {
		return nil, ErrDamaged
	}
	reader, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxState))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	states, err := reader.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	c := h.Checkpoint
	c.States = map[string][]byte{}
	for _, s := range h.States {
		if s.Bytes < 0 || s.Bytes > len(states) {
			return nil, ErrDamaged
		}
		c.States[s.Name], states = states[:s.Bytes], states[s.Bytes:]
	}
	return &c, nil
}

func sortedNames(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }

// SetAside renames what is at path, so that it can be looked at and a new checkpoint can be written.
func SetAside(path string, now time.Time) (string, error) {
	to := path + ".damaged-" + now.UTC().Format("20060102T150405")
	err := os.Rename(path, to)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return to, err
}
