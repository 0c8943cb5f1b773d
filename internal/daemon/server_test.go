package daemon

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func server(address string) *Server {
	ok := func() error { return nil }
	return &Server{Address: address, Metrics: prometheus.NewRegistry(), Healthy: ok, Ready: ok, Version: "1 <2>"}
}

func TestPages(t *testing.T) {
	good, bad := server(""), server("")
	bad.Healthy, bad.Ready = func() error { return errors.New("stuck") }, func() error { return errStore }
	for _, tt := range []struct {
		s            *Server
		method, path string
		code         int
		body         string
	}{
		{good, "GET", "/-/healthy", 200, "ok\n"},
		{good, "HEAD", "/-/healthy", 200, "ok\n"}, // the recorder keeps what a real server leaves out
		{good, "GET", "/-/ready", 200, "ok\n"},
		{good, "GET", "/", 200, "/-/ready</a>: ok"},
		{good, "GET", "/", 200, "<h1>Mailstop 1 &lt;2&gt;</h1>"},
		{good, "GET", "/metrics", 200, ""},
		{bad, "GET", "/-/healthy", 503, "stuck\n"},
		{bad, "GET", "/-/ready", 503, "the store refuses: <b>disk full</b>\n"},
		{bad, "GET", "/", 200, "/-/ready</a>: the store refuses: &lt;b&gt;disk full&lt;/b&gt;"},
		{good, "GET", "/other", 404, ""},
		{good, "POST", "/-/healthy", 405, ""},
		{good, "GET", "/-/healthy/x", 404, ""},
	} {
		w := httptest.NewRecorder()
		tt.s.Handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, w.Code, w.Body)
		}
		if w.Code == 503 && (w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain")) {
			t.Errorf("%s: %v", tt.path, w.Header())
		}
	}
}

func TestServe(t *testing.T) {
	s := server("127.0.0.1:0")
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://" + s.Addr() + "/-/ready")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != "ok\n" {
		t.Errorf("%q, %v", body, err)
	}

	again := server(s.Addr())
	err = again.Listen(t.Context())
	if err == nil || !strings.Contains(err.Error(), "hint: another program") {
		t.Errorf("the address is taken: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := again.Listen(t.Context()); err != nil {
		t.Errorf("after the stop: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := again.Run(stopped); err != nil {
		t.Error(err)
	}
}

// A request that is answered slowly does not hold up a stop for long.
func TestStopWithARequestUnderWay(t *testing.T) {
	s := server("127.0.0.1:0")
	asked, release := make(chan struct{}), make(chan struct{})
	s.Ready = func() error { close(asked); <-release; return nil }
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	answer := make(chan string)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	go func() {
		resp, err := client.Get("http://" + s.Addr() + "/-/ready")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		answer <- resp.Status
	}()
	<-asked
	cancel()
	close(release)
	if got := <-answer; got != "200 OK" {
		t.Error(got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServerIsOff(t *testing.T) {
	s := server("")
	if err := s.Listen(t.Context()); err != nil || s.Addr() != "" {
		t.Errorf("%q, %v", s.Addr(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestListenHints(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:0": "hint: http.listen must be an address of this machine",
		"127.0.0.1:x": "hint: http.listen is an address of this machine and a port",
	} {
		if err := server(address).Listen(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
