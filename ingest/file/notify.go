package file

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nxadm/tail/watch"
	"golang.org/x/sys/unix"
	"gopkg.in/tomb.v1"
)

// maxNotices bounds how many files the kernel is asked to tell about, each of which costs two goroutines. The others
// are looked at every Look.
const maxNotices = 256

// notices are the kernel's words that a quiet file is written to or renamed. A file that is busy needs none: it is
// looked at several times a second, which costs less than a notice for each write.
type notices struct {
	wake  func()
	count int
	off   bool // they cannot be had
}

// A notice is given once.
type notice struct {
	fired atomic.Bool
	moved atomic.Bool
	quit  chan struct{}
	tomb  tomb.Tomb
	name  string
	done  sync.WaitGroup
}

// available reports whether a watcher of the kernel can be had: the library ends the process if its first one cannot.
var available = sync.OnceValue(func() bool {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	_ = watch.Cleanup("/proc/self/fd/none") // it is not watched, but the library's watcher is made here
	return true
})

// watch asks for a notice of f, nil if it cannot be had. The file is watched by the name of its descriptor, which can
// always be examined as long as it is open: on other errors than that there is no such file, the library ends the process.
func (n *notices) watch(f *os.File) (*notice, error) {
	if n.off || n.count >= maxNotices {
		return nil, nil
	}
	if !available() {
		n.off = true
		return nil, unix.EMFILE
	}
	w := &notice{quit: make(chan struct{}), name: "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))}
	changes, err := watch.NewInotifyFileWatcher(w.name).ChangeEvents(&w.tomb, 0)
	if err != nil {
		n.off = true
		return nil, err
	}
	n.count++
	w.done.Go(func() {
		select {
		case <-changes.Modified:
		case <-changes.Truncated:
		case <-changes.Deleted:
			w.moved.Store(true)
		case <-w.quit:
			return
		}
		w.fired.Store(true)
		n.wake()
		<-w.quit
	})
	return w, nil
}

// stop must be called before the file is closed: its descriptor's number may be another file's then.
func (n *notices) stop(w *notice) {
	close(w.quit)
	w.done.Wait()
	// The library's goroutine removes the watch by itself. To remove it from outside makes it count one watch too few, and
	// the next one under that name would never be made.
	w.tomb.Kill(nil)
	for range 2000 {
		if watch.Events(w.name) == nil {
			break
		}
		time.Sleep(time.Millisecond / 2)
	}
	n.count--
}

func (n *notices) close() { n.off = true }

// remote reports whether f is on a file system that others may write to, whose kernel sends no notices here.
func remote(f *os.File) bool {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return true
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
		0x0bd00bd0 /* Lustre */, 0x47504653 /* GPFS */, 0x19830326 /* BeeGFS */, 0x01161970 /* GFS2 */ :
		return true
	}
	return false
}
