// Package chserver runs libchdb as a ClickHouse server in a process of its own, for tests of what happens when a server is
// slow, gone, killed and back. It listens on the loopback device only, checks no users, and ends with the test that started it.
//
// The process is the test binary itself: TestMain calls Child first.
package chserver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailstop/internal/chdb"
)

// env, in the environment, makes Child serve. Its value is the folder and the address.
const env = "MAILSTOP_TEST_CHSERVER"

// A Server is a running or killed server process. Its methods belong to the goroutine of the test, but for Kill.
type Server struct {
	dir, addr string
	cmd       *exec.Cmd
	stdin     io.WriteCloser
}

// Start runs a server on dir until the test ends. It skips the test where libchdb is missing.
func Start(t testing.TB, dir string) *Server {
	t.Helper()
	if _, err := chdb.Find(); err != nil {
		t.Skip(err)
	}
	s := &Server{dir: dir, addr: "127.0.0.1:0"}
	s.Restart(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// Restart starts the server again on its folder and address, after Kill or Stop.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(exe)
	s.cmd.Env = append(os.Environ(), env+"="+s.dir+"\n"+s.addr)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), ready)
	if err != nil || !ok {
		s.Kill(t)
		t.Fatalf("the server says %q, %v; is Child called in TestMain?", line, err)
	}
	s.addr = addr
}

// DSN returns the address of a database of the server.
func (s *Server) DSN(database string) string { return "http://" + s.addr + "/" + database }

// Addr returns host and port, which stay the same over restarts.
func (s *Server) Addr() string { return s.addr }

// PID returns the process's number.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends the server with SIGKILL and waits for its end.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// Stop ends the server in order.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.stdin.Close()
	watch := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer watch.Stop()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("server: %v", err)
	}
	s.cmd = nil
}

// The kinds of faults.
const (
	Answer    = "answer"     // answers Status, with the exception Code if that is not 0
	CutBefore = "cut before" // resets the connection instead of reading the statement's data to their end
	CutAfter  = "cut after"  // resets the connection instead of answering what is done
	Stall     = "stall"      // does not answer until the client goes or the fault is cleared
)

// A Fault is what the server does instead of its work. The zero value is none.
type Fault struct {
	Kind   string
	Match  string // of statements that contain this
	Times  int    // so often, then no more; 0: until another fault is set
	Status int
	Code   int // ClickHouse's number: 252 for too many parts
}

// Fault makes the server fail; the last one counts.
func (s *Server) Fault(t testing.TB, f Fault) {
	t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+s.addr+faultPath, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatal(fmt.Errorf("set fault: %s", resp.Status))
	}
}
