package chdb

import (
	"bufio"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// forgetLost takes back what the engine noted of inserts that it did not finish. A plain MergeTree table writes an insert's
// token into its deduplication log, and only then gives the part the name under which it counts (MergeTreeSink.cpp,
// finishDelayedChunk). A process that is killed between the two leaves a token without its rows: the insert that comes
// again would be taken for a repetition, and lost. The engine must not be running on dir.
func forgetLost(dir string) error {
	f, err := os.Open(filepath.Join(dir, "status"))
	if errors.Is(err, fs.ErrNotExist) {
		f, err = nil, nil
	}
	if err != nil {
		return err
	}
	if f != nil {
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			return ErrHeld
		}
	}
	tables, err := filepath.Glob(filepath.Join(dir, "store", "*", "*", "deduplication_logs"))
	if err != nil {
		return err
	}
	for _, logs := range tables {
		if err := forgetLostOf(logs); err != nil {
			return err
		}
	}
	return nil
}

// forgetLostOf looks through the logs of one table.
func forgetLostOf(logs string) error {
	files, err := filepath.Glob(filepath.Join(logs, "deduplication_log_*.txt"))
	if err != nil || len(files) == 0 {
		return err
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(logNumber(a), logNumber(b)) })
	parts, err := partsOf(filepath.Dir(logs))
	if err != nil {
		return err
	}
	tokens := map[string]string{} // the part of each token that counts
	for _, path := range files {
		if err := readTokens(path, tokens); err != nil {
			return err
		}
	}
	var drop []byte
	for token, name := range tokens {
		// Parts whose time has run out are gone, too: what is dropped of these is not asked for again.
		if p, ok := parsePart(name); ok && !parts.hold(p) {
			drop = append(drop, "2\t"+name+"\t"+token+"\n"...)
		}
	}
	if len(drop) == 0 {
		return nil
	}
	log, err := os.OpenFile(files[len(files)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = log.Write(drop)
	return errors.Join(err, log.Close())
}

func logNumber(path string) uint64 {
	name := strings.TrimSuffix(filepath.Base(path), ".txt")
	n, err := strconv.ParseUint(name[strings.LastIndexByte(name, '_')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// readTokens reads a log: operation (1 adds, 2 drops), name of the part, token.
func readTokens(path string, tokens map[string]string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		op, rest, _ := strings.Cut(lines.Text(), "\t")
		name, token, _ := strings.Cut(rest, "\t")
		switch op {
		case "1":
			tokens[token] = name
		case "2":
			delete(tokens, token)
		}
	}
	return lines.Err()
}

// A part holds the rows of the inserts with the numbers from low to high: "202610_7_9_1" those of 7 to 9, merged once.
type part struct {
	partition string
	low, high int64
}

func parsePart(name string) (part, bool) {
	words := strings.Split(name, "_")
	if len(words) != 4 && len(words) != 5 { // the fifth is the number of a mutation
		return part{}, false
	}
	low, err1 := strconv.ParseInt(words[1], 10, 64)
	high, err2 := strconv.ParseInt(words[2], 10, 64)
	_, err3 := strconv.ParseUint(words[3], 10, 32)
	return part{words[0], low, high}, err1 == nil && err2 == nil && err3 == nil
}

// partSet has a table's parts by their partition.
type partSet map[string][]part

func partsOf(table string) (partSet, error) {
	dirs, err := os.ReadDir(table)
	if err != nil {
		return nil, err
	}
	set := partSet{}
	for _, d := range dirs {
		if p, ok := parsePart(d.Name()); ok && d.IsDir() {
			set[p.partition] = append(set[p.partition], p)
		}
	}
	return set, nil
}

func (s partSet) hold(p part) bool {
	return slices.ContainsFunc(s[p.partition], func(q part) bool { return q.low <= p.low && p.high <= q.high })
}
