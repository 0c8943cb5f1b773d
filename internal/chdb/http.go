package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// server serves ClickHouse's HTTP interface over in-memory connections.
type server struct {
	http http.Server
	l    *listener
	done sync.WaitGroup
}

func (s *server) start(db *DB) {
	s.l = &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s.http.Handler = db.Handler()
	s.http.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.done.Go(func() { _ = s.http.Serve(s.l) })
}

func (s *server) stop() {
	_ = s.http.Close()
	s.done.Wait()
}

// listener hands the server its ends of the pipes that Dial makes.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return memory{} }

type memory struct{}

func (memory) Network() string { return "memory" }
func (memory) String() string  { return "memory" }

// Dial returns a connection to the engine's HTTP interface without a network, as the DialContext of clickhouse-go's
// options with Protocol HTTP; addr is ignored.
func (db *DB) Dial(ctx context.Context, _ string) (net.Conn, error) {
	client, srv := net.Pipe()
	select {
	case db.web.l.conns <- srv:
		return client, nil
	case <-db.web.l.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Handler serves ClickHouse's HTTP interface, as far as clickhouse-go uses it: statements, parameters, settings,
// batches, typed exceptions, LZ4. It does not check users.
func (db *DB) Handler() http.Handler { return http.HandlerFunc(db.serve) }

// hello is the first statement of clickhouse-go on each connection.
const hello = "SELECT displayName(), version(), revision(), timezone()"

// exceptionTag frames an exception that comes after rows were sent (WriteBufferFromHTTPServerResponse.cpp).
const exceptionTag = "mailstop-chdb-ex"

var insertRE = regexp.MustCompile(`(?is)^\s*(insert\s+into\s.*?)\s+format\s+(\w+)\s*$`)

func (db *DB) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" {
		_, _ = io.WriteString(w, "Ok.\n")
		return
	}
	u := r.URL.Query()
	body := io.Reader(r.Body)
	sql := u.Get("query")
	inURL := sql != ""
	if inURL {
		if u.Get("decompress") == "1" {
			body = compress.NewReader(r.Body)
		}
	} else {
		b, err := io.ReadAll(r.Body) // a statement's text is never compressed
		if err != nil {
			fail(w, err)
			return
		}
		sql = string(b)
	}
	c, err := db.take(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	defer db.give(c)
	undo, err := c.prepare(u)
	defer undo()
	if err != nil {
		fail(w, err)
		return
	}
	out := &writer{w: w, compress: u.Get("compress") == "1"}
	switch m := insertRE.FindStringSubmatch(sql); {
	case inURL && m != nil:
		err = receive(w, c, m[1], m[2], body)
	case strings.HasPrefix(sql, hello):
		err = greet(out, c, u.Get("client_protocol_version"))
	default:
		err = c.answer(r.Context(), sql, out)
	}
	out.end(err)
}

// protocol lists the URL keys that are not settings.
var protocol = []string{
	"query", "database", "default_format", "client_protocol_version", "query_id", "session_id", "compress", "decompress",
	"wait_end_of_query", "user", "password", "quota_key", "role", "network_compression_method", "network_zstd_compression_level",
}

var settingRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// prepare sets the connection's database, parameters and settings for one statement; undo takes the settings back.
func (c *conn) prepare(u url.Values) (undo func(), err error) {
	var set []string
	undo = func() {
		for _, k := range set {
			if err := c.exec("SET " + k + " = DEFAULT"); err != nil {
				c.tainted = true
			}
		}
	}
	if db := u.Get("database"); db != "" && db != c.database {
		if err := c.exec("USE " + quoteName(db)); err != nil {
			return undo, err
		}
		c.database = db
	}
	keys := make([]string, 0, len(u))
	for k := range u {
		if !slices.Contains(protocol, k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { // readonly comes last: it locks the others
		if (a == "readonly") != (b == "readonly") {
			return map[bool]int{true: 1, false: -1}[a == "readonly"]
		}
		return strings.Compare(a, b)
	})
	for _, k := range keys {
		if !settingRE.MatchString(k) {
			return undo, engineError(fmt.Sprintf("Code: 115. DB::Exception: setting %q is neither builtin nor custom. (UNKNOWN_SETTING)", k))
		}
		// Parameters cannot be unset, and readonly should not be: such a connection is not used again.
		if strings.HasPrefix(k, "param_") || k == "readonly" {
			c.tainted = true
		} else {
			set = append(set, k)
		}
		if err := c.exec("SET " + k + " = " + quoteText(u.Get(k))); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}

// greet answers the client's first statement. Revision 0 makes it read all later blocks as plain FORMAT Native, which is
// what libchdb writes: the library cannot be told a client_protocol_version. Only this block has the client's own form.
func greet(w io.Writer, c *conn, revision string) error {
	b, err := c.run("SELECT version(), timezone()", "TSV")
	if err != nil {
		return err
	}
	ver, zone, _ := strings.Cut(strings.TrimSpace(string(b)), "\t")
	var name, version, timezone proto.ColStr
	var rev proto.ColUInt32
	name.Append("libchdb")
	version.Append(ver)
	timezone.Append(zone)
	rev.Append(0)
	n, err := strconv.Atoi(revision)
	if err != nil {
		return fmt.Errorf("client_protocol_version: %w", err)
	}
	var buf proto.Buffer
	block := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: 4, Rows: 1}
	err = block.EncodeBlock(&buf, n, proto.Input{
		{Name: "displayName()", Data: &name},
		{Name: "version()", Data: &version},
		{Name: "revision()", Data: &rev},
		{Name: "timezone()", Data: &timezone},
	})
	if err != nil {
		return err
	}
	_, err = w.Write(buf.Buf)
	return err
}

// receive streams the data of an INSERT.
func receive(w http.ResponseWriter, c *conn, sql, format string, body io.Reader) error {
	ins, err := c.insert(sql, format)
	if err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if e := ins.append(buf[:n]); e != nil {
			ins.cancel()
			return e
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // the client is gone: what it sent is not all
			ins.cancel()
			return err
		}
	}
	rows, err := ins.done()
	if err != nil {
		return err
	}
	w.Header().Set("X-ClickHouse-Summary", fmt.Sprintf(`{"written_rows":"%d"}`, rows))
	return nil
}

var selectRE = regexp.MustCompile(`(?is)^[\s(]*(select|with)\b`)

// answer runs a statement. Results of a SELECT are streamed as they come, so that they may be larger than memory; the
// library streams no other statement, and none of the others has a large result.
func (c *conn) answer(ctx context.Context, sql string, w io.Writer) error {
	write := func(b []byte) error {
		_, err := w.Write(b)
		return err
	}
	if selectRE.MatchString(sql) {
		err := c.stream(ctx, strings.TrimRight(sql, " \t\r\n;"), "Native", write)
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != 36 || !strings.Contains(e.Message, "Streaming query is not supported") {
			return err
		}
	}
	b, err := c.run(sql, "Native")
	if err != nil || len(b) == 0 {
		return err
	}
	return write(b)
}

// writer sends an answer, or an error in its place or behind it.
type writer struct {
	w        http.ResponseWriter
	compress bool
	frames   *compress.Writer
	started  bool
}

// frameSize bounds what one compressed frame holds.
const frameSize = 1 << 20

func (w *writer) Write(b []byte) (int, error) {
	if !w.started {
		w.started = true
		w.w.Header().Set("X-ClickHouse-Format", "Native")
		w.w.Header().Set("X-ClickHouse-Exception-Tag", exceptionTag)
		if w.compress {
			w.frames = compress.NewWriter(compress.LevelZero, compress.LZ4)
		}
	}
	if !w.compress {
		return w.w.Write(b)
	}
	for rest := b; len(rest) > 0; {
		n := min(len(rest), frameSize)
		if err := w.frames.Compress(rest[:n]); err != nil {
			return 0, err
		}
		if _, err := w.w.Write(w.frames.Data); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

// end finishes the answer: with nothing if it had no rows, with the error if there is one.
func (w *writer) end(err error) {
	switch {
	case err != nil && !w.started:
		fail(w.w, err)
	case err != nil:
		text := err.Error()
		_, _ = fmt.Fprintf(w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", exceptionTag, text, len(text)+1, exceptionTag)
	case !w.started:
		w.w.Header().Set("Content-Length", "0")
		w.w.WriteHeader(http.StatusOK)
	}
}

func fail(w http.ResponseWriter, err error) {
	if e := (*Error)(nil); errors.As(err, &e) && e.Code != 0 {
		w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
