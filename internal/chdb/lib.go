package chdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Version is the release of libchdb that this package is written for and tested with.
const Version = "26.7.3-stable.1"

// libName is the file that Find looks for.
const libName = "libchdb.so"

// EnvLibrary names the environment variable that says where the library is.
const EnvLibrary = "MAILSTOP_LIBCHDB"

// ErrNotFound says that the library is in none of the places where Find looks.
var ErrNotFound = errors.New("libchdb.so not found")

// Find returns the path of the library: what $MAILSTOP_LIBCHDB says, else the first of the binary's folder, the user's
// cache folder and the system's library path that has it. The error is ErrNotFound with a hint.
func Find() (string, error) {
	if p := os.Getenv(EnvLibrary); p != "" {
		if err := regular(p); err != nil {
			return "", fmt.Errorf("%w: $%s: %w", ErrNotFound, EnvLibrary, err)
		}
		return p, nil
	}
	for _, dir := range searchPath() {
		if p := filepath.Join(dir, libName); regular(p) == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf(`%w; hint: run "make libchdb", which fetches version %s, or set $%s to the file (see README)`,
		ErrNotFound, Version, EnvLibrary)
}

func searchPath() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dirs = append(dirs, filepath.Dir(exe))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "mailstop", "libchdb-"+Version))
	}
	return append(dirs, "/usr/local/lib", "/usr/local/lib64", "/usr/lib", "/usr/lib64",
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
}

func regular(path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	return err
}

// library holds the functions of libchdb (chdb.h) that this package calls.
type library struct {
	path string

	setSignals  func(enabled int32)
	version     func() string
	connect     func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn   func(conn unsafe.Pointer)
	query       func(conn, sql unsafe.Pointer, n uintptr, format unsafe.Pointer, fn uintptr) unsafe.Pointer
	stream      func(conn, sql unsafe.Pointer, n uintptr, format unsafe.Pointer, fn uintptr) unsafe.Pointer
	fetch       func(conn, result unsafe.Pointer) unsafe.Pointer
	cancelQuery func(conn, result unsafe.Pointer)
	insert      func(conn, sql unsafe.Pointer, n uintptr, format unsafe.Pointer, fn uintptr) unsafe.Pointer
	insAppend   func(ins, data unsafe.Pointer, n uintptr) int32
	insDone     func(ins unsafe.Pointer) unsafe.Pointer
	insCancel   func(ins unsafe.Pointer)
	insError    func(ins unsafe.Pointer) string
	insDestroy  func(ins unsafe.Pointer)
	resDestroy  func(result unsafe.Pointer)
	resBuffer   func(result unsafe.Pointer) unsafe.Pointer
	resLength   func(result unsafe.Pointer) uintptr
	resError    func(result unsafe.Pointer) string
	resWritten  func(result unsafe.Pointer) uint64
}

var loaded struct {
	sync.Mutex
	lib *library
}

// load opens the library at path once per process: libchdb cannot be unloaded, nor loaded twice.
func load(path string) (*library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.lib != nil {
		return loaded.lib, nil
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	l := &library{path: path}
	for _, s := range l.symbols() {
		// RegisterLibFunc panics where a symbol is missing, so each is looked up first.
		sym, err := purego.Dlsym(handle, s.name)
		if err != nil {
			return nil, fmt.Errorf("load %s: not libchdb %s: %w", path, Version, err)
		}
		purego.RegisterFunc(s.fn, sym)
	}
	// The library's handlers for SIGSEGV and friends would replace those of the Go runtime: a nil dereference in Go
	// would hang the process instead of panicking. Must come before the first connection.
	l.setSignals(0)
	loaded.lib = l
	return l, nil
}

type symbol struct {
	name string
	fn   any
}

func (l *library) symbols() []symbol {
	return []symbol{
		{"chdb_set_signal_handlers_enabled", &l.setSignals},
		{"chdb_version", &l.version},
		{"chdb_connect", &l.connect},
		{"chdb_close_conn", &l.closeConn},
		{"chdb_query_n", &l.query},
		{"chdb_stream_query_n", &l.stream},
		{"chdb_stream_fetch_result", &l.fetch},
		{"chdb_stream_cancel_query", &l.cancelQuery},
		{"chdb_stream_insert_n", &l.insert},
		{"chdb_stream_append", &l.insAppend},
		{"chdb_stream_done", &l.insDone},
		{"chdb_stream_cancel_insert", &l.insCancel},
		{"chdb_stream_insert_error", &l.insError},
		{"chdb_destroy_insert_stream", &l.insDestroy},
		{"chdb_destroy_query_result", &l.resDestroy},
		{"chdb_result_buffer", &l.resBuffer},
		{"chdb_result_length", &l.resLength},
		{"chdb_result_error", &l.resError},
		{"chdb_result_rows_written", &l.resWritten},
	}
}

// dial opens a connection to the engine, which starts with the first one.
// begin opens the first connection, which starts the engine. One that this process has just ended may still be on its way out
// on a busy machine; then it is tried again for some seconds.
func (l *library) begin(args []string) (*conn, error) {
	const patience, pause = 5 * time.Second, 100 * time.Millisecond
	start := time.Now()
	for {
		c, err := l.dial(args)
		if err == nil {
			begun.Store(true)
			return c, nil
		}
		if !begun.Load() || time.Since(start) > patience {
			return nil, err
		}
		time.Sleep(pause)
	}
}

// begun says that an engine was started before.
var begun atomic.Bool

func (l *library) dial(args []string) (*conn, error) {
	argv := make([]*byte, len(args)+1)
	var pin runtime.Pinner
	defer pin.Unpin()
	for i, a := range args {
		b := append([]byte(a), 0)
		pin.Pin(&b[0])
		argv[i] = &b[0]
	}
	pin.Pin(&argv[0])
	h := l.connect(int32(len(args)), unsafe.Pointer(&argv[0]))
	if h == nil || *(*unsafe.Pointer)(h) == nil {
		return nil, errors.New("the engine did not start")
	}
	return &conn{lib: l, handle: h}, nil
}

// ptr returns the bytes of s for a call; the caller keeps s alive.
func ptr(s string) (unsafe.Pointer, uintptr) {
	return unsafe.Pointer(unsafe.StringData(s)), uintptr(len(s))
}
