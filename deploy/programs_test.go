package deploy_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/internal/golden"
)

// sender returns a function that writes lines to a syslog daemon as from the wire.
func sender(t *testing.T, port string) func(lines []line) {
	t.Helper()
	var conn net.Conn
	eventually(t, "the shipper listens", func() bool {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
		conn = c
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return func(lines []line) {
		var b strings.Builder
		for _, l := range lines {
			fmt.Fprintf(&b, "<4>%s\n", l)
		}
		if _, err := conn.Write([]byte(b.String())); err != nil {
			t.Error(err)
		}
	}
}

// appender returns a function that appends lines to a file.
func appender(t *testing.T, path string) func(lines []line) {
	return func(lines []line) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, l := range lines {
			if _, err := fmt.Fprintln(f, l); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// syslogDaemons returns the folder into which scripts/syslogds.sh unpacks, and that of its libraries.
func syslogDaemons(t *testing.T) (root, libraries string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "../scripts/syslogds.sh").CombinedOutput(); err != nil {
		golden.Skip(t, fmt.Sprintf("no rsyslog and syslog-ng: %v: %s", err, out))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if root = filepath.Join(cache, "mailstop", "syslogds"); !exists(root) {
		return "", ""
	}
	found, _ := filepath.Glob(filepath.Join(root, "usr/lib/*/librdkafka.so.1"))
	if len(found) == 0 {
		golden.Skip(t, "librdkafka is not here")
	}
	lib := filepath.Dir(found[0])
	return root, "LD_LIBRARY_PATH=" + lib + ":" + filepath.Join(root, "lib", filepath.Base(lib))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startRsyslog starts rsyslog with a configuration behind a main one that reads the wire, and returns where it listens.
func startRsyslog(t *testing.T, dir, config string) (p *process, port string) {
	t.Helper()
	root, libraries := syslogDaemons(t)
	modules, _ := filepath.Glob(filepath.Join(root+"/", "usr/lib/*/rsyslog"))
	if len(modules) == 0 {
		golden.Skip(t, "rsyslog's modules are not here")
	}
	ports := filepath.Join(dir, "port")
	path := writeFile(t, filepath.Join(dir, "rsyslog.conf"), `global(workDirectory="`+dir+`" localHostname="fw-1" maxMessageSize="64k")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="`+ports+`")
`+config)
	if err := os.Remove(ports); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	p = start(t, []string{libraries}, filepath.Join(root+"/", "usr/sbin/rsyslogd"), "-n", "-f", path, "-i", filepath.Join(dir, "pid"), "-M", modules[0])
	eventually(t, "rsyslog says its port", func() bool {
		b, err := os.ReadFile(ports)
		port = strings.TrimSpace(string(b))
		return err == nil && port != ""
	})
	return p, port
}

// startSyslogNG starts syslog-ng with a configuration behind a main one whose local source is s_src.
func startSyslogNG(t *testing.T, dir, source, config string) *process {
	t.Helper()
	const program = "/usr/sbin/syslog-ng"
	if !exists(program) {
		golden.Skip(t, "syslog-ng is not installed (Debian, Ubuntu: apt-get install --no-install-recommends syslog-ng-core)")
	}
	root, libraries := syslogDaemons(t)
	modules, _ := filepath.Glob(filepath.Join(root+"/", "usr/lib/syslog-ng/*"))
	installed, _ := filepath.Glob("/usr/lib/syslog-ng/*.*")
	if len(modules) == 0 || len(installed) == 0 {
		golden.Skip(t, "syslog-ng's modules are not here")
	}
	path := writeFile(t, filepath.Join(dir, "syslog-ng.conf"), `@version: 3.38
@include "scl.conf"
options { keep-hostname(yes); use-dns(no); stats-freq(0); time-zone("UTC"); recv-time-zone("UTC"); };
source s_src { `+source+` };
`+config)
	return start(t, []string{libraries}, program, "-F", "--no-caps", "-f", path, "--module-path", installed[0]+":"+modules[0],
		"-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "ctl"), "-R", filepath.Join(dir, "persist"))
}
