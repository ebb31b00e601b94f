//go:build unix

package docstore

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// crashDir names the directory that a child process of this test serves.
const crashDir = "DOCSTORE_TEST_CRASH_DIR"

// TestMain turns the test binary into a server when it is asked to be the victim.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := victim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim serves dir, compacting often, and prints its address.
func victim(dir string) error {
	srv, err := New(Options{Dir: dir})
	if err != nil {
		return err
	}
	srv.store.disk.compactAt = 32 << 10
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return srv.Serve(l)
}

func TestKilledProcessLosesNoAcknowledgedCommit(t *testing.T) {
	const workers, perRound = 8, 100
	dir := t.TempDir()
	acked := make([]int, workers) // by worker: the last n that was acknowledged
	for range 3 {
		client, kill := startVictim(t, dir)
		var wg sync.WaitGroup
		enough := make(chan struct{}, workers)
		for w := range workers {
			wg.Go(func() {
				for i := 0; ; i++ {
					if i == perRound {
						enough <- struct{}{}
					}
					if _, err := client.Commit(t.Context(), countUp(w, acked[w]+1)); err != nil {
						return // killed
					}
					acked[w]++
				}
			})
		}
		<-enough
		kill()
		wg.Wait()
		wantCounted(t, dir, acked)
	}
}

// countUp writes n to the worker's document, deletes the one for n-2, and makes
// the one for n: the three must come and go together.
func countUp(worker, n int) *pb.CommitRequest {
	doc := func(id string) *pb.Write {
		return setTo(fmt.Sprintf("w%d/%s", worker, id), strconv.Itoa(n))
	}
	gone := &pb.Write{Operation: &pb.Write_Delete{Delete: fmt.Sprintf("%s/w%d/%d", testRoot, worker, n-2)}}
	return &pb.CommitRequest{Database: testDB, Writes: []*pb.Write{doc("last"), doc(strconv.Itoa(n)), gone}}
}

func startVictim(t *testing.T, dir string) (client pb.FirestoreClient, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child printed no address: %v", err)
	}
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimSpace(addr), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return pb.NewFirestoreClient(conn), func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("kill child: %v", err)
		}
		_ = cmd.Wait()   // it was killed
		_ = conn.Close() // nobody is there
	}
}

// wantCounted opens the directory as it was left: each worker's last commit is
// there, or the one that was under way; and it is there as a whole.
func wantCounted(t *testing.T, dir string, acked []int) {
	t.Helper()
	srv, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for w := range acked {
		coll := fmt.Sprintf("%s/w%d", testRoot, w)
		last := srv.store.get(docKey{coll, "last"})
		n, err := strconv.Atoi(last.GetFields()["k"].GetStringValue())
		if err != nil || n != acked[w] && n != acked[w]+1 {
			t.Errorf("worker %d: %d (%v) after %d was acknowledged", w, n, err, acked[w])
		}
		if srv.store.get(docKey{coll, strconv.Itoa(n)}) == nil || srv.store.get(docKey{coll, strconv.Itoa(n - 2)}) != nil {
			t.Errorf("worker %d: commit %d is there in part", w, n)
		}
		acked[w] = n
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

func TestLogIsCompactedWhileCommitsGoOn(t *testing.T) {
	dir := t.TempDir()
	srv, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	srv.store.disk.compactAt = 16 << 10
	b := &bench{Server: srv, t: t, now: time.Now()}
	big := strings.Repeat("x", 1000)
	for i := range 500 {
		b.set(fmt.Sprintf("c/%d", i%5), fmt.Sprint(big, i))
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	snapshots, logs, err := srv.store.disk.generations()
	if err != nil {
		t.Fatal(err)
	}
	if len(snapshots) != 1 || len(logs) != 1 || snapshots[0] != logs[0] || logs[0] == 1 {
		t.Errorf("the directory holds snapshots %v and logs %v, want one of each, of a later generation", snapshots, logs)
	}
	again, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := 495; i < 500; i++ {
		doc, err := again.GetDocument(t.Context(), &pb.GetDocumentRequest{Name: fmt.Sprintf("%s/c/%d", testRoot, i%5)})
		if err != nil || doc.Fields["k"].GetStringValue() != fmt.Sprint(big, i) {
			t.Errorf("document %d is not the last written: %v", i%5, err)
		}
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
