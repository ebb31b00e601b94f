package archtest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// maxWords is the length of the longest sentence that a page may have.
const maxWords = 40

// sentence is one sentence of a page, with the line on which its block begins.
type sentence struct {
	line int
	text string
}

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	markdownURL = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	listItem    = regexp.MustCompile(`^(?:[-*]|[0-9]+\.) +`)
	sentenceEnd = regexp.MustCompile("[.!?][)\"'*_`]*(?:\\s+|$)")
	abbreviated = regexp.MustCompile(`(?:\b(?:e\.g|i\.e|etc|vs|No)|\.\.)\.$`)
)

// pageSentences returns the sentences of a Markdown page: of its paragraphs,
// headings, list items and table cells. Blocks of code are left out, and a span
// of code or a link counts as the words that a reader sees.
func pageSentences(page string) []sentence {
	page = htmlComment.ReplaceAllStringFunc(page, func(comment string) string {
		return strings.Repeat("\n", strings.Count(comment, "\n"))
	})
	var all []sentence
	var block []string
	start, inCode := 0, false
	flush := func() {
		for _, text := range splitSentences(strings.Join(block, " ")) {
			all = append(all, sentence{start, text})
		}
		block = nil
	}
	for i, line := range strings.Split(page, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			flush()
			inCode = !inCode
			continue
		}
		isRow, isItem := strings.HasPrefix(line, "|"), listItem.MatchString(line)
		if inCode || line == "" {
			flush()
			continue
		}
		if isRow || isItem || strings.HasPrefix(line, "#") {
			flush()
		}
		if block == nil {
			start = i + 1
		}
		if !isRow {
			block = append(block, listItem.ReplaceAllString(strings.TrimLeft(line, "#> "), ""))
		}
		if strings.HasPrefix(line, "#") {
			flush()
		}
		if isRow {
			for cell := range strings.SplitSeq(strings.Trim(hideEscapedPipes(line), "|"), "|") {
				block = []string{strings.TrimSpace(cell)}
				flush()
			}
		}
	}
	flush()
	return all
}

// hideEscapedPipes replaces the pipes of a table row that separate no cells.
func hideEscapedPipes(row string) string {
	return strings.ReplaceAll(row, `\|`, "/")
}

// splitSentences splits a block of text at the ends of its sentences. A full
// stop within a span of code ends none.
func splitSentences(block string) []string {
	block = markdownURL.ReplaceAllString(block, "$1")
	text := codeSpan.ReplaceAllStringFunc(block, func(span string) string {
		return strings.NewReplacer(".", "·", "!", "·", "?", "·").Replace(span)
	})
	var all []string
	for from, start := 0, 0; start < len(text); {
		end := len(text)
		if at := sentenceEnd.FindStringIndex(text[from:]); at != nil {
			end = from + at[1]
			if stop := from + at[0] + 1; end < len(text) && abbreviated.MatchString(text[start:stop]) {
				from = end
				continue
			}
		}
		if s := strings.TrimSpace(text[start:end]); s != "" {
			all = append(all, s)
		}
		from, start = end, end
	}
	return all
}

// countWords counts the words of a sentence: whatever stands between blanks and
// holds a letter or a digit. A span of code is one word.
func countWords(text string) int {
	words := 0
	for word := range strings.FieldsSeq(codeSpan.ReplaceAllString(text, "code")) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			words++
		}
	}
	return words
}

// terraformText matches what terraform shows to people.
var terraformText = regexp.MustCompile(`(?m)^\s*(?:description|error_message|says|display_name)\s*=\s*"((?:[^"\\]|\\.)*)"`)

// readablePages returns the text that people read, by file: the pages of docs,
// those beside them, and the texts of terraform.
func readablePages(t *testing.T) map[string][]sentence {
	t.Helper()
	pages := map[string][]sentence{}
	for _, name := range committed(t) {
		switch {
		case filepath.Ext(name) == ".md":
			pages[name] = pageSentences(readFile(t, name))
		case filepath.Ext(name) == ".tf":
			for _, m := range terraformText.FindAllStringSubmatch(readFile(t, name), -1) {
				for _, text := range splitSentences(m[1]) {
					pages[name] = append(pages[name], sentence{0, text})
				}
			}
		}
	}
	if len(pages) < 30 {
		t.Fatalf("%d pages were found", len(pages))
	}
	return pages
}

func TestNoSentenceOfAPageHasMoreThanFortyWords(t *testing.T) {
	for name, sentences := range readablePages(t) {
		for _, s := range sentences {
			if n := countWords(s.text); n > maxWords {
				t.Errorf("%s:%d has a sentence of %d words, want at most %d: %s", name, s.line, n, maxWords, s.text)
			}
		}
	}
}

func TestAPageIsSplitIntoTheSentencesThatPeopleRead(t *testing.T) {
	for _, tt := range []struct {
		name, page string
		want       []string
	}{
		{"two sentences in a paragraph", "One. Two!", []string{"One.", "Two!"}},
		{"a sentence over two lines", "One\ntwo. Three", []string{"One two.", "Three"}},
		{"paragraphs end sentences", "One\n\ntwo", []string{"One", "two"}},
		{"headings end sentences", "## One\ntwo", []string{"One", "two"}},
		{"items of a list", "- one\n  more\n- two\n1. three", []string{"one more", "two", "three"}},
		{"cells of a table", "| one. Two | three |\n|---|---|\n| `a|b` |", []string{"one.", "Two", "three", "---", "---", "`a", "b`"}},
		{"a pipe inside a cell", `| one \| two | three |`, []string{"one / two", "three"}},
		{"blocks of code are left out", "One:\n```sh\ntwo. three\n```\nfour", []string{"One:", "four"}},
		{"comments are left out", "One.\n<!-- two.\nthree -->\nFour.", []string{"One.", "Four."}},
		{"a full stop in code ends nothing", "See `a. b` here. Two.", []string{"See `a· b` here.", "Two."}},
		{"a full stop in a name ends nothing", "See docs/a.md and 1.5 s. Two.", []string{"See docs/a.md and 1.5 s.", "Two."}},
		{"an abbreviation ends nothing", "Some, e.g. this. Two.", []string{"Some, e.g. this.", "Two."}},
		{"a link shows its text", "See [one. Two](page.md#it). Three.", []string{"See one.", "Two.", "Three."}},
		{"bold text and brackets close a sentence", "**One.** (Two.) Three.", []string{"**One.**", "(Two.)", "Three."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range pageSentences(tt.page) {
				got = append(got, s.text)
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWordsAreCountedAsPeopleReadThem(t *testing.T) {
	for text, want := range map[string]int{
		"":                              0,
		"One, two - three.":             3,
		"`make simulate SEEDS=1` does.": 2,
		"compare-and-set is one word":   4,
		"| --- |":                       0,
	} {
		if got := countWords(text); got != want {
			t.Errorf("%q: got %d words, want %d", text, got, want)
		}
	}
}
