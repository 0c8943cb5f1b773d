package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// deleteRecords deletes what lies before an offset of partition 0. kafka-go has no such request.
func deleteRecords(t testing.TB, addrs []string, topic string, offset int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Offset = offset
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, part)
	req.Topics = append(req.Topics, rt)
	req.SetVersion(1)
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head := binary.BigEndian.AppendUint16(nil, uint16(req.Key()))
	head = binary.BigEndian.AppendUint16(head, 1)
	head = binary.BigEndian.AppendUint32(head, 7)
	head = binary.BigEndian.AppendUint16(head, 0xffff) // no client id
	body := req.AppendTo(head)
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrDeleteRecordsResponse()
	resp.SetVersion(1)
	if err := resp.ReadFrom(answer[4:]); err != nil {
		t.Fatal(err)
	}
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("delete records: error %d", code)
	}
}
