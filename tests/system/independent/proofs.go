// Checks proofs with none of timeglas's code: signed notes and hash trees are those of Go's
// checksum database (golang.org/x/mod/sumdb/note and tlog), which others wrote and others use.
//
// usage: proofs KEYFILE [FILE...]   KEYFILE has the log's key as name+id+base64. The names of
// further files may come on stdin, one a line.
//
// It prints one line a file: "accepted FILE", or "refused FILE: why". Exit status 1 when any was
// refused.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	record     []byte
	index      int64
	hashes     tlog.RecordProof
	checkpoint []byte
}

// C2SP tlog-proof: a first line, the extra data, the index, the hashes, an empty line, and the
// checkpoint.
func parse(text string) (*proof, error) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return nil, errors.New("no proof")
	}
	record, err := base64.StdEncoding.DecodeString(lines[1][len("extra "):])
	if err != nil {
		return nil, err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return nil, err
	}
	p := &proof{record: record, index: index, checkpoint: []byte(checkpoint)}
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		p.hashes = append(p.hashes, hash)
	}
	return p, nil
}

// C2SP tlog-checkpoint: origin, size and root, a line each.
func parseCheckpoint(text string) (origin string, tree tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return "", tree, errors.New("no checkpoint")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return lines[0], tree, err
}

func check(path string, key note.Verifier) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p, err := parse(string(text))
	if err != nil {
		return err
	}
	n, err := note.Open(p.checkpoint, note.VerifierList(key))
	if err != nil {
		return err
	}
	origin, tree, err := parseCheckpoint(n.Text)
	if err != nil {
		return err
	}
	if origin != key.Name() {
		return errors.New("another log")
	}
	err = tlog.CheckRecord(p.hashes, tree.N, tree.Hash, p.index, tlog.RecordHash(p.record))
	if err != nil {
		return err
	}
	var record struct{ N int64 }
	if err := json.Unmarshal(p.record, &record); err != nil {
		return err
	}
	if record.N != p.index+1 {
		return errors.New("the record has another number than its place")
	}
	return nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: proofs KEYFILE [FILE...]")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	key, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	files := os.Args[2:]
	if len(files) == 0 {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			files = append(files, in.Text())
		}
	}
	status := 0
	for _, file := range files {
		if err := check(file, key); err != nil {
			fmt.Printf("refused %s: %v\n", file, err)
			status = 1
		} else {
			fmt.Printf("accepted %s\n", file)
		}
	}
	os.Exit(status)
}
