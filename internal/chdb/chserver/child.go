package chserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"

	"mailstop/internal/chdb"
)

// ready begins the line that the child prints when it listens.
const ready = "listening on "

const faultPath = "/-/fault"

// Child serves, and never returns, if the process was started by Start; else it does nothing.
func Child() {
	value := os.Getenv(env)
	if value == "" {
		return
	}
	dir, addr, _ := strings.Cut(value, "\n")
	if err := serve(dir, addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve serves until standard input ends, which it does when the parent goes.
func serve(dir, addr string) error {
	db, err := chdb.Open(dir, chdb.Options{Connections: 8})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	f := &faults{next: db.Handler(), changed: make(chan struct{})}
	srv := http.Server{Handler: f}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = srv.Close()
	}()
	fmt.Println(ready + l.Addr().String())
	_ = srv.Serve(l)
	return db.Close()
}

// faults stands before the engine.
type faults struct {
	next http.Handler

	mu      sync.Mutex
	fault   Fault
	changed chan struct{} // closed when another fault is set
}

func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == faultPath {
		f.set(w, r)
		return
	}
	fault, changed := f.take(r)
	switch fault.Kind {
	case Answer:
		if fault.Code != 0 {
			w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(fault.Code))
			http.Error(w, fmt.Sprintf("Code: %d. DB::Exception: as the test wants it. (TEST)", fault.Code), fault.Status)
			return
		}
		http.Error(w, "as the test wants it", fault.Status)
	case CutBefore:
		_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
		reset(w)
	case CutAfter:
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		reset(w)
	case Stall:
		_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not noticed
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		reset(w)
	default:
		f.next.ServeHTTP(w, r)
	}
}

// take returns the fault of a request; none if it does not match, or has been used up.
func (f *faults) take(r *http.Request) (Fault, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.fault
	if fault.Kind == "" || !strings.Contains(r.URL.Query().Get("query"), fault.Match) {
		return Fault{}, nil
	}
	if fault.Times > 0 {
		if f.fault.Times--; f.fault.Times == 0 {
			f.fault = Fault{}
		}
	}
	return fault, f.changed
}

func (f *faults) set(w http.ResponseWriter, r *http.Request) {
	var fault Fault
	if err := json.NewDecoder(r.Body).Decode(&fault); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	close(f.changed)
	f.fault, f.changed = fault, make(chan struct{})
	f.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// reset ends a connection with a TCP reset.
func reset(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
