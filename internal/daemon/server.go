package daemon

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Server serves metrics and health over HTTP, to whoever can reach it.
type Server struct {
	// Address is where to listen, host:port; empty serves nothing.
	Address string
	// Metrics are served as /metrics.
	Metrics prometheus.Gatherer
	// Healthy says why nothing moves; nil if all is well, also while the daemon waits for a store or for lines. It is
	// called for each request of /-/healthy, from any goroutine.
	Healthy func() error
	// Ready says why what is read is not stored at the moment; nil if it is. It is called as Healthy is, for /-/ready.
	Ready   func() error
	Version string

	listener net.Listener
}

// The bounds of a request. Answers are small; whoever is slower than that is not meant.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	scrapeTimeout = 20 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 2 * time.Second
	maxHeader     = 16 << 10
	maxScrapes    = 4 // at once
)

// Listen begins to listen, so that an address that cannot be had is known before the daemon says that it is ready. Run
// must follow.
func (s *Server) Listen(ctx context.Context) error {
	if s.Address == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("http: %w\nhint: %s", err, hint(err))
	}
	s.listener = l
	return nil
}

func hint(err error) string {
	const off = `; an empty http.listen turns metrics and health off`
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program, perhaps another mailstop, listens there: choose another port for http.listen" + off
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "http.listen must be an address of this machine, such as 127.0.0.1:9310" + off
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need a privilege: choose a higher one for http.listen" + off
	}
	return "http.listen is an address of this machine and a port, such as 127.0.0.1:9310" + off
}

// Addr returns where the server listens; empty if it does not.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run serves until ctx ends, then lets requests that run come to their end, within 2 s. It is called once, after Listen.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		<-ctx.Done()
		return nil
	}
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug), // what clients do wrong
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := srv.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	if err != nil {
		return fmt.Errorf("http: stop: %w", err)
	}
	return nil
}

// Handler returns what the server serves.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
	}))
	mux.HandleFunc("GET /-/healthy", probe(s.Healthy))
	mux.HandleFunc("GET /-/ready", probe(s.Ready))
	mux.HandleFunc("GET /{$}", s.index)
	return mux
}

// probe answers 200 and "ok", or 503 and the reason.
func probe(state func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		plain(w, "text/plain; charset=utf-8")
		if err := state(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, reason(err)) // the client may be gone
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	}
}

// reason writes an error on one line: it may quote what a server said.
func reason(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func plain(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

const page = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Mailstop</title>
<h1>Mailstop %s</h1>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus
<li><a href="/-/healthy">/-/healthy</a>: %s
<li><a href="/-/ready">/-/ready</a>: %s
</ul>
</html>
`

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	plain(w, "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	word := func(state func() error) string {
		if err := state(); err != nil {
			return html.EscapeString(reason(err))
		}
		return "ok"
	}
	_, _ = fmt.Fprintf(w, page, html.EscapeString(s.Version), word(s.Healthy), word(s.Ready))
}
