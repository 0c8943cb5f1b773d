package replay

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailstop/ingest"
	"mailstop/internal/rotated"
)

// Inputs are the files to read, in the order in which they are read, and what was left out.
type Inputs struct {
	Files   []File
	Skipped []Skip
}

// A File is one input.
type File struct {
	Path string // as given, or below the folder given; "stdin" for standard input
	Size int64  // as stored; 0 for what is not a file

	stream io.Reader   // standard input
	info   fs.FileInfo // nil for standard input
	member rotated.Member
}

// A Skip says why something that the arguments cover is not read.
type Skip struct{ Path, Reason string }

func (f File) isStream() bool { return f.info == nil || !f.info.Mode().IsRegular() }

// maxDepth bounds how deep folders may be nested.
const maxDepth = 64

// Find finds what args name: files, folders with all below, patterns of filepath.Match, and "-" for stdin. If one of
// them is wrong, nothing should be read: the error names each of them, with a hint. Binary files are left out unless they
// are of one of the kinds.
func Find(args []string, stdin io.Reader, kinds ...ingest.Container) (Inputs, error) {
	f := finder{kinds: kinds}
	var errs []error
	for _, arg := range args {
		if err := f.argument(arg, stdin); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Inputs{}, err
	}
	sortFiles(f.found.Files)
	f.dropTwins()
	if len(f.found.Files) == 0 {
		return Inputs{}, f.nothing()
	}
	return f.found, nil
}

type finder struct {
	kinds []ingest.Container
	found Inputs
	stdin bool
}

func (f *finder) skip(path, reason string) {
	f.found.Skipped = append(f.found.Skipped, Skip{path, reason})
}

func (f *finder) argument(arg string, stdin io.Reader) error {
	if arg == "-" {
		if !f.stdin {
			f.stdin = true
			f.found.Files = append(f.found.Files, File{Path: "stdin", stream: stdin})
		}
		return nil
	}
	info, err := os.Stat(arg)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, `*?[`) {
		return f.pattern(arg)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such file or folder\nhint: %s", arg, missingHint(arg))
	case err != nil:
		return fmt.Errorf("%s: %s\nhint: the path cannot be examined as this user", arg, reason(err))
	case info.IsDir():
		return f.folderArgument(arg)
	}
	why, err := f.file(arg, info)
	if err != nil {
		return fmt.Errorf("%s: %s\nhint: run this as a user who may read it, or leave it out", arg, reason(err))
	}
	if why != "" {
		f.skip(arg, why)
	}
	return nil
}

func missingHint(arg string) string {
	if _, err := os.Lstat(arg); err == nil {
		return "it is a link to something that is gone"
	}
	dir := filepath.Dir(arg)
	if _, err := os.Stat(dir); err != nil {
		return "the folder " + dir + " is not there either"
	}
	return "look at the names in " + dir + `; quote patterns like "*.log" only if the shell should leave them alone`
}

func (f *finder) folderArgument(arg string) error {
	files, skipped := len(f.found.Files), len(f.found.Skipped)
	if err := f.folder(arg, 0); err != nil {
		return fmt.Errorf("%s: %s\nhint: run this as a user who may read the folder, or leave it out", arg, reason(err))
	}
	if len(f.found.Files) > files {
		return nil
	}
	hint := "the folder is empty"
	if left := f.found.Skipped[skipped:]; len(left) > 0 {
		hint = fmt.Sprintf("%d left out, e.g. %s: %s", len(left), left[0].Path, left[0].Reason)
	}
	return fmt.Errorf("%s: no file to read in this folder\nhint: %s", arg, hint)
}

func (f *finder) pattern(arg string) error {
	paths, err := filepath.Glob(arg)
	if err != nil {
		return fmt.Errorf("%s: not a valid pattern\nhint: * and ? match within a name, [a-z] a range; a backslash takes a sign as it is", arg)
	}
	if len(paths) == 0 {
		return fmt.Errorf("%s: no file matches this pattern\nhint: ** is not known; name a folder to read all below it", arg)
	}
	for _, p := range paths {
		f.entry(p, 0)
	}
	return nil
}

// folder adds what is below path.
func (f *finder) folder(path string, depth int) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := filepath.Join(path, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
			f.skip(p, "hidden")
		case depth == maxDepth:
			f.skip(p, "folders are nested too deep")
		default:
			f.entry(p, depth+1)
		}
	}
	return nil
}

// entry adds something that was not named by itself: what cannot be read is left out and listed.
func (f *finder) entry(path string, depth int) {
	link, err := os.Lstat(path)
	info := link
	if err == nil && link.Mode()&fs.ModeSymlink != 0 {
		info, err = os.Stat(path)
	}
	switch {
	case err != nil:
		f.skip(path, reason(err))
	case info.IsDir() && link.Mode()&fs.ModeSymlink != 0:
		f.skip(path, "link to a folder")
	case info.IsDir():
		if err := f.folder(path, depth); err != nil {
			f.skip(path, reason(err))
		}
	case !info.Mode().IsRegular():
		f.skip(path, "neither file nor folder")
	default:
		why, err := f.file(path, info)
		if err != nil {
			why = reason(err)
		}
		if why != "" {
			f.skip(path, why)
		}
	}
}

// file adds one file unless its content says that it is no log.
func (f *finder) file(path string, info fs.FileInfo) (why string, err error) {
	file := File{Path: path, info: info, member: rotated.Of(path)}
	if info.Mode().IsRegular() {
		file.Size = info.Size()
		if why, err = notLog(path, info.Size(), f.kinds); why != "" || err != nil {
			return why, err
		}
	}
	f.found.Files = append(f.found.Files, file)
	return "", nil
}

// dropTwins leaves out files that are there twice, by a second argument or a link. A real name is better than a link.
func (f *finder) dropTwins() {
	type key struct {
		size     int64
		modified time.Time
	}
	places := map[key][]int{} // few share size and time: os.SameFile need not compare all with all
	drop := make([]bool, len(f.found.Files))
	for i, file := range f.found.Files {
		if file.isStream() {
			continue
		}
		k := key{file.Size, file.info.ModTime()}
		at := slices.IndexFunc(places[k], func(j int) bool { return os.SameFile(f.found.Files[j].info, file.info) })
		if at < 0 {
			places[k] = append(places[k], i)
			continue
		}
		kept, dropped := places[k][at], i
		if isLink(f.found.Files[kept].Path) && !isLink(file.Path) {
			kept, dropped = i, kept
			places[k][at] = i
		}
		drop[dropped] = true
		if f.found.Files[kept].Path != f.found.Files[dropped].Path {
			f.skip(f.found.Files[dropped].Path, "the same file as "+f.found.Files[kept].Path)
		}
	}
	i := 0
	f.found.Files = slices.DeleteFunc(f.found.Files, func(File) bool { i++; return drop[i-1] })
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func (f *finder) nothing() error {
	if len(f.found.Skipped) == 0 {
		return errors.New("no input is named\nhint: name log files, folders, or - for standard input")
	}
	s := f.found.Skipped[0]
	hint := `to read it nevertheless, give it as standard input: mailstop replay - < "` + s.Path + `"`
	if n := len(f.found.Skipped); n > 1 {
		hint = fmt.Sprintf("%d more are left out; name one that holds log lines", n-1)
	}
	return fmt.Errorf("%s: %s\nhint: %s", s.Path, s.Reason, hint)
}
