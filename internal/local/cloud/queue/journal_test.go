package queue

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// failing nacks everything but what it is told to acknowledge.
func failing(but ...string) *script {
	acked := map[string]bool{}
	for _, d := range but {
		acked[d] = true
	}
	return newScript(func(_ context.Context, data string, _ int) (int, error) {
		if acked[data] {
			return http.StatusNoContent, nil
		}
		return http.StatusServiceUnavailable, nil
	})
}

func TestACrashLosesNothingAndKeepsTheOrder(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sub := Subscription{Ordered: true}
		first := failing("a0", "a1", "b0").open(t, sub, Options{Dir: dir, Sync: true})
		mustPublish(t, first, "a", "a0", "a1", "a2", "a3")
		mustPublish(t, first, "b", "b0", "b1")
		synctest.Wait()
		// What is on the disk now is what a killed process leaves.
		if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		mustClose(t, first)

		s := newScript(ok)
		second := s.open(t, sub, Options{Dir: crashed})
		if err := second.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, second)
		got := map[byte][]string{}
		for _, d := range s.seen {
			got[d[0]] = append(got[d[0]], d)
		}
		if diff := cmp.Diff(map[byte][]string{'a': {"a2", "a3"}, 'b': {"b1"}}, got); diff != "" {
			t.Errorf("delivered after the restart (-want +got):\n%s", diff)
		}

		q := newScript(ok).open(t, sub, Options{Dir: crashed})
		if !q.Idle() {
			t.Error("messages are left after all were acknowledged")
		}
		mustClose(t, q)
	})
}

func TestARestartKeepsMessageKeysAttributesTimesIDsAndTopics(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first := failing().open(t, Subscription{Ordered: true}, Options{Dir: dir})
		if err := first.createTopic("projects/p/topics/another"); err != nil {
			t.Fatal(err)
		}
		want := &Message{Data: []byte{0, '\n', 255}, Attributes: map[string]string{"a": "\n", "b": ""}, OrderingKey: "k"}
		if err := first.publish(topicName("p", "operations"), want); err != nil {
			t.Fatal(err)
		}
		mustClose(t, first)
		second := failing().open(t, Subscription{Ordered: true}, Options{Dir: dir})
		e := second.engine("consumer")
		e.mu.Lock()
		got := e.lanes["k"].items.first().msg
		e.mu.Unlock()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("message after the restart (-want +got):\n%s", diff)
		}
		if !second.hasTopic("projects/p/topics/another") {
			t.Error("a topic was forgotten")
		}
		next := &Message{Data: []byte("next")}
		if err := second.publish(topicName("p", "operations"), next); err != nil {
			t.Fatal(err)
		}
		if next.ID <= want.ID {
			t.Errorf("id %s was given after %s", next.ID, want.ID)
		}
		mustClose(t, second)
	})
}

func TestARestartGoesOnCountingFailures(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sub := Subscription{Ordered: true, DeadLetterTopic: "dead-letters", MaxDeliveryAttempts: 5}
		tries := 0
		for tries < 5 {
			s := failing()
			q := s.open(t, sub, Options{Dir: dir})
			if tries == 0 {
				mustPublish(t, q, "k", "poison")
			}
			synctest.Wait() // one try, the next one is seconds away in the bubble
			mustClose(t, q)
			tries += len(s.seen)
			if len(s.seen) == 0 {
				t.Fatalf("gone after %d tries", tries)
			}
		}
		q := failing().open(t, sub, Options{Dir: dir})
		if !q.Idle() {
			t.Errorf("the message is still there after %d tries", tries)
		}
		mustClose(t, q)
	})
}

// logOf returns the text of a log with n messages under one key.
func logOf(t *testing.T, n int) []byte {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := failing().open(t, Subscription{Ordered: true}, Options{Dir: dir})
		for i := range n {
			mustPublish(t, q, "k", fmt.Sprint(i))
		}
		mustClose(t, q)
	})
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// openLog opens a queue over a log and returns how many messages it holds.
func openLog(t *testing.T, text []byte) (int, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, journalName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	st, j, err := load(Options{Dir: dir}.withDefaults(), []Subscription{{Name: "consumer"}}, log)
	if err != nil {
		return 0, err
	}
	return len(st.live), j.close()
}

