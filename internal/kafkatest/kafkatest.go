// Package kafkatest starts a real Apache Kafka broker: one process in KRaft mode, on free ports of the loopback interface,
// in a temporary folder. It is for tests only.
package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"mailstop/internal/golden"
)

// Versions are what scripts/kafka.sh can fetch: the last line that older installations run, and the newest.
var Versions = []string{"3.9.2", "4.4.0"}

// User and Password are known to the broker, by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
const (
	User     = "mailstop"
	Password = "correct-horse"
)

// A Broker is a process. It keeps its data and its ports when it is started again.
type Broker struct {
	Version string
	// Addr speaks plainly; SASL asks who we are; TLS does so too, and encrypts.
	Addr, SASL, TLS string
	// CA is the file of the authority that signed the certificate, which is for 127.0.0.1 and localhost.
	CA string

	t     testing.TB
	dir   string
	jars  string
	java  string
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts a broker of a version and waits until it is ready. It ends with the test. Where Java or the jars cannot
// be had the test is skipped. settings are added to the broker's configuration: "message.max.bytes=10485760".
func Start(t testing.TB, version string, settings ...string) *Broker {
	t.Helper()
	b := &Broker{Version: version, t: t, dir: t.TempDir()}
	var err error
	if b.java, err = exec.LookPath("java"); err != nil {
		golden.Skip(t, "Kafka needs Java: "+err.Error())
	}
	script := exec.CommandContext(t.Context(), filepath.Join(root(t), "scripts", "kafka.sh"), version)
	var stderr bytes.Buffer
	script.Stderr = &stderr
	jars, err := script.Output()
	if err != nil {
		golden.Skip(t, "no Kafka: "+strings.TrimSpace(stderr.String()))
	}
	b.jars = filepath.Join(strings.TrimSpace(string(jars)), "*")
	ports := freePorts(t, 4)
	b.Addr, b.SASL, b.TLS = "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1], "127.0.0.1:"+ports[2]
	b.configure(ports[3], settings)
	format := b.command("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", b.path("server.properties"),
		"--add-scram", "SCRAM-SHA-256=[name="+User+",password="+Password+"]", "--add-scram", "SCRAM-SHA-512=[name="+User+",password="+Password+"]")
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("format: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		b.Kill()
		if t.Failed() {
			if out, err := os.ReadFile(b.path("log")); err == nil {
				t.Logf("the broker's log ends:\n%s", out[max(0, len(out)-4000):])
			}
		}
	})
	b.Start()
	return b
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

func (b *Broker) command(class string, args ...string) *exec.Cmd {
	args = append([]string{
		"-Xmx384m", "-XX:+UseSerialGC", "-Dlog4j.configuration=file:" + b.path("log4j.properties"),
		"-cp", b.jars, class,
	}, args...)
	cmd := exec.Command(b.java, args...)
	cmd.Dir = b.dir
	return cmd
}

func (b *Broker) configure(controller string, settings []string) {
	b.t.Helper()
	chain, key := b.certificate()
	plain := `org.apache.kafka.common.security.plain.PlainLoginModule required user_` + User + `="` + Password + `";`
	scram := `org.apache.kafka.common.security.scram.ScramLoginModule required;`
	lines := []string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@127.0.0.1:" + controller,
		"listeners=PLAINTEXT://" + b.Addr + ",SASL_PLAINTEXT://" + b.SASL + ",SASL_SSL://" + b.TLS + ",CONTROLLER://127.0.0.1:" + controller,
		"advertised.listeners=PLAINTEXT://" + b.Addr + ",SASL_PLAINTEXT://" + b.SASL + ",SASL_SSL://" + b.TLS,
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
		"inter.broker.listener.name=PLAINTEXT",
		"controller.listener.names=CONTROLLER",
		"log.dirs=" + b.path("data"),
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=2",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=2",
		"group.initial.rebalance.delay.ms=0",
		"group.min.session.timeout.ms=1000",
		"auto.create.topics.enable=false",
		"num.network.threads=2",
		"num.io.threads=2",
		"message.max.bytes=33554432",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"ssl.keystore.type=PEM",
		"ssl.keystore.certificate.chain=" + chain,
		"ssl.keystore.key=" + key,
	}
	for _, listener := range []string{"sasl_plaintext", "sasl_ssl"} {
		p := "listener.name." + listener + "."
		lines = append(lines, p+"plain.sasl.jaas.config="+plain, p+"scram-sha-256.sasl.jaas.config="+scram, p+"scram-sha-512.sasl.jaas.config="+scram)
	}
	lines = append(lines, settings...)
	b.write("server.properties", strings.Join(lines, "\n"))
	b.write("log4j.properties", "log4j.rootLogger=WARN, stderr\nlog4j.appender.stderr=org.apache.log4j.ConsoleAppender\n"+
		"log4j.appender.stderr.target=System.err\nlog4j.appender.stderr.layout=org.apache.log4j.PatternLayout\n"+
		"log4j.appender.stderr.layout.ConversionPattern=%d %p %m (%c)%n\n")
}

func (b *Broker) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Start starts the broker, again if it was stopped or killed, and waits until it is ready.
func (b *Broker) Start() {
	b.t.Helper()
	out, err := os.OpenFile(b.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := b.command("kafka.Kafka", b.path("server.properties"))
	cmd.Stdout, cmd.Stderr = out, out
	// So that it does not outlive a test that is killed. The signal comes when the thread ends that started it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	b.cmd, b.ended = cmd, make(chan struct{})
	ended := b.ended
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended says the log
		}
	}()
	if err := <-started; err != nil {
		b.t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); !b.ready(); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			b.t.Fatal("the broker ended")
		default:
		}
		if time.Now().After(end) {
			b.t.Fatal("the broker is not ready after a minute")
		}
	}
}

func (b *Broker) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	c, err := (&kafka.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", b.Addr)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	brokers, err := c.Brokers()
	return err == nil && len(brokers) == 1
}

// Stop ends the broker as its administrator would.
func (b *Broker) Stop() { b.end(syscall.SIGTERM) }

// Kill ends the broker as a crash would.
func (b *Broker) Kill() { b.end(syscall.SIGKILL) }

func (b *Broker) end(signal os.Signal) {
	if b.cmd == nil || b.cmd.Process == nil {
		return
	}
	_ = b.cmd.Process.Signal(signal) // it may have ended
	select {
	case <-b.ended:
	case <-time.After(30 * time.Second):
		_ = b.cmd.Process.Kill()
		<-b.ended
	}
	b.cmd = nil
}

func freePorts(t testing.TB, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	}
	return ports
}

// root returns the project's folder.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}
