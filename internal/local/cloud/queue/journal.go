package queue

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The log is a text file of one record per line: eight hexadecimal digits of
// CRC-32C, a space, and the record in JSON.
//
//	3b1f0a9c {"kind":"topic","topic":"projects/p/topics/t"}
//	a1c09d11 {"kind":"message","id":7,"topic":"...","at":1795000000000,"data":"...","owed":{"sub":0}}
//	09f2c6de {"kind":"nack","id":7,"sub":"sub"}
//	f50c1b2e {"kind":"ack","id":7,"sub":"sub"}
//
// A record is written with one write(2) before its caller goes on, so that it
// survives the end of the process. Only with Options.Sync is it also flushed to
// the disk and survives the end of the machine.
const journalName = "queue.log"

// The kinds of records.
const (
	recordNext    = "next"    // the next id to give
	recordTopic   = "topic"   // a topic was created
	recordNoTopic = "notopic" // a topic was deleted
	recordMessage = "message" // a message was published
	recordAck     = "ack"     // a subscription is done with a message
	recordNack    = "nack"    // a delivery failed
)

// record is one line of the log.
type record struct {
	Kind       string            `json:"kind"`
	ID         uint64            `json:"id,omitempty"`
	Topic      string            `json:"topic,omitempty"`
	Sub        string            `json:"sub,omitempty"`
	At         int64             `json:"at,omitempty"` // Unix milliseconds
	Data       []byte            `json:"data,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Key        string            `json:"key,omitempty"`
	Owed       map[string]int    `json:"owed,omitempty"` // subscription -> failed deliveries
}

// message returns what was published.
func (r *record) message() *Message {
	return &Message{
		ID:          strconv.FormatUint(r.ID, 10),
		Data:        r.Data,
		Attributes:  r.Attributes,
		OrderingKey: r.Key,
		PublishTime: time.UnixMilli(r.At).UTC(),
	}
}

// castagnoli is the polynomial of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine appends the line of a record to buf.
func appendLine(buf []byte, r record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode log record: %w", err)
	}
	buf = fmt.Appendf(buf, "%08x ", crc32.Checksum(text, castagnoli))
	return append(append(buf, text...), '\n'), nil
}

// parseLine reads a line with its newline. Errors never quote it.
func parseLine(line []byte) (record, error) {
	sum, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !ok || !bytes.HasSuffix(line, []byte("\n")) {
		return record{}, errors.New("torn line")
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || crc32.Checksum(text, castagnoli) != uint32(want) {
		return record{}, errors.New("checksum differs")
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, errors.New("not a record")
	}
	return r, nil
}

// readJournal gives every record of a log to apply. A torn tail, which a crash
// leaves, is left out and its size returned. Damage before a sound record is an
// error: going on would lose messages.
func readJournal(r io.Reader, apply func(record)) (torn int64, err error) {
	lines := bufio.NewReaderSize(r, 1<<16)
	var at, damage int64 = 0, -1
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return 0, fmt.Errorf("read log: %w", err)
		}
		if len(line) > 0 {
			parsed, parseErr := parseLine(line)
			switch {
			case parseErr != nil && damage < 0:
				damage = at
			case parseErr == nil && damage >= 0:
				return 0, fmt.Errorf("log is damaged at byte %d, before its end", damage)
			case parseErr == nil:
				apply(parsed)
			}
			at += int64(len(line))
		}
		if err == io.EOF {
			break
		}
	}
	if damage >= 0 {
		torn = at - damage
	}
	return torn, nil
}

// journal appends to the log. The zero value, and nil, keep nothing. It is not
// safe for concurrent use.
type journal struct {
	file *os.File
	size int64
	sync bool
	buf  []byte
	// broken is set when the log could not be brought back to its last sound
	// record. Nothing is written after that.
	broken error
}

// append writes records, all or none.
func (j *journal) append(records ...record) error {
	if j == nil || j.file == nil {
		return nil
	}
	if j.broken != nil {
		return j.broken
	}
	j.buf = j.buf[:0]
	for _, r := range records {
		var err error
		if j.buf, err = appendLine(j.buf, r); err != nil {
			return err
		}
	}
	_, err := j.file.WriteAt(j.buf, j.size)
	if err == nil && j.sync {
		err = j.file.Sync()
	}
	if err != nil {
		if undo := j.file.Truncate(j.size); undo != nil {
			j.broken = fmt.Errorf("log can no longer be written: %w", undo)
		}
		return fmt.Errorf("write log: %w", err)
	}
	j.size += int64(len(j.buf))
	return nil
}

// close ends writing. The file is flushed to the disk.
func (j *journal) close() error {
	if j == nil || j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Sync(), j.file.Close())
	j.file, j.broken = nil, errors.New("log is closed")
	return err
}

// rewrite puts a log that holds only the given records in the place of the one
// in dir. A crash leaves either the old one or the new one.
func rewrite(dir string, sync bool, records []record) (*journal, error) {
	path := filepath.Join(dir, journalName)
	file, err := os.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	j := &journal{file: file} // one flush at the end is enough
	for _, r := range records {
		if err := j.append(r); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	if err := file.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("flush log: %w", err), file.Close())
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return nil, errors.Join(fmt.Errorf("replace log: %w", err), file.Close())
	}
	syncDir(dir)
	j.sync = sync
	return j, nil
}

// syncDir makes a rename durable where the file system can. From the rename on
// the new log is the log, so a failure must not bring the old one back.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()  // some file systems cannot flush a directory
	_ = d.Close() // only read from
}
