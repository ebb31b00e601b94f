package docstore

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/encoding/protodelim"
)

// A file is the magic and then records. A record is a header of three 32-bit
// little-endian numbers, the payload's length, the checksum of that length and
// the checksum of the payload, and then the payload: one commit, as length-
// delimited BatchGetDocumentsResponses that say what is found, or missing, under
// a name as of the commit's time. Checksums are CRC-32C.
const (
	fileMagic  = "docs\x00v1\n"
	headerSize = 12
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// errTorn says that a file ends within a record.
var errTorn = errors.New("record is cut short")

// appendRecord appends one commit's record to buf.
func appendRecord(buf *bytes.Buffer, at int64, changes []change) error {
	start := buf.Len()
	buf.Write(make([]byte, headerSize))
	for _, ch := range changes {
		line := &pb.BatchGetDocumentsResponse{ReadTime: stamp(at)}
		if ch.after == nil {
			line.Result = &pb.BatchGetDocumentsResponse_Missing{Missing: ch.key.name()}
		} else {
			line.Result = &pb.BatchGetDocumentsResponse_Found{Found: ch.after}
		}
		if _, err := protodelim.MarshalTo(buf, line); err != nil {
			return fmt.Errorf("encode record: %w", err)
		}
	}
	header, payload := buf.Bytes()[start:][:headerSize], buf.Bytes()[start+headerSize:]
	binary.LittleEndian.PutUint32(header, uint32(len(payload)))
	binary.LittleEndian.PutUint32(header[4:], crc32.Checksum(header[:4], crcTable))
	binary.LittleEndian.PutUint32(header[8:], crc32.Checksum(payload, crcTable))
	return nil
}

// recordReader reads the records of one file.
type recordReader struct {
	in   *bufio.Reader
	left int64 // bytes not yet read
}

// newRecordReader checks the magic; errTorn when the file is shorter than it.
func newRecordReader(f *os.File) (*recordReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := &recordReader{in: bufio.NewReaderSize(f, 1<<20), left: info.Size()}
	magic, err := r.take(int64(len(fileMagic)))
	if err != nil {
		return nil, err
	}
	if string(magic) != fileMagic {
		return nil, fmt.Errorf("%w: not a document store's file", ErrCorrupt)
	}
	return r, nil
}

// take reads n bytes; errTorn when there are fewer.
func (r *recordReader) take(n int64) ([]byte, error) {
	if n > r.left {
		return nil, errTorn
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return nil, err
	}
	r.left -= n
	return b, nil
}

// next returns a payload; io.EOF at the end, errTorn when the last record is
// incomplete, ErrCorrupt when one is damaged that others follow.
func (r *recordReader) next() ([]byte, error) {
	if r.left == 0 {
		return nil, io.EOF
	}
	header, err := r.take(headerSize)
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(header[:4], crcTable) != binary.LittleEndian.Uint32(header[4:]) {
		return nil, r.damaged(header)
	}
	payload, err := r.take(int64(binary.LittleEndian.Uint32(header)))
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(payload, crcTable) != binary.LittleEndian.Uint32(header[8:]) {
		return nil, r.damaged(payload)
	}
	return payload, nil
}

// damaged judges bytes that fail their checksum: at the very end, or with nothing
// but zeros after them, they are a write that a crash interrupted.
func (r *recordReader) damaged(read []byte) error {
	rest, err := r.take(r.left)
	if err != nil {
		return err
	}
	if len(rest) == 0 || len(bytes.Trim(read, "\x00")) == 0 && len(bytes.Trim(rest, "\x00")) == 0 {
		return errTorn
	}
	return fmt.Errorf("%w: checksum mismatch %d bytes before the end", ErrCorrupt, len(read)+len(rest))
}

// replay puts one record's documents into the store.
func (s *store) replay(payload []byte) error {
	in := bytes.NewReader(payload)
	for in.Len() > 0 {
		line := &pb.BatchGetDocumentsResponse{}
		if err := (protodelim.UnmarshalOptions{MaxSize: -1}).UnmarshalFrom(in, line); err != nil {
			return fmt.Errorf("%w: decode record: %w", ErrCorrupt, err)
		}
		if line.ReadTime != nil {
			s.clock.atLeast(line.ReadTime.AsTime().UnixMicro())
		}
		name := line.GetMissing()
		if line.GetFound() != nil {
			name = line.GetFound().Name
		}
		k, err := parseDocName(name)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		s.put(change{key: k, before: s.get(k), after: line.GetFound()})
	}
	return nil
}
