package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"

	"github.com/ClickHouse/clickhouse-go/v2"

	"mailstop/internal/chdb"
	"mailstop/sinks"
)

// permanent lists the exceptions that tell of the rows, not of the store's condition (ErrorCodes.cpp).
var permanent = map[int]bool{
	6: true, 7: true, 8: true, 10: true, 16: true, 20: true, 26: true, 27: true, 38: true, 41: true, 43: true, 47: true,
	50: true, 53: true, 62: true, 69: true, 70: true, 72: true, 117: true, 131: true, 321: true, 349: true, 469: true,
}

// classify marks what will be refused however often it is sent. Everything else, such as a full disk (243), too many
// parts (252), too little memory (241) or a lost connection, passes.
func classify(err error) error {
	if permanent[code(err)] {
		return fmt.Errorf("%w: %w", sinks.ErrPermanent, err)
	}
	return err
}

// code returns the number of the engine's exception in err, or 0.
func code(err error) int {
	if e := (*clickhouse.Exception)(nil); errors.As(err, &e) {
		return int(e.Code)
	}
	if e := (*chdb.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// human lists the exceptions that a person must see to: of users, their passwords and rights, and of what the server is
// not able to do (ErrorCodes.cpp).
var human = map[int]bool{
	164: true, // READONLY: the user may only read
	192: true, // UNKNOWN_USER
	193: true, // WRONG_PASSWORD
	194: true, // REQUIRED_PASSWORD
	195: true, // IP_ADDRESS_NOT_ALLOWED
	291: true, // DATABASE_ACCESS_DENIED
	344: true, // SUPPORT_IS_DISABLED
	497: true, // ACCESS_DENIED
	516: true, // AUTHENTICATION_FAILED
}

// Temporary reports whether what Open or Write failed for can pass by itself, so that trying again makes sense: a store
// that is not there or held by another process, a full disk, too little memory, too many parts. The rest needs a
// person: wrong settings, a wrong password, a missing right or library, a schema of another version.
func Temporary(err error) bool {
	if err == nil || errors.Is(err, sinks.ErrPermanent) || errors.Is(err, context.Canceled) {
		return false
	}
	if stuck := (stuckError{}); errors.As(err, &stuck) { // whatever the reason: it is not the caller's batch
		return true
	}
	if c := code(err); c != 0 {
		return !permanent[c] && !human[c]
	}
	if e := (*clickhouse.HTTPError)(nil); errors.As(err, &e) { // of a proxy, or of a server that starts or ends
		return e.StatusCode >= 500 || e.StatusCode == http.StatusRequestTimeout || e.StatusCode == http.StatusTooManyRequests
	}
	if errors.Is(err, chdb.ErrHeld) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	for _, no := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if errors.Is(err, no) {
			return true
		}
	}
	if file := (*fs.PathError)(nil); errors.As(err, &file) || errors.Is(err, fs.ErrPermission) {
		return false
	}
	if badCertificate(err) {
		return false
	}
	var network net.Error
	var lost *clickhouse.OpError
	return errors.As(err, &network) || errors.As(err, &lost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, clickhouse.ErrAcquireConnTimeout)
}

func badCertificate(err error) bool {
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &host) || errors.As(err, &authority) || errors.As(err, &record)
}