func TestATornTailCostsOnlyTheTornRecord(t *testing.T) {
	text := logOf(t, 3)
	last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for cut := last; cut <= len(text); cut++ {
		want := 2
		if cut == len(text) {
			want = 3
		}
		got, err := openLog(t, text[:cut])
		if err != nil || got != want {
			t.Errorf("cut %d bytes into the last record: %d messages, %v, want %d", cut-last, got, err, want)
		}
	}
}

func TestDamageBeforeTheEndIsAnError(t *testing.T) {
	text := logOf(t, 3)
	at := bytes.Index(text, []byte(`"message"`))
	text[at+1] ^= 1
	_, err := openLog(t, text)
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("opened a damaged log: %v", err)
	}
}

func TestCompactionKeepsOnlyWhatIsOwed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sub := Subscription{Ordered: true}
		q := newScript(ok).open(t, sub, Options{Dir: dir})
		for i := range 100 {
			mustPublish(t, q, "k", fmt.Sprint(i))
		}
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, q)
		mustClose(t, newScript(ok).open(t, sub, Options{Dir: dir}))
	})
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(text, []byte("\n")); got != 2 { // the next id and the topic
		t.Errorf("%d records are left:\n%s", got, text)
	}
}

func TestALongLogIsShortenedWhileRunning(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q := newScript(ok).open(t, Subscription{}, Options{Dir: dir})
		q.longLog = 4096
		for i := range 100 {
			mustPublish(t, q, "", fmt.Sprint(i))
			if err := q.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, q)
	})
	info, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 4096 {
		t.Errorf("the log has %d bytes although nothing is owed", info.Size())
	}
}

func TestALogThatCannotBeWrittenRefusesMessages(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(ok)
		q := s.open(t, Subscription{}, Options{Dir: dir})
		if err := q.log.file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := q.publish(topicName("p", "operations"), &Message{Data: []byte("m")}); err == nil {
			t.Error("published without a log")
		}
		synctest.Wait()
		if len(s.seen) > 0 {
			t.Error("delivered what is not in the log")
		}
		if err := q.Close(t.Context()); err == nil {
			t.Error("closed a log that was closed before")
		}
	})
}

// TestTheLogAddsUp holds what a log replays to against a model, through any
// sequence of records and compactions.
func TestTheLogAddsUp(t *testing.T) {
	dir := t.TempDir()
	kinds := []string{recordMessage, recordMessage, recordMessage, recordAck, recordAck, recordAck, recordNack, recordNack, "reopen"}
	rapid.Check(t, func(t *rapid.T) {
		if err := os.RemoveAll(filepath.Join(dir, journalName)); err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		opts := Options{Dir: dir}.withDefaults()
		subs := []Subscription{{Name: "s1"}, {Name: "s2"}}
		_, j, err := load(opts, subs, log)
		if err != nil {
			t.Fatal(err)
		}
		model := map[uint64]map[string]int{}
		next := uint64(opts.Now().UnixMicro())
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			r := record{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
			r.Sub = rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "sub")
			r.ID = next - uint64(rapid.IntRange(0, 5).Draw(t, "back"))
			switch r.Kind {
			case recordMessage:
				next++
				r.ID, r.Sub, r.At = next, "", opts.Now().UnixMilli()
				r.Owed = map[string]int{"s1": 0, "s2": 0}
				model[next] = map[string]int{"s1": 0, "s2": 0}
			case recordAck:
				delete(model[r.ID], r.Sub)
				if len(model[r.ID]) == 0 {
					delete(model, r.ID)
				}
			case recordNack:
				if n, owed := model[r.ID][r.Sub]; owed {
					model[r.ID][r.Sub] = n + 1
				}
			case "reopen":
				if err := j.close(); err != nil {
					t.Fatal(err)
				}
				var st *state
				if st, j, err = load(opts, subs, log); err != nil {
					t.Fatal(err)
				}
				got := map[uint64]map[string]int{}
				for id, m := range st.live {
					got[id] = m.Owed
				}
				if diff := cmp.Diff(model, got); diff != "" {
					t.Fatalf("owed (-want +got):\n%s", diff)
				}
				continue
			}
			if err := j.append(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	})
}
